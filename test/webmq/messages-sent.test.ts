// Each message as it stands on the wire: what a client of the two versions sends.
import type { WampPublishOptions, WampSession } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench1, bench2, type WampBench } from './bench.ts'

type Act = (session: WampSession) => unknown

/** What is sent when a session does something; answers are not waited for. */
async function sent(b: WampBench, act: Act): Promise<unknown[]> {
  const script = await b.open()
  const before = script.messages.length
  Promise.resolve(act(b.session)).catch(() => {})
  await flush()
  return script.messages.slice(before)
}

const publish =
  (event: unknown, options?: WampPublishOptions): Act =>
  (session) =>
    session.publish('t', event, options)

describe('version 1 sends', () => {
  const T = 'http://example.com/t'
  test.each<[string, Act, unknown]>([
    ['SUBSCRIBE', (s) => s.subscribe(T), [5, T]],
    ['PUBLISH of a text', publish('x'), [7, 't', 'x']],
    ['PUBLISH of an object', publish({ a: [1, null, 'é'] }), [7, 't', { a: [1, null, 'é'] }]],
    ['PUBLISH of null', publish(null), [7, 't', null]],
    ['PUBLISH of nothing', publish(undefined), [7, 't', null]],
    ['PUBLISH of false', publish(false), [7, 't', false]],
    ['PUBLISH of a list', publish([1, 2]), [7, 't', [1, 2]]],
    ['PUBLISH, the publisher excluded', publish('x', { excludeMe: true }), [7, 't', 'x', true]],
    ['PUBLISH, the publisher included', publish('x', { excludeMe: false }), [7, 't', 'x', false]],
    ['PUBLISH, others excluded', publish('x', { exclude: ['A', 'B'] }), [7, 't', 'x', ['A', 'B', 'S1']]],
    ['PUBLISH, nobody excluded', publish('x', { exclude: [] }), [7, 't', 'x', ['S1']]],
    [
      'PUBLISH, others excluded and the publisher included',
      publish('x', { excludeMe: false, exclude: ['A'] }),
      [7, 't', 'x', ['A']],
    ],
    [
      'PUBLISH, others and the publisher excluded',
      publish('x', { excludeMe: true, exclude: ['A'] }),
      [7, 't', 'x', ['A', 'S1']],
    ],
    ['PUBLISH for some', publish('x', { eligible: ['A'] }), [7, 't', 'x', ['S1'], ['A']]],
    ['PUBLISH for nobody', publish('x', { eligible: [] }), [7, 't', 'x', ['S1'], []]],
    [
      'PUBLISH for some, the publisher included',
      publish('x', { eligible: ['A', 'S1'], excludeMe: false }),
      [7, 't', 'x', [], ['A', 'S1']],
    ],
    [
      'PUBLISH for some, but not for one',
      publish('x', { eligible: ['A', 'B'], exclude: ['B'] }),
      [7, 't', 'x', ['B', 'S1'], ['A', 'B']],
    ],
    ['CALL without arguments', (s) => s.call(T), [2, expect.any(String), T]],
    [
      'CALL with arguments, one after the other',
      (s) => s.call(T, [1, 'x', null, { a: 1 }, [2]]),
      [2, expect.any(String), T, 1, 'x', null, { a: 1 }, [2]],
    ],
    ['PREFIX', (s) => s.prefix('ex', 'http://example.com/'), [1, 'ex', 'http://example.com/']],
  ])('%s', async (_, act, expected) => {
    expect(await sent(bench1(), act)).toEqual([expected])
  })

  test('UNSUBSCRIBE', async () => {
    const b = bench1()
    await b.open()
    const subscription = await b.subscribe(T)
    await subscription.unsubscribe()
    expect(b.script.messages).toEqual([
      [5, T],
      [6, T],
    ])
  })

  test('another id for each call', async () => {
    const b = bench1()
    const messages = await sent(b, (s) => {
      for (let n = 0; n < 100; n++) s.call('p').catch(() => {})
    })
    expect(new Set(messages.map((message) => (message as unknown[])[1])).size).toBe(100)
  })
})

