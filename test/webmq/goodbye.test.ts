// Taking leave: by this side, by the other, and in the middle of things.
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, bench1, bench2, collect, VERSIONS } from './bench.ts'

const T = 'http://example.com/t'

describe.each(VERSIONS)('close() of version %d', (version) => {
  test('settles everything: calls, subscriptions under way, loops, connect()', async () => {
    const b = bench(version)
    await b.open()
    const looping = collect((await b.subscribe(T)).messages())
    const call = rejection(b.session.call('p'))
    await flush()
    await b.session.close()
    expect(await call).toMatchObject({ code: 'CONNECTION_LOST', cause: { code: 'CLOSED' } })
    expect(await looping).toEqual({ items: [] })
    expect([b.session.state, b.clock.timers, b.network.last.isOver]).toEqual(['closed', 0, true])
  })

  test('ends what waits for a connection, which is never sent', async () => {
    const b = bench(version)
    const waits = [
      b.session.connect(),
      b.session.call('p'),
      b.session.publish('t', 1),
      b.session.subscribe(T),
    ].map(rejection)
    await flush()
    await b.session.close()
    for (const wait of waits) expect(await wait).toMatchObject({ code: 'CLOSED' })
    const script = await b.open()
    await b.clock.advance(5_000)
    expect([script.calls, script.subscribes, script.of(7), script.of(16)]).toEqual([[], [], [], []])
  })

  test('says so to whatever is asked afterwards, and dials for nobody', async () => {
    const b = bench(version)
    await b.open()
    const subscription = await b.subscribe(T)
    await b.session.close()
    for (const ask of [
      () => b.session.call('p'),
      () => b.session.publish('t', 1),
      () => b.session.subscribe('other'),
      () => b.session.subscribe(T),
      () => subscription.messages().next(),
    ]) {
      expect(await rejection(ask())).toMatchObject({ code: 'CLOSED' })
    }
    await b.clock.advance(60_000)
    expect(b.network.sockets).toHaveLength(1)
  })

  test('that is under way is not stretched by what is asked meanwhile', async () => {
    const b = bench(version)
    const script = await b.open()
    script.socket.answersClose = false
    const closed = b.session.close()
    for (const ask of [
      () => b.session.connect(),
      () => b.session.call('p'),
      () => b.session.publish('t', 1),
      () => b.session.subscribe(T),
    ]) {
      expect(await rejection(ask())).toMatchObject({ code: 'CLOSED' })
    }
    await b.clock.advance(500)
    await closed
    expect([b.session.state, b.network.sockets.length, b.clock.timers]).toEqual(['closed', 1, 0])
  })

  test('of an idle session, twice, and by `await using`', async () => {
    const b = bench(version)
    await b.session.close()
    await Promise.all([b.session.close(), b.session.close()])
    await b.session[Symbol.asyncDispose]()
    expect([b.session.state, b.network.sockets.length]).toEqual(['closed', 0])
  })

  test('during the handshake and during the pause between attempts leaves nothing', async () => {
    const greeting = bench(version)
    const connecting = rejection(greeting.session.connect())
    await flush()
    greeting.script.open()
    await greeting.session.close()
    expect(await connecting).toMatchObject({ code: 'CLOSED' })
    const pausing = bench(version)
    await pausing.open()
    pausing.network.last.drop()
    await flush()
    await pausing.session.close()
    for (const b of [greeting, pausing]) {
      expect(b.clock.timers).toBe(0)
      await b.clock.advance(3_600_000)
      expect(b.network.sockets).toHaveLength(1)
    }
  })

  test('of a socket that takes no more does not reject', async () => {
    const b = bench(version)
    const script = await b.open()
    script.socket.sendFails = new Error('gone')
    await b.session.close()
    expect(b.session.state).toBe('closed')
  })

  test('in the middle of a subscription leaves no timer', async () => {
    const b = bench(version)
    await b.open()
    const subscribing = b.session.subscribe(T, { timeout: 0 }).catch(() => {})
    await flush()
    await b.session.close()
    await subscribing
    expect(b.clock.timers).toBe(0)
  })
})

