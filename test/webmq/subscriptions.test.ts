// Subscriptions while the connection is up; see restore.test.ts for what becomes of them when it breaks.
import type { WampEvent } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, bench1, bench2, VERSIONS } from './bench.ts'

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

  test('a handler gets the topic in full, and when it arrived', async () => {
    const b = bench(version, { prefixes: { ex: 'http://example.com/' } })
    const script = await b.open()
    const events: WampEvent[] = []
    ;(await b.subscribe('ex:t')).on('event', (event) => events.push(event))
    await b.clock.advance(1_000)
    script.event(T, 1)
    expect(events).toEqual([expect.objectContaining({ topic: T, receivedAt: b.clock.now(), event: 1 })])
  })

  test('a handler that was taken off hears nothing more; one added twice is called twice', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe(T)
    let calls = 0
    const handler = () => calls++
    const offs = [subscription.on('event', handler), subscription.on('event', handler)]
    script.event(T, 1)
    expect(calls).toBe(2)
    offs[0]!()
    offs[0]!()
    script.event(T, 1)
    expect(calls).toBe(3)
    offs[1]!()
    script.event(T, 1)
    expect(calls).toBe(3)
  })

  test('handlers that throw or reject are told, and harm neither others nor the next event', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe(T)
    const events: WampEvent[] = []
    subscription.on('event', () => {
      throw new Error('thrown')
    })
    subscription.on('event', () => Promise.reject(new Error('rejected')))
    subscription.on('event', () => Promise.reject())
    subscription.on('event', (event) => events.push(event))
    script.event(T, 1)
    script.event(T, 2)
    await flush()
    expect(values(events)).toEqual([1, 2])
    expect(b.errors.map(({ message }) => message).sort()).toEqual(
      ['rejected', 'rejected', 'thrown', 'thrown', 'undefined', 'undefined'].sort(),
    )
    expect(b.session.state).toBe('open')
  })

  test('a handler that adds handlers and subscriptions from within does not run for ever', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe(T)
    let calls = 0
    const handler = () => {
      if (++calls > 100) throw new Error('for ever')
      subscription.on('event', handler)
      b.session.subscribe(T).then((other) => other.on('event', () => calls++))
    }
    subscription.on('event', handler)
    script.event(T, 1)
    await flush()
    expect(calls).toBe(1)
    script.event(T, 2)
    // Two handlers of the first subscription, and one of the second.
    expect(calls).toBe(4)
  })

  test('one that is ended by a handler gets nothing more, not even what is on its way', async () => {
    const b = bench(version)
    const script = await b.open()
    const [first, second, third] = [await b.subscribe(T), await b.subscribe(T), await b.subscribe(T)]
    for (let n = 1; n <= 3; n++) script.event(T, n)
    const seen: unknown[] = []
    third.on('event', ({ event }) => {
      seen.push(event)
      third.unsubscribe()
    })
    expect(seen).toEqual([1])
    second.on('event', () => seen.push('second'))
    first.on('event', () => {})
    seen.length = 0
    first.on('event', () => void second.unsubscribe())
    script.event(T, 4)
    expect(seen).toEqual([])
    expect([first, second, third].map(({ active }) => active)).toEqual([true, false, false])
  })

  test('a handler may end its own subscription, or the session', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe(T)
    let calls = 0
    subscription.on('event', () => {
      calls++
      subscription.unsubscribe().catch(() => {})
    })
    script.event(T, 1)
    script.event(T, 2)
    script.grant()
    const other = await b.subscribe('other')
    other.on('event', () => void b.session.close())
    script.event('other', 1)
    script.event('other', 2)
    await flush()
    expect([calls, b.session.state]).toEqual([1, 'closed'])
  })

  test('events that come before anybody could listen wait for the first who does', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe(T)
    for (let n = 1; n <= 3; n++) script.event(T, n)
    const first: WampEvent[] = []
    const second: WampEvent[] = []
    subscription.on('event', (event) => first.push(event))
    subscription.on('event', (event) => second.push(event))
    script.event(T, 4)
    expect([values(first), values(second)]).toEqual([[1, 2, 3, 4], [4]])
  })

  test('of events that nobody listens to, the newest 1,000 wait, and the others are counted', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe(T)
    for (let n = 1; n <= 1_003; n++) script.event(T, n)
    expect(b.session.stats()).toMatchObject({ received: 1_003, dropped: 3 })
    const events: WampEvent[] = []
    subscription.on('event', (event) => events.push(event))
    expect([events.length, events[0]!.event]).toEqual([1_000, 4])
  })

  test('events of topics that nobody subscribed are counted, and harm nobody', async () => {
    const b = bench(version)
    const script = await b.open()
    const events: WampEvent[] = []
    ;(await b.subscribe(T)).on('event', (event) => events.push(event))
    script.event('http://example.com/other', 1)
    script.event(T, 2)
    expect([values(events), b.session.stats().received, b.session.stats().malformed]).toEqual([[2], 2, 0])
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

describe('subscriptions of version 2', () => {
  test('resolve when the router has answered', async () => {
    const b = bench2()
    const script = await b.open()
    let done = false
    const subscribing = b.session.subscribe(T).then(() => {
      done = true
    })
    await flush()
    expect([done, b.session.stats().subscriptions]).toEqual([false, 0])
    script.grant()
    await subscribing
    expect(b.session.stats().subscriptions).toBe(1)
  })

  test('events on the heels of SUBSCRIBED, in the same breath, reach a handler that is added after await', async () => {
    const b = bench2()
    const script = await b.open()
    const subscribing = b.session.subscribe(T)
    await flush()
    script.grant()
    script.event(T, 1)
    script.event(T, 2)
    const subscription = await subscribing
    const events: WampEvent[] = []
    subscription.on('event', (event) => events.push(event))
    script.event(T, 3)
    expect(values(events)).toEqual([1, 2, 3])
  })

  test('a refused one rejects with what the router said, and can be asked for again', async () => {
    const b = bench2()
    const script = await b.open()
    const refused = [rejection(b.session.subscribe(T)), rejection(b.session.subscribe(T))]
    await flush()
    script.send(8, 32, 1, {}, 'wamp.error.not_authorized', ['not yours'])
    for (const one of refused) {
      expect(await one).toMatchObject({
        code: 'PROVIDER',
        details: { uri: 'wamp.error.not_authorized', args: ['not yours'] },
      })
    }
    expect(b.statuses.filter(({ type }) => type === 'refused')).toEqual([])
    const again = b.session.subscribe(T)
    await flush()
    script.send(33, 2, 55)
    expect((await again).active).toBe(true)
  })

  test('one that nobody waits for any more is given back when it is granted', async () => {
    const b = bench2()
    const script = await b.open()
    const abort = new AbortController()
    const given = rejection(b.session.subscribe(T, { signal: abort.signal }))
    await flush()
    abort.abort()
    await given
    script.grant()
    await flush()
    expect(script.unsubscribes).toEqual([T])
    script.event(T, 1)
    script.grant()
    expect(b.session.stats()).toMatchObject({ subscriptions: 0, malformed: 0 })
  })

  test('one that is wanted again before it was granted is asked for once, and stays', async () => {
    const b = bench2()
    const script = await b.open()
    const abort = new AbortController()
    const given = rejection(b.session.subscribe(T, { signal: abort.signal }))
    await flush()
    abort.abort()
    await given
    // What else is subscribed meanwhile must not make it forgotten.
    b.session.subscribe('other').catch(() => {})
    const again = b.session.subscribe(T)
    await flush()
    script.grant()
    const events: WampEvent[] = []
    ;(await again).on('event', (event) => events.push(event))
    script.event(T, 1)
    expect([script.subscribes, script.unsubscribes, values(events)]).toEqual([[T, 'other'], [], [1]])
  })

  test('an answer without an id is a PROTOCOL error, and the connection goes on', async () => {
    const b = bench2()
    const script = await b.open()
    const subscribing = rejection(b.session.subscribe(T))
    await flush()
    script.send(33, 1, 'five')
    expect(await subscribing).toMatchObject({ code: 'PROTOCOL' })
    expect(b.session.state).toBe('open')
  })

  test('an answer that never comes ends with answerTimeout', async () => {
    const b = bench2({ answerTimeout: 2_000 })
    await b.open()
    const subscribing = rejection(b.session.subscribe(T, { timeout: 0 }))
    await b.clock.advance(2_000)
    expect(await subscribing).toMatchObject({ code: 'TIMEOUT' })
    expect(b.clock.timers).toBe(1)
  })

  test('an UNSUBSCRIBE that is never answered ends with answerTimeout, or its own limits', async () => {
    const b = bench2({ answerTimeout: 2_000 })
    await b.open()
    const one = await b.subscribe(T)
    const two = await b.subscribe('other')
    const byDefault = rejection(one.unsubscribe())
    const byItself = rejection(two.unsubscribe({ timeout: 500 }))
    await b.clock.advance(500)
    expect(await byItself).toMatchObject({
      code: 'TIMEOUT',
      message: 'webmq: no answer to unsubscribe within 500 ms',
    })
    await b.clock.advance(1_500)
    expect(await byDefault).toMatchObject({ code: 'TIMEOUT' })
  })

  test('the same topic by another match is another subscription', async () => {
    const b = bench2()
    const script = await b.open()
    const seen: string[] = []
    for (const [match, id] of [
      ['exact', 1],
      ['prefix', 2],
      ['wildcard', 3],
    ] as const) {
      const subscribing = b.session.subscribe('com.example', { match })
      await flush()
      script.send(33, id, id)
      const subscription = await subscribing
      expect(subscription.match).toBe(match)
      subscription.on('event', ({ topic }) => seen.push(`${match} ${topic}`))
    }
    script.send(36, 1, 9, {}, [])
    script.send(36, 2, 9, { topic: 'com.example.a' }, [])
    script.send(36, 3, 9, { topic: 'com.example.b' }, [])
    expect(seen).toEqual(['exact com.example', 'prefix com.example.a', 'wildcard com.example.b'])
  })

  test('more of them than calls may be under way', async () => {
    const b = bench2({ maxPending: 1 })
    const script = await b.open()
    const all = Promise.all(['a', 'b', 'c'].map((topic) => b.session.subscribe(topic)))
    await flush()
    script.grant()
    await all
    const next = await b.again()
    next.grant()
    await flush()
    expect([next.subscribes, b.session.stats().subscriptions]).toEqual([['a', 'b', 'c'], 3])
  })
})
