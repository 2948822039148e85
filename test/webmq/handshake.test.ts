// From the dial to an open session, without a sign-in; see signin*.test.ts for those with one.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, bench1, bench2, VERSIONS } from './bench.ts'

const SUBPROTOCOL = { 1: 'wamp', 2: 'wamp.2.json' } as const

describe.each(VERSIONS)('the handshake of version %d', (version) => {
  test('offers its subprotocol first, and then the other', async () => {
    const b = bench(version)
    const { socket } = await b.dial()
    const other = version === 1 ? 2 : 1
    expect(socket.protocols).toEqual([SUBPROTOCOL[version], SUBPROTOCOL[other]])
  })

  test('is done with WELCOME, and not before', async () => {
    const b = bench(version)
    const states: string[] = []
    b.session.on('state', ({ to }) => states.push(to))
    const script = await b.dial()
    script.open()
    await flush()
    expect([b.session.state, b.session.sessionId]).toEqual(['connecting', undefined])
    script.welcome()
    await flush()
    expect([b.session.state, b.session.sessionId]).toEqual(['open', version === 1 ? 'S1' : 7])
    expect(states).toEqual(['connecting', 'open'])
  })

  test('a server that chose the other version is an error that says so, for good', async () => {
    const b = bench(version)
    const connecting = rejection(b.session.connect())
    await flush()
    const other = version === 1 ? 2 : 1
    b.script.open(SUBPROTOCOL[other])
    const error = await connecting
    expect(error).toMatchObject({
      code: 'CONNECT_FAILED',
      retryable: false,
      details: { protocol: SUBPROTOCOL[other] },
      message: `webmq: the server speaks WAMP version ${other}; set "version: ${other}"`,
    })
    await b.clock.advance(3_600_000)
    expect([b.session.state, b.network.sockets.length, b.script.messages]).toEqual(['closed', 1, []])
  })

  test.each([
    ['', 'chose no subprotocol'],
    ['mqtt', 'chose the subprotocol "mqtt"'],
    ['wamp.2.msgpack', 'chose the subprotocol "wamp.2.msgpack"'],
    [SUBPROTOCOL[version].toUpperCase(), 'chose the subprotocol "WAMP'],
    ['x'.repeat(10_000), `chose the subprotocol "${'x'.repeat(50)}"`],
  ])('a server that chose %j is no WAMP server', async (protocol, says) => {
    const b = bench(version)
    const connecting = rejection(b.session.connect())
    await flush()
    b.script.open(protocol)
    const error = await connecting
    expect(error).toMatchObject({ code: 'CONNECT_FAILED', retryable: false })
    expect(error.message).toContain(says)
    expect(error.message.length).toBeLessThan(200)
    expect([b.session.state, b.network.last.isOver, b.network.last.sent]).toEqual(['closed', true, []])
  })

  test('a mismatch ends a session that was open before, too, and its loops with it', async () => {
    const b = bench(version)
    await b.open()
    const loop = (await b.subscribe('topic')).messages()
    const next = rejection(loop.next())
    b.network.last.drop()
    const script = await b.redial()
    script.open('')
    expect(await next).toMatchObject({ code: 'CONNECT_FAILED', retryable: false })
    expect(b.session.state).toBe('closed')
  })

  test('connect() after a mismatch tries again', async () => {
    const b = bench(version)
    const connecting = rejection(b.session.connect())
    await flush()
    b.script.open('')
    await connecting
    await b.open()
    expect(b.session.state).toBe('open')
  })

  test('a second WELCOME ends the connection, which comes back', async () => {
    const b = bench(version)
    const script = await b.open()
    script.welcome(version === 1 ? 'S2' : 8)
    await flush()
    expect(b.errors).toEqual([expect.objectContaining({ code: 'PROTOCOL' })])
    expect(b.errors[0]!.message).toContain('second WELCOME')
    expect([script.socket.isOver, b.session.state, b.session.sessionId]).toEqual([
      true,
      'reconnecting',
      undefined,
    ])
    const next = await b.redial()
    next.accept()
    await flush()
    expect(b.session.state).toBe('open')
  })

  test('a second WELCOME in the same breath ends it as well', async () => {
    const b = bench(version)
    const script = await b.dial()
    script.open()
    script.welcome()
    script.welcome()
    await flush()
    expect(b.errors[0]).toMatchObject({ code: 'PROTOCOL' })
    expect(script.socket.isOver).toBe(true)
  })

  test('a server that never greets is given up after connectTimeout', async () => {
    const b = bench(version, { connectTimeout: 2_000, reconnect: false })
    const connecting = rejection(b.session.connect())
    await flush()
    b.script.open()
    await b.clock.advance(2_000)
    const error = await connecting
    expect(error).toMatchObject({ code: 'CONNECT_TIMEOUT' })
    expect(error.message).toContain('signing in took longer than 2000 ms')
    expect([b.script.socket.isOver, b.clock.timers]).toEqual([true, 0])
  })

  test.each([
    ['nothing', () => []],
    ['text that is no JSON', () => ['WELCOME']],
    ['an object', () => ['{"0":0}']],
    ['an empty list', () => ['[]']],
    ['a type that is no number', () => ['["0","S1",1,"x"]']],
    ['a WELCOME without an id', (v: 1 | 2) => [v === 1 ? '[0]' : '[2]']],
    ['a WELCOME with an odd id', (v: 1 | 2) => [v === 1 ? '[0,5,1,"x"]' : '[2,"7",{}]']],
    ['the WELCOME of the other version', (v: 1 | 2) => [v === 1 ? '[2,7,{}]' : '[0,"S1",1,"x"]']],
    ['an unknown type', () => ['[99,"x",{}]']],
  ])('%s in place of WELCOME ends the attempt, and the next one works', async (_, frames) => {
    const b = bench(version, { connectTimeout: 1_000 })
    const script = await b.dial()
    script.open()
    for (const frame of frames(version)) script.socket.message(frame)
    await b.clock.advance(1_000)
    expect(b.errors[0]!.code).toBe(frames(version).length > 0 ? 'PROTOCOL' : 'CONNECT_TIMEOUT')
    expect(b.session.stats().malformed).toBe(0)
    const next = await b.redial()
    next.accept()
    await flush()
    expect(b.session.state).toBe('open')
  })

  test('a binary WELCOME is as good as a text', async () => {
    const b = bench(version)
    const script = await b.dial()
    script.open()
    const text = JSON.stringify(version === 1 ? [0, 'S1', 1, 'x'] : [2, 7, {}])
    script.socket.bytes(new TextEncoder().encode(text))
    await flush()
    expect(b.session.state).toBe('open')
  })

  test('the socket that the server closes before WELCOME costs an attempt', async () => {
    const b = bench(version)
    const script = await b.dial()
    script.open()
    script.socket.drop(1002, 'no')
    await flush()
    expect(b.errors[0]).toMatchObject({ code: 'CONNECT_FAILED', details: { code: 1002, reason: 'no' } })
    ;(await b.redial()).accept()
    await flush()
    expect(b.session.state).toBe('open')
  })
})

