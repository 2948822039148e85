// Subscriptions of version 2, whose router answers.
import type { WampEvent } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench2 } from './bench.ts'

const T = 'http://example.com/t'
const values = (events: readonly WampEvent[]) => events.map(({ event }) => event)

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