describe('version 2 sends', () => {
  const T = 'com.example.t'
  test.each<[string, Act, unknown]>([
    ['SUBSCRIBE', (s) => s.subscribe(T), [32, 1, {}, T]],
    ['SUBSCRIBE, exact', (s) => s.subscribe(T, { match: 'exact' }), [32, 1, {}, T]],
    ['SUBSCRIBE, prefix', (s) => s.subscribe(T, { match: 'prefix' }), [32, 1, { match: 'prefix' }, T]],
    [
      'SUBSCRIBE, wildcard',
      (s) => s.subscribe('com..t', { match: 'wildcard' }),
      [32, 1, { match: 'wildcard' }, 'com..t'],
    ],
    ['PUBLISH of nothing', publish(undefined), [16, 1, {}, 't']],
    ['PUBLISH of null', publish(null), [16, 1, {}, 't', [null]]],
    ['PUBLISH of a text', publish('x'), [16, 1, {}, 't', ['x']]],
    ['PUBLISH of a list', publish([1, 2]), [16, 1, {}, 't', [[1, 2]]]],
    ['PUBLISH of more', publish('x', { args: [1, null] }), [16, 1, {}, 't', ['x', 1, null]]],
    ['PUBLISH of more, but no event', publish(undefined, { args: [1] }), [16, 1, {}, 't', [1]]],
    ['PUBLISH of names', publish(undefined, { kwargs: { a: 1 } }), [16, 1, {}, 't', [], { a: 1 }]],
    ['PUBLISH of both', publish('x', { kwargs: { a: 1 } }), [16, 1, {}, 't', ['x'], { a: 1 }]],
    ['PUBLISH of no names', publish('x', { kwargs: {} }), [16, 1, {}, 't', ['x']]],
    ['PUBLISH of no arguments', publish(undefined, { args: [], kwargs: {} }), [16, 1, {}, 't']],
    [
      'PUBLISH, acknowledged',
      publish('x', { acknowledge: true }),
      [16, 1, { acknowledge: true }, 't', ['x']],
    ],
    [
      'PUBLISH, acknowledged by whatever is true',
      publish('x', { acknowledge: 1 as never }),
      [16, 1, { acknowledge: true }, 't', ['x']],
    ],
    ['PUBLISH, not acknowledged', publish('x', { acknowledge: false }), [16, 1, {}, 't', ['x']]],
    [
      'PUBLISH, the publisher included',
      publish('x', { excludeMe: false }),
      [16, 1, { exclude_me: false }, 't', ['x']],
    ],
    ['PUBLISH, others excluded', publish('x', { exclude: [1, 2] }), [16, 1, { exclude: [1, 2] }, 't', ['x']]],
    ['PUBLISH for some', publish('x', { eligible: [1] }), [16, 1, { eligible: [1] }, 't', ['x']]],
    [
      'PUBLISH with all of it',
      publish('x', { excludeMe: true, exclude: [1], eligible: [2], acknowledge: true }),
      [16, 1, { exclude_me: true, exclude: [1], eligible: [2], acknowledge: true }, 't', ['x']],
    ],
    ['CALL without arguments', (s) => s.call(T), [48, 1, {}, T]],
    ['CALL with arguments', (s) => s.call(T, [1, 'x']), [48, 1, {}, T, [1, 'x']]],
    ['CALL with names', (s) => s.call(T, [], { kwargs: { a: 1 } }), [48, 1, {}, T, [], { a: 1 }]],
    ['CALL with both', (s) => s.call(T, [1], { kwargs: { a: 1 } }), [48, 1, {}, T, [1], { a: 1 }]],
    ['CALL with empty names', (s) => s.call(T, [1], { kwargs: {} }), [48, 1, {}, T, [1]]],
  ])('%s', async (_, act, expected) => {
    expect(await sent(bench2(), act)).toEqual([expected])
  })

  test('UNSUBSCRIBE, by the id of the subscription', async () => {
    const b = bench2()
    const script = await b.open()
    const subscription = await b.subscribe(T)
    subscription.unsubscribe().catch(() => {})
    await flush()
    expect(script.messages.at(-1)).toEqual([34, 2, 1000])
    script.grant()
  })

  test('GOODBYE when it is closed', async () => {
    const b = bench2()
    const script = await b.open()
    await b.session.close()
    expect(script.messages.at(-1)).toEqual([6, {}, 'wamp.close.close_realm'])
  })

  test('no PREFIX: it does not know it', async () => {
    expect(await sent(bench2(), (s) => s.prefix('ex', 'com.example.'))).toEqual([])
  })

  test('one id after the other, whatever the request, from 1 in every session', async () => {
    const b = bench2()
    const ids = (messages: readonly (readonly unknown[])[]) =>
      messages.slice(1).map(([type, id]) => [type, id])
    for (let round = 0; round < 2; round++) {
      const script = round === 0 ? await b.open() : await b.again()
      b.session.publish('t', 1).catch(() => {})
      b.session.call('p').catch(() => {})
      b.session.subscribe(`t${round}`).catch(() => {})
      b.session.publish('t', 1, { acknowledge: true }).catch(() => {})
      b.session.call('p').catch(() => {})
      await flush()
      const restored = round === 0 ? [] : [[32, 1]]
      const rest = [16, 48, 32, 16, 48].map((type, at) => [type, at + 1 + restored.length])
      expect(ids(script.messages)).toEqual([...restored, ...rest])
    }
  })

  test('no id for what was not sent: no JSON, a signal that has ended, a full queue', async () => {
    const b = bench2({ maxPending: 1 })
    const script = await b.open()
    const refused = [
      b.session.call('p', [1n]),
      b.session.publish('t', 1n),
      b.session.publish('t', 1n, { acknowledge: true }),
      b.session.call('p', [], { signal: AbortSignal.abort() }),
      b.session.call('p', [], { timeout: -1 }),
    ]
    for (const one of refused) await rejection(one)
    b.session.call('p').catch(() => {})
    expect(await rejection(b.session.call('p'))).toMatchObject({ code: 'QUEUE_FULL' })
    expect(script.messages.slice(1)).toEqual([[48, 1, {}, 'p']])
  })
})
