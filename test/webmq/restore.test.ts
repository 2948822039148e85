// What becomes of subscriptions and the session when the connection breaks and comes back.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, VERSIONS } from './bench.ts'

const T = 'http://example.com/t'

describe.each(VERSIONS)('after a reconnect of version %d', (version) => {
  test('every topic is subscribed once per session, in order, over three drops', async () => {
    const b = bench(version)
    const topics = ['a', 'b', 'c']
    let script = await b.open()
    for (const topic of [...topics, 'a']) await b.subscribe(topic)
    const seen: unknown[] = []
    for (const topic of topics) {
      const subscription = await b.session.subscribe(topic)
      subscription.on('event', ({ event }) => seen.push(event))
    }
    for (let round = 1; round <= 3; round++) {
      script = await b.again()
      script.grant()
      await flush()
      expect(script.subscribes).toEqual(topics)
      expect(b.session.stats().subscriptions).toBe(3)
      for (const topic of topics) script.event(topic, `${topic}${round}`)
      await b.clock.advance(60_000)
      expect(script.subscribes).toEqual(topics)
    }
    expect(seen).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'c2', 'a3', 'b3', 'c3'])
    expect(b.session.stats().reconnects).toBe(3)
  })

  test('what was ended, or never granted to anybody who still waits, is not subscribed', async () => {
    const b = bench(version)
    const script = await b.open()
    await b.subscribe('stays')
    const ended = await b.subscribe('ended')
    const leaving = ended.unsubscribe()
    await flush()
    script.grant()
    await leaving
    script.socket.drop()
    const gone = rejection(b.session.subscribe('gone', { timeout: 1 }))
    await b.clock.advance(1)
    await gone
    const next = await b.redial()
    next.accept()
    await flush()
    expect(next.subscribes).toEqual(['stays'])
  })

  test('what is ended while there is no connection is not subscribed, and nobody is told', async () => {
    const b = bench(version)
    await b.open()
    const subscription = await b.subscribe(T)
    const other = await b.subscribe('other')
    b.network.last.drop()
    await subscription.unsubscribe()
    const next = await b.redial()
    next.accept()
    await flush()
    next.grant()
    await flush()
    expect([next.subscribes, next.unsubscribes, subscription.active, other.active]).toEqual([
      ['other'],
      [],
      false,
      true,
    ])
  })

  test('an unsubscribe() in the moment in which the socket closes is not said to the next session', async () => {
    const b = bench(version)
    const first = await b.open()
    const subscription = await b.subscribe(T)
    await b.subscribe('other')
    // It closes, and the client has not heard of it.
    first.socket.readyState = 2
    const leaving = subscription.unsubscribe({ timeout: 0 })
    await leaving
    first.socket.drop()
    const second = await b.redial()
    second.accept()
    await flush()
    second.grant()
    await flush()
    expect([second.subscribes, second.unsubscribes]).toEqual([['other'], []])
  })

  test('a second subscriber that gives up during the outage takes nothing from the first', async () => {
    const b = bench(version)
    await b.open()
    const subscription = await b.subscribe(T)
    const seen: unknown[] = []
    subscription.on('event', ({ event }) => seen.push(event))
    b.network.last.drop()
    const second = rejection(b.session.subscribe(T, { timeout: 1 }))
    await b.clock.advance(1)
    expect(await second).toMatchObject({ code: 'TIMEOUT' })
    const script = await b.redial()
    script.accept()
    await flush()
    script.grant()
    await flush()
    script.event(T, 1)
    expect([script.subscribes, seen, subscription.active]).toEqual([[T], [1], true])
  })

  test('a new subscriber during the outage shares the SUBSCRIBE of the first', async () => {
    const b = bench(version)
    await b.open()
    await b.subscribe(T)
    b.network.last.drop()
    const second = b.session.subscribe(T)
    const script = await b.redial()
    script.accept()
    await flush()
    script.grant()
    await second
    expect(script.subscribes).toEqual([T])
  })

  test('the session id is another one, and none in between', async () => {
    const b = bench(version)
    const [one, two] = version === 1 ? ['S1', 'S2'] : [7, 8]
    await b.open(one)
    expect(b.session.sessionId).toBe(one)
    b.network.last.drop()
    expect(b.session.sessionId).toBeUndefined()
    const script = await b.redial()
    script.accept(two)
    await flush()
    expect(b.session.sessionId).toBe(two)
  })

  test('the gap is told, with how long it was, once per outage', async () => {
    const b = bench(version)
    await b.open()
    await b.subscribe(T)
    const lostAt = b.clock.now()
    b.network.last.drop()
    await b.clock.advance(5_000)
    const failed = await b.redial()
    failed.socket.drop()
    const script = await b.redial()
    await b.clock.advance(2_000)
    script.accept()
    await flush()
    const gap = { type: 'gap', session: 3, duration: b.clock.now() - lostAt }
    expect(b.statuses.filter(({ type }) => type === 'gap')).toEqual([gap])
    await b.again()
    expect(b.statuses.filter(({ type }) => type === 'gap')).toHaveLength(2)
  })

  test('a gap is never negative, whatever the clock does', async () => {
    const b = bench(version)
    await b.open()
    await b.subscribe(T)
    b.network.last.drop()
    const script = await b.redial()
    b.clock.sleep(-3_600_000)
    script.accept()
    await flush()
    expect(b.statuses.filter(({ type }) => type === 'gap')).toEqual([
      expect.objectContaining({ duration: 0 }),
    ])
  })

  test('there is no gap where nobody had subscribed anything, nor at the first connection', async () => {
    const b = bench(version)
    await b.open()
    await b.again()
    await b.subscribe(T)
    expect(b.statuses.filter(({ type }) => type === 'gap')).toEqual([])
  })

  test('close() and connect() bring back what was subscribed, handlers and all', async () => {
    const b = bench(version)
    await b.open()
    const subscription = await b.subscribe(T)
    const seen: unknown[] = []
    subscription.on('event', ({ event }) => seen.push(event))
    await b.session.close()
    expect(subscription.active).toBe(true)
    const script = await b.open()
    script.grant()
    await flush()
    script.event(T, 1)
    expect([script.subscribes, seen, b.session.stats().subscriptions]).toEqual([[T], [1], 1])
    const leaving = subscription.unsubscribe()
    await flush()
    script.grant()
    await leaving
    expect([script.unsubscribes, subscription.active]).toEqual([[T], false])
  })

  test('a subscribe() that the end of the session cut short is not brought back', async () => {
    const b = bench(version)
    const waiting = rejection(b.session.subscribe(T))
    await flush()
    await b.session.close()
    expect(await waiting).toMatchObject({ code: 'CLOSED' })
    const script = await b.open()
    expect(script.subscribes).toEqual([])
  })

  test('a session that gave up is revived by connect(), with its subscriptions', async () => {
    const b = bench(version, { reconnect: false })
    await b.open()
    const subscription = await b.subscribe(T)
    b.network.last.drop()
    await flush()
    expect([b.session.state, subscription.active]).toEqual(['closed', true])
    const script = await b.open()
    expect(script.subscribes).toEqual([T])
  })

  test('a socket that takes no more while subscriptions are restored leaves nothing hanging', async () => {
    const b = bench(version)
    await b.open()
    for (const topic of ['a', 'b', 'c']) await b.subscribe(topic)
    b.network.last.drop()
    const second = await b.redial()
    const { send } = second.socket
    let frames = 0
    second.socket.send = (data) => {
      if (++frames > (version === 1 ? 1 : 2)) throw new Error('gone')
      send.call(second.socket, data)
    }
    second.accept()
    await flush()
    expect([b.session.state, b.session.sessionId]).toEqual(['reconnecting', undefined])
    const third = await b.redial()
    third.accept()
    await flush()
    third.grant()
    await flush()
    expect([third.subscribes, b.session.stats().subscriptions]).toEqual([['a', 'b', 'c'], 3])
  })
})
