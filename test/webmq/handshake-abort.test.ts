// ABORT in place of WELCOME: what is for good, and what passes.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench2 } from './bench.ts'

describe('ABORT in the handshake', () => {
  test.each([
    'wamp.error.no_such_realm',
    'wamp.error.not_authorized',
    'wamp.error.authentication_failed',
    'wamp.error.no_matching_auth_method',
    'wamp.error.no_such_role',
    'com.example.banned',
  ])('%s is a refusal, for good', async (uri) => {
    const b = bench2()
    const connecting = rejection(b.session.connect())
    await flush()
    b.script.open()
    b.script.send(3, { message: 'not you' }, uri)
    const error = await connecting
    expect(error).toMatchObject({ code: 'AUTH_REJECTED', retryable: false, details: { uri } })
    expect(error.message).toBe(
      `webmq: the server refused the sign-in (${uri} not you); check realm, id and secret`,
    )
    await b.clock.advance(3_600_000)
    expect([b.session.state, b.network.sockets.length]).toEqual(['closed', 1])
  })

  test.each([
    'wamp.close.system_shutdown',
    'wamp.error.unavailable',
    'wamp.error.timeout',
    'wamp.error.canceled',
    'wamp.error.protocol_violation',
  ])('%s passes: the session tries again', async (uri) => {
    const b = bench2()
    const script = await b.dial()
    script.open()
    script.send(3, {}, uri)
    await flush()
    expect(b.errors[0]).toMatchObject({ code: 'PROVIDER', details: { uri } })
    expect(b.session.state).toBe('connecting')
    ;(await b.redial()).accept()
    await flush()
    expect(b.session.state).toBe('open')
  })

  test('is tried again with `reconnect: { refused: true }`', async () => {
    const b = bench2({ reconnect: { refused: true } })
    const script = await b.dial()
    script.open()
    script.send(3, {}, 'wamp.error.no_such_realm')
    await flush()
    expect(b.errors[0]).toMatchObject({ code: 'AUTH_REJECTED' })
    ;(await b.redial()).accept()
    await flush()
    expect(b.session.state).toBe('open')
  })

  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  test.each([
    ['no reason', '[3,{}]'],
    ['nothing at all', '[3]'],
    ['a reason that is no text', '[3,{},{"a":1}]'],
    ['details that are no object', '[3,null,"wamp.error.no_such_realm"]'],
    ['a message that is no text', '[3,{"message":{"a":1}},"wamp.error.no_such_realm"]'],
    ['a reason as deep as a well', `[3,{},${deep}]`],
    ['a message as deep as a well', `[3,{"message":${deep}},"x"]`],
    ['a reason of a megabyte', `[3,{"message":"${'y'.repeat(1_000_000)}"},"${'x'.repeat(1_000_000)}"]`],
  ])('with %s is a typed error of bounded length', async (_, frame) => {
    const b = bench2({ reconnect: false })
    const connecting = rejection(b.session.connect())
    await flush()
    b.script.open()
    b.script.socket.message(frame)
    const error = await connecting
    expect(error.name).toBe('IsomqError')
    // An engine that cannot parse what is deep takes it for no JSON.
    expect(['AUTH_REJECTED', 'PROTOCOL']).toContain(error.code)
    expect(error.message.length).toBeLessThan(600)
  })
})
