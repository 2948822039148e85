// What becomes of subscriptions, calls and the rest when the connection breaks and comes back.
import type { WampEvent } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { AUTH, AUTHREQ } from '../support/wamp.ts'
import { bench, bench1, bench2, collect, VERSIONS } from './bench.ts'

const T = 'http://example.com/t'
const LOST = expect.objectContaining({ code: 'CONNECTION_LOST' })

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

  test('subscriptions come first, then what waited, in order', async () => {
    const b = bench(version)
    await b.open()
    await b.subscribe('a')
    await b.subscribe('b')
    b.network.last.drop()
    await flush()
    b.session.publish('t', 1).catch(() => {})
    b.session.call('p').catch(() => {})
    b.session.subscribe('c').catch(() => {})
    b.session.publish('t', 2).catch(() => {})
    const script = await b.redial()
    script.accept()
    await flush()
    const types = version === 1 ? [5, 5, 5, 7, 2, 7] : [1, 32, 32, 32, 16, 48, 16]
    expect(script.messages.map(([type]) => type)).toEqual(types)
    expect(script.subscribes).toEqual(['a', 'b', 'c'])
  })

  test('calls that were sent reject with CONNECTION_LOST at once, none hangs, none is sent again', async () => {
    const b = bench(version)
    const first = await b.open()
    const calls = Array.from({ length: 50 }, (_, n) => rejection(b.session.call(`p${n}`)))
    await flush()
    expect(first.calls).toHaveLength(50)
    first.socket.drop()
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({
        code: 'CONNECTION_LOST',
        cause: { code: 'CONNECTION_LOST' },
      })
    }
    const second = await b.redial()
    second.accept()
    await b.clock.advance(60_000)
    expect(second.calls).toEqual([])
  })

  test('calls that were not sent go out exactly once, on the next session', async () => {
    const b = bench(version)
    const first = await b.open()
    first.socket.drop()
    await flush()
    const calls = ['a', 'b', 'c'].map((name) => b.session.call(name))
    const second = await b.redial()
    second.accept()
    await flush()
    for (const name of ['a', 'b', 'c']) second.result(name, name)
    expect(await Promise.all(calls)).toEqual(['a', 'b', 'c'])
    const third = await b.again()
    expect([first.calls, second.calls, third.calls]).toEqual([[], ['a', 'b', 'c'], []])
  })

  test('a connection that breaks in the moment it opens does not fail what was not sent', async () => {
    const b = bench(version)
    const waiting = b.session.call('x', [], { timeout: 0 })
    await flush()
    const first = b.script
    first.accept()
    first.socket.drop()
    const second = await b.redial()
    second.accept()
    await flush()
    second.result('x', 'done')
    expect(await waiting).toBe('done')
    expect([first.calls, second.calls]).toEqual([[], ['x']])
  })

  test('a publication that was sent is done; one that was not is sent once, later', async () => {
    const b = bench(version)
    const first = await b.open()
    await b.session.publish('t', 'sent')
    first.socket.drop()
    const waiting = b.session.publish('t', 'later')
    const second = await b.redial()
    second.accept()
    await waiting
    const events = [first, second].map((script) => script.of(version === 1 ? 7 : 16).map((it) => it.at(-1)))
    expect(events).toEqual(version === 1 ? [['sent'], ['later']] : [[['sent']], [['later']]])
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

  test('a socket that takes no more fails one call and nothing else', async () => {
    const b = bench(version)
    const first = await b.open()
    await b.subscribe(T)
    first.socket.sendFails = new Error('gone')
    expect(await rejection(b.session.call('p'))).toEqual(LOST)
    const second = await b.redial()
    second.accept()
    await flush()
    second.grant()
    const call = b.session.call('p')
    await flush()
    second.result('p', 1)
    expect([await call, second.subscribes]).toEqual([1, [T]])
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

  test('50 breaks, with calls and publications all the while: each is answered or lost, none twice', async () => {
    const b = bench(version, { idleTimeout: 0 })
    const seen = new Map<string, number>()
    let ok = 0
    let lost = 0
    let script = await b.open()
    await b.subscribe(T)
    for (let round = 0; round < 50; round++) {
      const names = Array.from({ length: 6 }, (_, n) => `${round}.${n}`)
      const calls = names.map((name) =>
        b.session.call(name, [], { timeout: 0 }).then(
          () => ok++,
          (error) => {
            expect(error).toEqual(LOST)
            lost++
          },
        ),
      )
      await flush()
      for (const name of names.slice(0, 3)) script.result(name, 1)
      script = await b.again()
      script.grant()
      await Promise.all(calls)
      for (const name of names) seen.set(name, 0)
    }
    expect([ok, lost]).toEqual([150, 150])
    for (const { sent } of b.network.sockets) {
      for (const frame of sent) {
        const message = JSON.parse(frame as string) as unknown[]
        const name = String(message[0] === 2 ? message[2] : message[3])
        if (seen.has(name)) seen.set(name, seen.get(name)! + 1)
      }
    }
    expect([...new Set(seen.values())]).toEqual([1])
  })
})

describe('in order after a reconnect', () => {
  test('version 1: the sign-in, then prefixes, then subscriptions, then what waited', async () => {
    const auth = { id: 'joe', sign: () => 'SIGNED' }
    const b = bench1({ auth, prefixes: { ex: 'http://example.com/' } })
    const signIn = async () => {
      b.script.accept()
      await until(() => b.script.calls.length === 1)
      b.script.result(AUTHREQ, '{"sessionid":"S1"}')
      await until(() => b.script.calls.length === 2)
      b.script.result(AUTH, {})
      await until(() => b.session.state === 'open')
    }
    b.session.connect().catch(() => {})
    await flush()
    await signIn()
    await b.session.subscribe('ex:t')
    b.session.prefix('more', 'http://example.org/')
    b.network.last.drop()
    b.session.publish('t', 1).catch(() => {})
    const script = await b.redial()
    await signIn()
    await flush()
    expect(script.messages.map(([type, first, second]) => [type, type === 2 ? second : first])).toEqual([
      [2, AUTHREQ],
      [2, AUTH],
      [1, 'ex'],
      [1, 'more'],
      [5, 'http://example.com/t'],
      [7, 't'],
    ])
  })

  test('version 2: HELLO, the sign-in, then subscriptions, then what waited', async () => {
    const b = bench2({ auth: { id: 'joe', ticket: 'T' } })
    const signIn = async () => {
      b.script.open()
      b.script.send(4, 'ticket', {})
      await flush()
      b.script.welcome()
      await flush()
    }
    b.session.connect().catch(() => {})
    await flush()
    await signIn()
    await b.subscribe(T)
    b.network.last.drop()
    b.session.call('p').catch(() => {})
    const script = await b.redial()
    await signIn()
    expect(script.messages.map(([type]) => type)).toEqual([1, 5, 32, 48])
  })
})

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
