// Subscriptions that a router of version 2 does not restore, or does not answer for.
import type { WampEvent } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench2, collect } from './bench.ts'

const T = 'http://example.com/t'
const LOST = expect.objectContaining({ code: 'CONNECTION_LOST' })

describe('a subscription whose restoring version 2 does not answer', () => {
  test('is no refusal: the session is replaced, and all are asked for anew', async () => {
    const b = bench2({ answerTimeout: 2_000 })
    await b.open()
    const subscription = await b.subscribe(T)
    await b.subscribe('other')
    const seen: unknown[] = []
    subscription.on('event', ({ event }) => seen.push(event))
    const second = await b.again()
    second.send(33, 2, 77)
    const call = rejection(b.session.call('p', [], { timeout: 0 }))
    await b.clock.advance(2_000)
    expect(await call).toEqual(LOST)
    expect([second.subscribes, second.socket.isOver, subscription.active]).toEqual([[T, 'other'], true, true])
    expect(b.errors.at(-1)!.message).toBe(`webmq: no answer to the subscription of ${T} within 2000 ms`)
    expect(b.statuses.filter(({ type }) => type === 'refused')).toEqual([])
    const third = await b.redial()
    third.accept()
    await flush()
    third.grant()
    await flush()
    third.event(T, 1)
    expect([third.subscribes, seen, b.session.stats().subscriptions]).toEqual([[T, 'other'], [1], 2])
  })

  test('costs nothing when it was left meanwhile', async () => {
    const b = bench2({ answerTimeout: 2_000, idleTimeout: 0 })
    await b.open()
    const subscription = await b.subscribe(T)
    const second = await b.again()
    await subscription.unsubscribe()
    await b.clock.advance(10_000)
    expect([second.socket.isOver, b.session.state, second.unsubscribes]).toEqual([false, 'open', []])
  })

  test('one that was never granted just ends', async () => {
    const b = bench2({ answerTimeout: 2_000 })
    const script = await b.open()
    const subscribing = rejection(b.session.subscribe(T, { timeout: 0 }))
    await b.clock.advance(2_000)
    expect(await subscribing).toMatchObject({ code: 'TIMEOUT' })
    expect([script.socket.isOver, b.session.state]).toEqual([false, 'open'])
  })
})

describe('a subscription that version 2 does not restore', () => {
  test('is told by status, ends its loops with the error, and is not asked for again', async () => {
    const b = bench2()
    await b.open()
    const subscription = await b.subscribe(T)
    await b.subscribe('other')
    const looping = collect(subscription.messages())
    const script = await b.again()
    const error = expect.objectContaining({
      code: 'PROVIDER',
      details: expect.objectContaining({ uri: 'wamp.error.not_authorized' }),
    })
    script.send(8, 32, 1, {}, 'wamp.error.not_authorized')
    script.send(33, 2, 77)
    await flush()
    expect(b.statuses.filter(({ type }) => type === 'refused')).toEqual([
      { type: 'refused', topic: T, error },
    ])
    expect([await looping, subscription.active]).toEqual([{ items: [], error }, false])
    expect(b.session.stats().subscriptions).toBe(1)
    const next = await b.again()
    expect(next.subscribes).toEqual(['other'])
  })

  test('can be asked for again', async () => {
    const b = bench2()
    await b.open()
    await b.subscribe(T)
    const script = await b.again()
    script.send(8, 32, 1, {}, 'wamp.error.not_authorized')
    await flush()
    const again = b.session.subscribe(T)
    await flush()
    script.send(33, 2, 5)
    const events: WampEvent[] = []
    ;(await again).on('event', (event) => events.push(event))
    script.send(36, 5, 1, {}, [1])
    expect(events).toHaveLength(1)
  })

  test('ends all who share it, those who wait and those who do not', async () => {
    const b = bench2()
    await b.open()
    const old = await b.subscribe(T)
    const looping = collect(old.messages())
    b.network.last.drop()
    const waiting = rejection(b.session.subscribe(T))
    const script = await b.redial()
    script.accept()
    await flush()
    script.send(8, 32, 1, {}, 'wamp.error.not_authorized')
    const error = await waiting
    expect(error).toMatchObject({ code: 'PROVIDER' })
    expect([(await looping).error, old.active]).toEqual([error, false])
    expect(b.statuses.filter(({ type }) => type === 'refused')).toHaveLength(1)
  })

  test('ids of the old session mean nothing on the new one', async () => {
    const b = bench2()
    const first = await b.open()
    const subscribing = [b.session.subscribe('a'), b.session.subscribe('b')]
    await flush()
    first.send(33, 1, 1)
    first.send(33, 2, 2)
    const seen: string[] = []
    for (const one of subscribing)
      (await one).on('event', ({ topic, event }) => seen.push(`${topic}${event}`))
    const second = await b.again()
    // Before it is granted, an event with an id of the old session is nobody's.
    second.send(36, 1, 9, {}, [0])
    second.send(33, 1, 2)
    second.send(33, 2, 1)
    await flush()
    second.send(36, 1, 9, {}, [1])
    second.send(36, 2, 9, {}, [2])
    expect(seen).toEqual(['b1', 'a2'])
  })
})
