// Each message as it stands on the wire: what a client of the two versions makes of what it gets.
import type { WampEvent, WampSession } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench1, bench2 } from './bench.ts'

describe('version 1 reads', () => {
  test.each([
    ['a text', 'x'],
    ['null', null],
    ['a number', 0],
    ['false', false],
    ['a list', [1, [2]]],
    ['an object', { a: { b: 'é😀' } }],
    ['an empty text', ''],
  ])('EVENT with %s', async (_, payload) => {
    const b = bench1()
    const script = await b.open()
    const events: WampEvent[] = []
    ;(await b.subscribe('t')).on('event', (event) => events.push(event))
    script.send(8, 't', payload)
    expect(events).toEqual([
      {
        topic: 't',
        event: payload,
        args: [payload],
        kwargs: {},
        publication: undefined,
        publisher: undefined,
        receivedAt: b.clock.now(),
      },
    ])
  })

  test.each([
    ['CALLRESULT with a text', ['x'], 'x'],
    ['CALLRESULT with null', [null], null],
    ['CALLRESULT with a list', [[1, 2]], [1, 2]],
    ['CALLRESULT without a result', [], undefined],
    ['CALLRESULT with more than there is', [1, 2, 3], 1],
  ])('%s', async (_, result, expected) => {
    const b = bench1()
    const script = await b.open()
    const call = b.session.call('p')
    await flush()
    script.send(3, script.callId('p'), ...result)
    expect(await call).toEqual(expected)
  })

  test.each([
    ['CALLERROR', ['http://x.com/e', 'it broke'], ['it broke'], {}],
    ['CALLERROR with details', ['http://x.com/e', 'it broke', { a: 1 }], ['it broke'], { details: { a: 1 } }],
    ['CALLERROR without a description', ['http://x.com/e'], [undefined], {}],
    ['CALLERROR with null for details', ['http://x.com/e', 'd', null], ['d'], { details: null }],
  ])('%s', async (_, rest, args, kwargs) => {
    const b = bench1()
    const script = await b.open()
    const call = rejection(b.session.call('p'))
    await flush()
    script.send(4, script.callId('p'), ...rest)
    const error = await call
    expect(error).toMatchObject({ code: 'PROVIDER', retryable: false })
    expect(error.details).toEqual({ uri: 'http://x.com/e', args, kwargs })
    expect(error.message).toContain('http://x.com/e')
  })
})

