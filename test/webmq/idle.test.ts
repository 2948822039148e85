// A3 and A4 · a connection on which nothing happens.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { bench, VERSIONS } from './bench.ts'

const HOUR = 3_600_000
const PROBES = { 1: 'http://api.wamp.ws/procedure#ping', 2: 'wamp.session.count' } as const

describe.each(VERSIONS)('a quiet connection of version %d', (version) => {
  test('A4 · whose server answers stays for hours, with its session id and its subscriptions', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe('topic')
    const { send } = script.socket
    script.socket.send = (data) => {
      send.call(script.socket, data)
      // That there is no such procedure is an answer, too.
      queueMicrotask(() => script.fail(PROBES[version], 'http://api.wamp.ws/error#NoSuchRPCEndpoint', 'no'))
    }
    await b.clock.advance(HOUR)
    expect([b.session.state, b.network.sockets.length, subscription.active]).toEqual(['open', 1, true])
    expect([b.session.sessionId, b.errors, b.session.stats().malformed]).toEqual([
      version === 1 ? 'S1' : 7,
      [],
      0,
    ])
    expect([new Set(script.calls), script.calls.length]).toEqual([new Set([PROBES[version]]), 12])
  })

  test('A3 · whose server says nothing any more is replaced', async () => {
    const b = bench(version)
    const script = await b.open()
    await b.subscribe('topic')
    await b.clock.advance(299_999)
    expect(script.calls).toEqual([])
    await b.clock.advance(1)
    expect([script.calls, script.socket.isOver]).toEqual([[PROBES[version]], false])
    await b.clock.advance(10_000)
    expect([script.socket.isOver, b.network.sockets.length]).toEqual([true, 2])
    expect(b.errors[0]).toMatchObject({ code: 'CONNECTION_LOST' })
    b.script.accept()
    await flush()
    expect([b.script.subscribes, b.script.calls]).toEqual([['topic'], []])
  })

  test('A3 · on which anything arrives is asked nothing', async () => {
    const b = bench(version, { idleTimeout: 60_000 })
    const script = await b.open()
    await b.subscribe('topic')
    for (let minute = 0; minute < 60; minute++) {
      await b.clock.advance(59_000)
      script.event('topic', minute)
    }
    expect([script.calls, b.network.sockets.length]).toEqual([[], 1])
  })

  test('A3 · is trusted for ever with idleTimeout 0', async () => {
    const b = bench(version, { idleTimeout: 0 })
    const script = await b.open()
    await b.clock.advance(24 * HOUR)
    expect([script.calls, b.network.sockets.length, b.clock.timers]).toEqual([[], 1, 0])
  })

  test('what it is asked counts neither as a round trip nor as a call of the user’s', async () => {
    const b = bench(version, { maxPending: 1 })
    const script = await b.open()
    const call = b.session.call('p', [], { timeout: 0 })
    await b.clock.advance(300_000)
    expect(script.calls).toEqual(['p', PROBES[version]])
    script.result(PROBES[version], 5)
    await flush()
    expect(b.session.stats().lastRoundTrip).toBeUndefined()
    script.result('p', 1)
    expect(await call).toBe(1)
  })
})
