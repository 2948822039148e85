// `for await` over the events of a subscription.
import type { WampEvent } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, bench2, CONFIG, collect, VERSIONS } from './bench.ts'

const T = 'http://example.com/t'
const numbers = (events: readonly WampEvent[]) => events.map(({ event }) => event)

describe.each(VERSIONS)('messages() of version %d', (version) => {
  test('gives events in order, from when it was called', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe(T)
    subscription.on('event', () => {})
    script.event(T, 0)
    const loop = subscription.messages()
    for (let n = 1; n <= 3; n++) script.event(T, n)
    for (let n = 1; n <= 3; n++) expect((await loop.next()).value.event).toBe(n)
    const next = loop.next()
    script.event(T, 4)
    expect((await next).value).toMatchObject({ topic: T, event: 4, args: [4], receivedAt: b.clock.now() })
  })

  test('gets what came before anybody listened', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe(T)
    script.event(T, 1)
    const loop = subscription.messages()
    script.event(T, 2)
    expect(numbers([(await loop.next()).value, (await loop.next()).value])).toEqual([1, 2])
  })

  test('every loop and every handler gets every event', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe(T)
    const loops = [subscription.messages(), subscription.messages()]
    const handled: WampEvent[] = []
    subscription.on('event', (event) => handled.push(event))
    script.event(T, 1)
    expect(numbers([(await loops[0]!.next()).value, (await loops[1]!.next()).value])).toEqual([1, 1])
    expect(numbers(handled)).toEqual([1])
  })

  test('one that is too slow misses the oldest, which is counted; the others miss nothing', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe(T)
    const slow = subscription.messages({ maxBuffered: 3 })
    const patient = subscription.messages()
    for (let n = 1; n <= 10; n++) script.event(T, n)
    expect(b.session.stats()).toMatchObject({ received: 10, dropped: 7 })
    const got: unknown[] = []
    for (let n = 0; n < 3; n++) got.push((await slow.next()).value.event)
    expect(got).toEqual([8, 9, 10])
    for (let n = 1; n <= 10; n++) expect((await patient.next()).value.event).toBe(n)
  })

  test('one that asks ahead gets as many as it asked for, without a buffer', async () => {
    const b = bench(version)
    const script = await b.open()
    const loop = (await b.subscribe(T)).messages({ maxBuffered: 1 })
    const asked = [loop.next(), loop.next(), loop.next()]
    for (let n = 1; n <= 3; n++) script.event(T, n)
    expect(numbers((await Promise.all(asked)).map(({ value }) => value))).toEqual([1, 2, 3])
    expect(b.session.stats().dropped).toBe(0)
  })

  test('`break` ends it, and nothing is kept for it any more', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe(T)
    const looping = (async () => {
      for await (const { event } of subscription.messages({ maxBuffered: 1 })) return event
    })()
    script.event(T, 1)
    expect(await looping).toBe(1)
    await flush()
    for (let n = 0; n < 5; n++) script.event(T, n)
    expect([b.session.stats().dropped, subscription.active]).toEqual([0, true])
  })

  test('its signal ends it with ABORTED, also one that has ended already', async () => {
    const b = bench(version)
    await b.open()
    const subscription = await b.subscribe(T)
    const abort = new AbortController()
    const looping = collect(subscription.messages({ signal: abort.signal }))
    await flush()
    abort.abort('enough')
    expect(await looping).toEqual({
      items: [],
      error: expect.objectContaining({ code: 'ABORTED', cause: 'enough' }),
    })
    const loop = subscription.messages({ signal: AbortSignal.abort() })
    expect(await rejection(loop.next())).toMatchObject({ code: 'ABORTED' })
    expect(await loop.next()).toEqual({ done: true, value: undefined })
  })

  test('unsubscribe() ends it', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe(T)
    const looping = collect(subscription.messages())
    await flush()
    script.event(T, 1)
    await flush()
    const leaving = subscription.unsubscribe()
    await flush()
    script.grant()
    await leaving
    const { items, error } = await looping
    expect([numbers(items), error]).toEqual([[1], undefined])
    expect(await rejection(subscription.messages().next())).toMatchObject({ code: 'CLOSED' })
  })

  test('close() ends it, and connect() begins with new ones', async () => {
    const b = bench(version)
    await b.open()
    const subscription = await b.subscribe(T)
    const looping = collect(subscription.messages())
    await b.session.close()
    expect(await looping).toEqual({ items: [] })
    expect(await rejection(subscription.messages().next())).toMatchObject({ code: 'CLOSED' })
    const script = await b.open()
    script.grant()
    await flush()
    const loop = subscription.messages()
    script.event(T, 1)
    expect((await loop.next()).value.event).toBe(1)
  })

  test('goes on over a reconnect', async () => {
    const b = bench(version)
    const first = await b.open()
    const loop = (await b.subscribe(T)).messages()
    first.event(T, 1)
    const second = await b.again()
    second.grant()
    await flush()
    second.event(T, 2)
    expect(numbers([(await loop.next()).value, (await loop.next()).value])).toEqual([1, 2])
  })

  test('throws what the session gave up with', async () => {
    const b = bench(version, { reconnect: { retries: 1 } })
    await b.open()
    const looping = collect((await b.subscribe(T)).messages())
    b.network.onDial = (socket) => queueMicrotask(() => socket.drop())
    b.network.last.drop()
    await b.clock.advance(60_000)
    const { error } = await looping
    expect(error).toMatchObject({ code: 'CONNECT_FAILED' })
    expect(b.session.state).toBe('closed')
  })

  test.each([0, -1, Number.NaN, 'many', null])('maxBuffered %j is refused', async (maxBuffered) => {
    const b = bench(version)
    await b.open()
    const subscription = await b.subscribe(T)
    expect(() => subscription.messages({ maxBuffered: maxBuffered as number })).toThrow(CONFIG)
  })

  test('listeners of a signal are let go with the loop', async () => {
    const b = bench(version)
    await b.open()
    const subscription = await b.subscribe(T)
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    Object.assign(signal, {
      addEventListener: (...given: Parameters<typeof add>) => {
        listeners++
        add(...given)
      },
      removeEventListener: (...given: Parameters<typeof remove>) => {
        listeners--
        remove(...given)
      },
    })
    for (let n = 0; n < 10; n++) await subscription.messages({ signal }).return!()
    expect(listeners).toBe(0)
  })
})

test('a refused restoration ends the loops of all who share the topic with what the router said', async () => {
  const b = bench2()
  await b.open()
  const loops = [await b.subscribe(T), await b.session.subscribe(T)].map((one) => collect(one.messages()))
  const script = await b.again()
  script.send(8, 32, 1, {}, 'wamp.error.not_authorized', ['not any more'])
  for (const loop of loops) {
    expect((await loop).error).toMatchObject({
      code: 'PROVIDER',
      details: { uri: 'wamp.error.not_authorized', args: ['not any more'] },
    })
  }
})