describe('version 2 reads', () => {
  test.each<[string, unknown[], Partial<WampEvent>]>([
    ['EVENT without a payload', [{}], { event: undefined, args: [], kwargs: {} }],
    ['EVENT with one argument', [{}, ['x']], { event: 'x', args: ['x'], kwargs: {} }],
    ['EVENT with several', [{}, [1, 2]], { event: 1, args: [1, 2], kwargs: {} }],
    ['EVENT with names', [{}, [], { a: 1 }], { event: undefined, args: [], kwargs: { a: 1 } }],
    ['EVENT with null for the arguments', [{}, null, null], { event: undefined, args: [], kwargs: {} }],
    ['EVENT with its publisher', [{ publisher: 99 }, ['x']], { publisher: 99 }],
    ['EVENT with its topic', [{ topic: 'com.example.other' }, ['x']], { topic: 'com.example.other' }],
    ['EVENT with unknown details', [{ odd: 1, retained: true }, ['x']], { event: 'x', topic: 't' }],
    ['EVENT with odd details', [{ publisher: 'p', topic: 5 }, ['x']], { publisher: undefined, topic: 't' }],
    ['EVENT without details', [], { event: undefined, args: [] }],
  ])('%s', async (_, rest, expected) => {
    const b = bench2()
    const script = await b.open()
    const events: WampEvent[] = []
    ;(await b.subscribe('t')).on('event', (event) => events.push(event))
    script.send(36, script.idOf('t'), 4711, ...rest)
    expect(events).toEqual([expect.objectContaining({ publication: 4711, ...expected })])
  })

  test.each([
    ['RESULT without anything', [{}], undefined],
    ['RESULT without details', [], undefined],
    ['RESULT with one', [{}, ['x']], 'x'],
    ['RESULT with null', [{}, [null]], null],
    ['RESULT with an empty list', [{}, []], undefined],
    ['RESULT with several', [{}, [1, 2]], { args: [1, 2], kwargs: {} }],
    ['RESULT with names', [{}, [], { a: 1 }], { args: [], kwargs: { a: 1 } }],
    ['RESULT with both', [{}, [1], { a: 1 }], { args: [1], kwargs: { a: 1 } }],
    ['RESULT with no names', [{}, [1], {}], 1],
    ['RESULT with unknown details', [{ progress: false, odd: {} }, [1]], 1],
  ])('%s', async (_, rest, expected) => {
    const b = bench2()
    const script = await b.open()
    const call = b.session.call('p')
    await flush()
    script.send(50, script.callId('p'), ...rest)
    expect(await call).toEqual(expected)
  })

  test.each([
    ['ERROR', [{}, 'com.example.e'], [], {}, 'com.example.e'],
    ['ERROR with arguments', [{}, 'com.example.e', ['it broke', 1]], ['it broke', 1], {}, 'it broke'],
    ['ERROR with names', [{}, 'com.example.e', [], { a: 1 }], [], { a: 1 }, 'com.example.e'],
    ['ERROR with odd arguments', [{}, 'com.example.e', 'no list', 5], [], {}, 'com.example.e'],
  ])('%s', async (_, rest, args, kwargs, says) => {
    const b = bench2()
    const script = await b.open()
    const call = rejection(b.session.call('p'))
    await flush()
    script.send(8, 48, script.callId('p'), ...rest)
    const error = await call
    expect(error).toMatchObject({ code: 'PROVIDER', retryable: false })
    expect(error.details).toEqual({ uri: 'com.example.e', args, kwargs })
    expect(error.message).toContain(says)
  })

  test('PUBLISHED, with the publication’s id', async () => {
    const b = bench2()
    const script = await b.open()
    const publishing = b.session.publish('t', 'x', { acknowledge: true })
    await flush()
    script.send(17, 1, 4711)
    expect(await publishing).toBe(4711)
  })

  test('SUBSCRIBED and UNSUBSCRIBED', async () => {
    const b = bench2()
    const script = await b.open()
    const subscribing = b.session.subscribe('t')
    await flush()
    script.send(33, 1, 5)
    const subscription = await subscribing
    const leaving = subscription.unsubscribe()
    await flush()
    expect(script.messages.at(-1)).toEqual([34, 2, 5])
    script.send(35, 2)
    await leaving
  })

  test.each([
    ['SUBSCRIBE', 32, (s: WampSession) => s.subscribe('t')],
    ['PUBLISH', 16, (s: WampSession) => s.publish('t', 1, { acknowledge: true })],
    ['CALL', 48, (s: WampSession) => s.call('t')],
  ])('ERROR to a %s', async (_, type, act) => {
    const b = bench2()
    const script = await b.open()
    const done = rejection(act(b.session))
    await flush()
    script.send(8, type, 1, {}, 'wamp.error.not_authorized', ['no'])
    const error = await done
    expect(error).toMatchObject({
      code: 'PROVIDER',
      details: { uri: 'wamp.error.not_authorized', args: ['no'] },
    })
    expect(b.session.state).toBe('open')
  })

  test('ERROR to an UNSUBSCRIBE, after which it is over all the same', async () => {
    const b = bench2()
    const script = await b.open()
    const subscription = await b.subscribe('t')
    const leaving = rejection(subscription.unsubscribe())
    await flush()
    script.send(8, 34, 2, {}, 'wamp.error.no_such_subscription')
    expect(await leaving).toMatchObject({ code: 'PROVIDER' })
    expect(subscription.active).toBe(false)
  })
})