describe('WELCOME of version 1', () => {
  test.each([2, 0, '1', null, undefined, {}])(
    'of protocol version %j is an error, for good',
    async (given) => {
      const b = bench1()
      const connecting = rejection(b.session.connect())
      await flush()
      b.script.open()
      b.script.send(0, 'S1', ...(given === undefined ? [] : [given]))
      expect(await connecting).toMatchObject({
        code: 'CONNECT_FAILED',
        retryable: false,
        details: { version: given },
      })
      expect(b.session.state).toBe('closed')
    },
  )

  test('needs no server ident', async () => {
    const b = bench1()
    const script = await b.dial()
    script.open()
    script.send(0, 'S1', 1)
    await flush()
    expect(b.session.state).toBe('open')
  })

  test('sends nothing by itself when nobody signs in and there are no prefixes', async () => {
    const script = await bench1().open()
    expect(script.messages).toEqual([])
  })
})

describe('HELLO and WELCOME of version 2', () => {
  test('HELLO names realm and roles, and nobody who would sign in', async () => {
    const b = bench2()
    const script = await b.dial()
    script.open()
    const [hello, ...rest] = script.messages
    expect(rest).toEqual([])
    expect(hello).toEqual([1, 'realm1', { roles: expect.any(Object) }])
    expect((hello![2] as { roles: object }).roles).toEqual({
      caller: { features: { call_canceling: true } },
      publisher: { features: { publisher_exclusion: true, subscriber_blackwhite_listing: true } },
      subscriber: { features: { pattern_based_subscription: true } },
    })
  })

  test('HELLO names the realm that was asked for', async () => {
    const b = bench2({ realm: 'com.example.realm' })
    const script = await b.dial()
    script.open()
    expect(script.messages[0]![1]).toBe('com.example.realm')
  })

  test.each([
    ['no details', [2, 9]],
    ['empty details', [2, 9, {}]],
    ['unknown details', [2, 9, { realm: 'r', odd: { deep: [1] }, authrole: 'x' }]],
    ['more than belongs to it', [2, 9, {}, 'more', 1]],
  ])('WELCOME with %s is fine', async (_, message) => {
    const b = bench2()
    const script = await b.dial()
    script.open()
    script.send(...message)
    await flush()
    expect([b.session.state, b.session.sessionId]).toEqual(['open', 9])
  })

  test('ids go up to 2^53', async () => {
    const b = bench2()
    await b.open(2 ** 53)
    expect(b.session.sessionId).toBe(9_007_199_254_740_992)
  })
})
