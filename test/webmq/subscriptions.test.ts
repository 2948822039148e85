// Subscriptions while the connection is up; see restore.test.ts for what becomes of them when it breaks.
import type { WampEvent } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, bench1, VERSIONS } from './bench.ts'

const T = 'http://example.com/t'
const values = (events: readonly WampEvent[]) => events.map(({ event }) => event)

describe.each(VERSIONS)('subscriptions of version %d', (version) => {
  test('subscribe() connects, and subscribes as soon as that is done', async () => {
    const b = bench(version)
    const subscribing = b.session.subscribe(T)
    await flush()
    expect([b.session.state, b.network.sockets.length]).toEqual(['connecting', 1])
    b.script.accept()
    await flush()
    b.script.grant()
    const subscription = await subscribing
    expect([subscription.topic, subscription.match, subscription.active]).toEqual([T, 'exact', true])
    expect([b.script.subscribes, b.session.stats().subscriptions]).toEqual([[T], 1])
  })

  test('several on one topic share one SUBSCRIBE and one UNSUBSCRIBE; each gets every event', async () => {
    const b = bench(version)
    const script = await b.open()
    const both = Promise.all([b.session.subscribe(T), b.session.subscribe(T)])
    await flush()
    script.grant()
    const subscriptions = [...(await both), await b.session.subscribe(T)]
    const seen: unknown[][] = subscriptions.map(() => [])
    for (const [at, subscription] of subscriptions.entries()) {
      subscription.on('event', ({ event }) => seen[at]!.push(event))
    }
    script.event(T, 'a')
    expect([script.subscribes, seen]).toEqual([[T], [['a'], ['a'], ['a']]])
    await subscriptions[0]!.unsubscribe()
    await subscriptions[1]!.unsubscribe()
    script.event(T, 'b')
    expect([script.unsubscribes, seen]).toEqual([[], [['a'], ['a'], ['a', 'b']]])
    const last = subscriptions[2]!.unsubscribe()
    await flush()
    script.grant()
    await last
    script.event(T, 'c')
    expect([script.unsubscribes, seen[2]]).toEqual([[T], ['a', 'b']])
    expect(b.session.stats().subscriptions).toBe(0)
  })

  test('unsubscribe() twice, or at once, tells the server once', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe(T)
    const both = Promise.all([subscription.unsubscribe(), subscription.unsubscribe()])
    await flush()
    script.grant()
    await both
    await subscription.unsubscribe()
    expect([script.unsubscribes, subscription.active]).toEqual([[T], false])
  })

  test('a topic that was left can be subscribed again, at once and later', async () => {
    const b = bench(version)
    const script = await b.open()
    const first = await b.subscribe(T)
    first.unsubscribe()
    const second = b.session.subscribe(T)
    await flush()
    script.grant()
    const events: WampEvent[] = []
    ;(await second).on('event', (event) => events.push(event))
    script.event(T, 1)
    expect([script.subscribes, script.unsubscribes, values(events)]).toEqual([[T, T], [T], [1]])
    const leaving = (await second).unsubscribe()
    await flush()
    script.grant()
    await leaving
    await b.subscribe(T)
    expect(script.subscribes).toEqual([T, T, T])
  })

  test('an unsubscribe() whose signal has ended already leaves everything as it is', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe(T)
    const error = await rejection(subscription.unsubscribe({ signal: AbortSignal.abort() }))
    expect([error.code, subscription.active, script.unsubscribes]).toEqual(['ABORTED', true, []])
  })

  test('subscribe() ends by its signal or its timeout, and says which; the topic is not subscribed then', async () => {
    const b = bench(version)
    const abort = new AbortController()
    const bySignal = rejection(b.session.subscribe(T, { signal: abort.signal }))
    const byTime = rejection(b.session.subscribe('other', { timeout: 300 }))
    await flush()
    abort.abort('enough')
    expect(await bySignal).toMatchObject({ code: 'ABORTED', cause: 'enough' })
    await b.clock.advance(300)
    expect(await byTime).toMatchObject({ code: 'TIMEOUT' })
    const script = await b.open()
    expect([script.subscribes, b.session.stats().subscriptions]).toEqual([[], 0])
  })

  test.each([{ signal: AbortSignal.abort() }, { timeout: -1 }, { timeout: Number.NaN }])(
    'subscribe() with limits that cannot be met does not even dial (%j)',
    async (limits) => {
      const b = bench(version)
      expect(['ABORTED', 'CONFIG']).toContain((await rejection(b.session.subscribe(T, limits))).code)
      await flush()
      expect([b.session.state, b.network.sockets.length]).toEqual(['idle', 0])
      const script = await b.open()
      expect(script.subscribes).toEqual([])
    },
  )

  test('subscribe() is patient by itself, but not for ever', async () => {
    const b = bench(version, { connectTimeout: 0 })
    const ended = rejection(b.session.subscribe(T))
    await b.clock.advance(30_000)
    expect(await ended).toMatchObject({ code: 'TIMEOUT' })
  })

  test('subscribing 1,000 topics one after the other leaves none behind', async () => {
    const b = bench(version)
    const script = await b.open()
    for (let n = 0; n < 1_000; n++) {
      const subscription = await b.subscribe(`topic${n}`)
      const leaving = subscription.unsubscribe()
      await flush(3)
      script.grant()
      await leaving
    }
    await b.subscribe('last')
    const next = await b.again()
    expect(next.subscribes).toEqual(['last'])
  })
})

describe('subscriptions of version 1', () => {
  test('resolve when they were sent: there is no answer', async () => {
    const b = bench1()
    await b.open()
    await b.session.subscribe(T)
    expect(b.session.stats().subscriptions).toBe(1)
  })

  test.each(['prefix', 'wildcard'] as const)('know no %s', async (match) => {
    const b = bench1()
    expect(await rejection(b.session.subscribe(T, { match }))).toMatchObject({ code: 'CONFIG' })
    expect(b.network.sockets).toHaveLength(0)
  })
})