describe('GOODBYE', () => {
  test('is the last word of a session of version 2, and it does not wait for the answer', async () => {
    const b = bench2()
    const script = await b.open()
    const closed = b.session.close()
    await flush()
    expect(script.messages.at(-1)).toEqual([6, {}, 'wamp.close.close_realm'])
    script.send(6, {}, 'wamp.close.goodbye_and_out')
    await closed
    expect([script.of(6).length, script.socket.closedBy]).toEqual([1, { code: 1000 }])
  })

  test('is said to nobody before WELCOME', async () => {
    const b = bench2()
    const script = await b.dial()
    script.open()
    await b.session.close()
    expect(script.of(6)).toEqual([])
  })

  test('is unknown to version 1', async () => {
    const b = bench1()
    const script = await b.open()
    await b.session.close()
    expect(script.messages).toEqual([])
  })

  test('of the router is answered, and the session comes back', async () => {
    const b = bench2()
    const first = await b.open()
    await b.subscribe(T)
    const call = rejection(b.session.call('p'))
    await flush()
    first.send(6, { message: 'bye' }, 'wamp.close.system_shutdown')
    await flush()
    expect(first.messages.at(-1)).toEqual([6, {}, 'wamp.close.goodbye_and_out'])
    expect(await call).toMatchObject({
      code: 'CONNECTION_LOST',
      cause: { code: 'CONNECTION_LOST', details: { uri: 'wamp.close.system_shutdown' } },
    })
    // With a goodbye of the socket, so that the answer arrives.
    expect(first.socket.closedBy).toEqual({ code: 1000 })
    expect([b.session.state, b.session.sessionId]).toEqual(['reconnecting', undefined])
    const second = await b.redial()
    second.accept()
    await flush()
    expect(second.subscribes).toEqual([T])
  })

  test.each([
    ['no reason', [6]],
    ['details that are none', [6, null, 'wamp.close.normal']],
    ['a reason that is no text', [6, {}, { a: 1 }]],
    ['a reason of a megabyte', [6, {}, 'x'.repeat(1_000_000)]],
  ])('of the router with %s is one all the same', async (_, message) => {
    const b = bench2()
    const script = await b.open()
    script.send(...message)
    await flush()
    expect(b.session.state).toBe('reconnecting')
    expect(b.errors[0]!.code).toBe('CONNECTION_LOST')
    expect(b.errors[0]!.message.length).toBeLessThan(400)
  })

  test('what comes behind the router’s GOODBYE is ignored', async () => {
    const b = bench2()
    const script = await b.open()
    const subscription = await b.subscribe(T)
    let events = 0
    subscription.on('event', () => events++)
    script.send(6, {}, 'wamp.close.normal')
    script.event(T, 1)
    script.send(6, {}, 'wamp.close.normal')
    await flush()
    expect([events, script.of(6).length]).toEqual([0, 1])
  })

  test('a router that says it at once, again and again, is not stormed', async () => {
    const b = bench2()
    const dials: number[] = []
    b.network.onDial = (socket) => {
      dials.push(b.clock.now())
      queueMicrotask(() => {
        socket.protocol = 'wamp.2.json'
        socket.open()
        socket.message('[2,7,{}]')
        socket.message('[6,{},"wamp.close.system_shutdown"]')
      })
    }
    b.session.connect().catch(() => {})
    await b.clock.advance(20_000)
    expect(dials.length).toBeGreaterThan(2)
    for (const from of dials) {
      expect(dials.filter((at) => at >= from && at < from + 500).length).toBeLessThanOrEqual(2)
    }
  })

  test('of the router ends a session that may not try again', async () => {
    const b = bench2({ reconnect: false })
    const script = await b.open()
    script.send(6, {}, 'wamp.close.normal')
    await b.clock.advance(1_000)
    expect([b.session.state, b.network.sockets.length]).toEqual(['closed', 1])
  })
})

describe('ABORT of an open session', () => {
  test.each([3, 6])('that quotes the ticket shows it nowhere (%d)', async (type) => {
    const seen: unknown[] = []
    const b = bench2({ auth: { id: 'joe', ticket: 'MARKER' }, logger: (record) => seen.push(record) })
    b.session.on('status', (status) => seen.push(status))
    const script = await b.dial()
    script.open()
    script.send(4, 'ticket', {})
    await flush()
    script.welcome()
    await flush()
    const call = rejection(b.session.call('p'))
    await flush()
    script.send(type, { message: 'MARKER' }, 'com.example.no MARKER')
    seen.push(await call, ...b.errors)
    expect(everything(seen)).toContain('com.example.no …')
    expect(everything(seen)).not.toContain('MARKER')
  })

  test.each(['wamp.error.protocol_violation', 'wamp.error.payload_size_exceeded', 'com.example.kicked'])(
    '%s is a break, after which the session comes back',
    async (uri) => {
      const b = bench2()
      const script = await b.open()
      script.send(3, { message: 'no' }, uri)
      await flush()
      expect(b.errors[0]).toMatchObject({ code: 'CONNECTION_LOST', details: { uri } })
      expect([b.session.state, script.of(6), script.of(3)]).toEqual(['reconnecting', [], []])
      ;(await b.redial()).accept()
      await flush()
      expect(b.session.state).toBe('open')
    },
  )
})
