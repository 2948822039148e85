// The handlers of a subscription, and the events that they get; see loops.test.ts for `for await`.
import type { WampEvent } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { bench, VERSIONS } from './bench.ts'

const T = 'http://example.com/t'
const values = (events: readonly WampEvent[]) => events.map(({ event }) => event)

describe.each(VERSIONS)('subscriptions of version %d', (version) => {
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
})
