// WAMP-CRA of version 1 that fails: challenges that are none, refusals, and no end.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { AUTH, AUTHREQ } from '../support/wamp.ts'
import { hmac } from './crypto.ts'
import { asked, CHALLENGE, challenged, SECRET, salted, signing } from './signin1.ts'

const ERROR = 'http://api.wamp.ws/error#'

describe('a challenge that is none', () => {
  test.each([
    ['no text', { sessionid: 'S1' }],
    ['null', null],
    ['a number', 5],
    ['no JSON', 'sign me'],
    ['half a JSON', '{"sessionid":'],
  ])('%s is a PROTOCOL error, and nothing is signed', async (_, challenge) => {
    let signed = 0
    for (const auth of [{ secret: SECRET }, { sign: () => `${++signed}` }]) {
      const b = signing({ id: 'joe', ...auth })
      const script = await asked(b)
      await challenged(script, challenge)
      expect(b.errors[0]).toMatchObject({ code: 'PROTOCOL' })
      expect([script.calls, signed, b.session.state]).toEqual([[AUTHREQ], 0, 'connecting'])
    }
  })

  test.each([
    [{ salt: 's', iterations: 1e9 }, 'LIMIT'],
    [{ salt: 's', iterations: 1_000_001 }, 'LIMIT'],
    [{ salt: 's', keylen: 1_025 }, 'LIMIT'],
    [{ salt: 's', iterations: 0 }, 'PROTOCOL'],
    [{ salt: 's', iterations: -1 }, 'PROTOCOL'],
    [{ salt: 's', iterations: 1.5 }, 'PROTOCOL'],
    [{ salt: 's', iterations: 'many' }, 'PROTOCOL'],
    [{ salt: 's', iterations: {} }, 'PROTOCOL'],
    [{ salt: 's', keylen: 0 }, 'PROTOCOL'],
    [{ salt: 's', keylen: 0.5 }, 'PROTOCOL'],
  ])('a salt of %j costs the server its client, and the client no time', async (authextra, code) => {
    const b = signing({ id: 'joe', secret: SECRET })
    const script = await asked(b)
    await challenged(script, salted(authextra))
    expect(b.errors[0]).toMatchObject({ code })
    expect(script.calls).toEqual([AUTHREQ])
  })

  test('iterations beyond all numbers are no number', async () => {
    const b = signing({ id: 'joe', secret: SECRET })
    const script = await asked(b)
    await challenged(
      script,
      CHALLENGE.replace('"authextra":null', '"authextra":{"salt":"s","iterations":1e400}'),
    )
    expect(b.errors[0]).toMatchObject({ code: 'PROTOCOL' })
  })
})

describe('what the server says against it', () => {
  test.each([
    ['already-authenticated', AUTHREQ],
    ['authentication-already-requested', AUTHREQ],
    ['invalid-argument', AUTHREQ],
    ['anonymous-auth-forbidden', AUTHREQ],
    ['no-such-authkey', AUTHREQ],
    ['NoSuchRPCEndpoint', AUTHREQ],
    ['no-authentication-requested', AUTH],
    ['invalid-signature', AUTH],
    ['auth-permissions-error', AUTH],
    ['invalid-argument', AUTH],
  ])('%s in answer to %s is a refusal, for good', async (name, to) => {
    const b = signing({ id: 'joe', secret: SECRET })
    const connecting = rejection(b.session.connect())
    await flush()
    b.script.accept()
    await flush()
    if (to === AUTH) await challenged(b.script)
    b.script.fail(to, ERROR + name, 'the server is against it')
    const error = await connecting
    expect(error).toMatchObject({
      code: 'AUTH_REJECTED',
      retryable: false,
      details: { uri: ERROR + name },
      message: `webmq: the server refused the sign-in (${ERROR}${name} the server is against it); check realm, id and secret`,
    })
    await b.clock.advance(3_600_000)
    expect([b.session.state, b.network.sockets.length]).toEqual(['closed', 1])
  })

  test('may name the error by a CURIE', async () => {
    const b = signing({ id: 'joe', secret: SECRET }, { prefixes: { err: ERROR } })
    const script = await asked(b)
    script.fail(AUTHREQ, 'err:no-such-authkey', 'x')
    await flush()
    expect(b.errors[0]!.details).toEqual({ uri: `${ERROR}no-such-authkey` })
  })

  test('is tried again with `reconnect: { refused: true }`, with a fresh challenge', async () => {
    const b = signing({ id: 'joe', secret: SECRET }, { reconnect: { refused: true } })
    const first = await asked(b)
    await challenged(first)
    first.fail(AUTH, `${ERROR}invalid-signature`, 'x')
    const second = await b.redial()
    second.accept()
    await flush()
    expect(second.calls).toEqual([AUTHREQ])
    const other = CHALLENGE.replace('gbTnaLQ2', 'other')
    expect(await challenged(second, other)).toBe(await hmac(SECRET, other))
  })

  test('is heard by everybody who waits', async () => {
    const b = signing({ id: 'joe', secret: SECRET })
    const waits = [
      b.session.connect(),
      b.session.subscribe('t'),
      b.session.publish('t', 1),
      b.session.call('p'),
    ].map(rejection)
    await flush()
    b.script.accept()
    await flush()
    b.script.fail(AUTHREQ, `${ERROR}no-such-authkey`, 'x')
    for (const wait of waits) expect(await wait).toMatchObject({ code: 'AUTH_REJECTED' })
    expect(await rejection(b.session.call('p'))).toMatchObject({
      code: 'CLOSED',
      cause: { code: 'AUTH_REJECTED' },
    })
  })
})

describe('a sign-in that does not come to an end', () => {
  test.each([AUTHREQ, AUTH])('without an answer to %s is given up with the attempt', async (silent) => {
    const b = signing({ id: 'joe', secret: SECRET }, { connectTimeout: 3_000 })
    const script = await asked(b)
    if (silent === AUTH) await challenged(script)
    await b.clock.advance(3_000)
    expect(b.errors).toEqual([expect.objectContaining({ code: 'CONNECT_TIMEOUT' })])
    expect(script.socket.isOver).toBe(true)
  })

  test.each([0, 60_000])(
    'leaves no timer and nobody waiting when it is closed (connectTimeout %d)',
    async (ms) => {
      const b = signing({ id: 'joe', secret: SECRET }, { connectTimeout: ms })
      const connecting = rejection(b.session.connect())
      await flush()
      b.script.accept()
      await flush()
      await b.session.close()
      expect(await connecting).toMatchObject({ code: 'CLOSED' })
      expect(b.clock.timers).toBe(0)
    },
  )

  test('events and answers that nobody asked for do not disturb it', async () => {
    const b = signing({ id: 'joe', secret: SECRET })
    const script = await asked(b)
    script.event('http://example.com/t', 1)
    script.send(3, 'unknown', 1)
    script.send(4, 'unknown', 'http://x#y', 'text')
    expect(await challenged(script)).toBe(await hmac(SECRET, CHALLENGE))
    script.result(AUTH, {})
    await flush()
    expect(b.session.state).toBe('open')
  })

  test('a message that version 1 does not have ends it', async () => {
    const b = signing({ id: 'joe', secret: SECRET })
    const script = await asked(b)
    script.send(33, 1, 2)
    await flush()
    expect(b.errors[0]).toMatchObject({ code: 'PROTOCOL' })
  })
})
