// What a user may get wrong: told at once, by name, and before anything is sent.
import { createWampSession, IsomqError, type WampSession, type WampSessionOptions } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, bench1, bench2, CONFIG, VERSIONS } from './bench.ts'

type Odd = Record<string, unknown>

function fault(options: Odd): IsomqError {
  try {
    createWampSession({ url: 'ws://wamp.test/', ...options } as WampSessionOptions)
  } catch (error) {
    return error as IsomqError
  }
  throw new Error(`${JSON.stringify(options)} was taken`)
}

describe('options', () => {
  test.each<[string, Odd]>([
    ['url', { url: undefined }],
    ['url', { url: 'http://MARKER/' }],
    ['url', { url: 'ws://user:MARKER@host/' }],
    ['url', { url: 5 }],
    ['version', { version: 3 }],
    ['version', { version: '2' }],
    ['version', { version: 1.5 }],
    ['realm', { realm: '' }],
    ['realm', { realm: 5 }],
    ['auth', { auth: 'MARKER' }],
    ['auth', { auth: null }],
    ['prefixes', { prefixes: 'MARKER' }],
    ['prefixes', { prefixes: { ex: 5 } }],
    ['prefixes', { prefixes: { 'a:b': 'MARKER' } }],
    ['answerTimeout', { answerTimeout: -1 }],
    ['maxPending', { maxPending: 0 }],
    ['connectTimeout', { connectTimeout: 'MARKER' }],
    ['idleTimeout', { idleTimeout: 0.5 }],
    ['reconnect', { reconnect: true }],
    ['reconnect', { reconnect: { retries: -1 } }],
    ['WebSocket', { WebSocket: 'MARKER' }],
    ['clock', { clock: {} }],
    ['random', { random: 5 }],
    ['logger', { logger: 'MARKER' }],
    ['secret', { secret: 'MARKER' }],
    ['protocols', { protocols: ['MARKER'] }],
  ])('%s: %j', (option, options) => {
    const error = fault(options)
    expect(error).toBeInstanceOf(IsomqError)
    expect([error.code, error.provider, error.details.option]).toEqual(['CONFIG', 'webmq', option])
    expect(error.message).toContain(`"${option}"`)
    expect(everything([error])).not.toContain('MARKER')
  })

  test.each<[string, Odd, (1 | 2)?]>([
    ['two ways', { id: 'x', secret: 'MARKER', ticket: 'MARKER' }],
    ['two other ways', { id: 'x', secret: 'MARKER', sign: () => 'MARKER' }],
    ['a secret without an id', { secret: 'MARKER' }],
    ['a ticket without an id', { ticket: 'MARKER' }],
    ['a callback without an id', { sign: () => 'MARKER' }],
    ['an empty id', { id: '', secret: 'MARKER' }],
    ['an empty secret', { id: 'x', secret: '' }],
    ['an empty ticket', { id: 'x', ticket: '' }],
    ['a secret that is no text', { id: 'x', secret: 5 }],
    ['a callback that is none', { id: 'x', sign: 'MARKER' }],
    ['extra that is no object', { extra: 'MARKER' }],
    ['a name that is misspelt', { id: 'x', secrett: 'MARKER' }],
    ['a ticket in version 1', { id: 'x', ticket: 'MARKER' }, 1],
  ])('auth with %s', (_, auth, version = 2) => {
    const error = fault({ auth, version })
    expect(error).toEqual(CONFIG)
    expect(everything([error])).not.toContain('MARKER')
  })

  test('that are none at all', () => {
    for (const given of [undefined, null, 'ws://wamp.test/', 5]) {
      expect(() => createWampSession(given as never)).toThrow(CONFIG)
    }
  })

  test('are not changed, and may change afterwards', async () => {
    const options = { url: 'ws://wamp.test/', prefixes: { ex: 'http://example.com/' }, auth: { id: 'joe' } }
    const before = structuredClone(options)
    const b = bench2(options)
    options.prefixes.ex = 'http://evil/'
    options.auth.id = 'evil'
    const script = await b.dial()
    script.accept()
    await flush()
    await b.subscribe('ex:t')
    expect(script.subscribes).toEqual(['http://example.com/t'])
    expect(script.messages[0]![2]).toMatchObject({ authid: 'joe' })
    expect(before.prefixes.ex).toBe('http://example.com/')
  })

  test('have defaults: version 2 of a realm, nobody in particular', () => {
    const session = createWampSession({ url: 'wss://wamp.test/ws' })
    expect([session.version, session.state, session.sessionId, session.permissions]).toEqual([
      2,
      'idle',
      undefined,
      undefined,
    ])
    expect(session.stats()).toEqual({
      received: 0,
      dropped: 0,
      malformed: 0,
      reconnects: 0,
      subscriptions: 0,
      lastRoundTrip: undefined,
    })
  })
})

const odd = (value: unknown) => value as never

describe.each(VERSIONS)('arguments of version %d that are wrong send nothing', (version) => {
  test.each<[string, (session: WampSession) => Promise<unknown>]>([
    ['an empty topic', (s) => s.subscribe('')],
    ['a topic that is no text', (s) => s.subscribe(odd(5))],
    ['no topic', (s) => s.subscribe(odd(undefined))],
    ['an unknown match', (s) => s.subscribe('t', { match: odd('regex') })],
    ['a timeout of no sense', (s) => s.subscribe('t', { timeout: -1 })],
    ['publish: an empty topic', (s) => s.publish('', 1)],
    ['publish: a topic that is no text', (s) => s.publish(odd({}), 1)],
    ['publish: a bigint', (s) => s.publish('t', 1n)],
    ['publish: a circle', (s) => s.publish('t', circle())],
    ['publish: exclude that is no list', (s) => s.publish('t', 1, { exclude: odd('S1') })],
    ['publish: eligible that is no list', (s) => s.publish('t', 1, { eligible: odd({ S1: true }) })],
    [
      'publish: excludeMe that is neither true nor false',
      (s) => s.publish('t', 1, { excludeMe: odd('yes') }),
    ],
    ['publish: ids that no session has', (s) => s.publish('t', 1, { exclude: odd([{}]) })],
    [
      'publish: ids of the other version',
      (s) => s.publish('t', 1, { eligible: [s.version === 1 ? 7 : 'S1'] }),
    ],
    ['publish: exclude of a bigint', (s) => s.publish('t', 1, { exclude: odd([1n]) })],
    ['call: an empty procedure', (s) => s.call('')],
    ['call: a procedure that is no text', (s) => s.call(odd(null))],
    ['call: arguments that are no list', (s) => s.call('p', odd('abc'))],
    ['call: arguments that are an object', (s) => s.call('p', odd({ 0: 'a' }))],
    ['call: a bigint', (s) => s.call('p', [1n])],
    ['call: a circle', (s) => s.call('p', [circle()])],
    ['call: what throws when it becomes JSON', (s) => s.call('p', [thrower])],
    ['call: a timeout of no sense', (s) => s.call('p', [], { timeout: Number.NaN })],
  ])('%s', async (_, act) => {
    const b = bench(version)
    const script = await b.open()
    const before = script.messages.length
    expect(await rejection(act(b.session))).toEqual(CONFIG)
    expect([script.messages.length, b.session.state, b.clock.timers]).toEqual([before, 'open', 1])
  })

  test('what is no JSON does not even dial', async () => {
    const b = bench(version)
    for (const act of [() => b.session.call('p', [1n]), () => b.session.publish('t', circle())]) {
      expect(await rejection(act())).toEqual(CONFIG)
    }
    await flush()
    expect(b.network.sockets).toEqual([])
  })

  test('a signal that has ended sends nothing, and dials for nobody', async () => {
    const b = bench(version)
    const signal = AbortSignal.abort('enough')
    for (const act of [
      () => b.session.connect({ signal }),
      () => b.session.call('p', [], { signal }),
      () => b.session.publish('t', 1, { signal }),
      () => b.session.subscribe('t', { signal }),
    ]) {
      expect(await rejection(act())).toMatchObject({ code: 'ABORTED', cause: 'enough' })
    }
    await flush()
    expect([b.session.state, b.network.sockets.length]).toEqual(['idle', 0])
  })

  test('a timeout of no sense unsubscribes nothing', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe('t')
    for (const timeout of [-1, Number.NaN]) {
      expect(await rejection(subscription.unsubscribe({ timeout }))).toEqual(CONFIG)
    }
    expect([subscription.active, script.unsubscribes]).toEqual([true, []])
  })

  test('handlers that are none', async () => {
    const b = bench(version)
    await b.open()
    const subscription = await b.subscribe('t')
    expect(() => b.session.on('state', odd(undefined))).toThrow(CONFIG)
    expect(() => subscription.on('event', odd('handler'))).toThrow(CONFIG)
    expect(() => subscription.on(odd('events'), () => {})).toThrow(CONFIG)
  })
})

describe('what version 1 does not have is CONFIG, before anything is sent', () => {
  test.each<[string, (session: WampSession) => Promise<unknown>]>([
    ['match', (s) => s.subscribe('t', { match: 'prefix' })],
    ['match', (s) => s.subscribe('t', { match: 'wildcard' })],
    ['acknowledge', (s) => s.publish('t', 1, { acknowledge: true })],
    ['args', (s) => s.publish('t', 1, { args: [2] })],
    ['kwargs', (s) => s.publish('t', 1, { kwargs: { a: 1 } })],
    ['kwargs', (s) => s.call('p', [], { kwargs: { a: 1 } })],
  ])('%s', async (name, act) => {
    const b = bench1()
    const error = await rejection(act(b.session))
    expect(error).toEqual(CONFIG)
    expect(error.message).toBe(`webmq: WAMP version 1 has no "${name}"`)
    await flush()
    expect(b.network.sockets).toEqual([])
  })

  test('what is switched off may be said', async () => {
    const b = bench1()
    await b.open()
    await b.session.publish('t', 1, { acknowledge: false, args: undefined, kwargs: undefined })
    await b.session.subscribe('t', { match: 'exact' })
  })
})

describe('what version 2 has, and is given wrongly, is CONFIG', () => {
  test.each<[string, (session: WampSession) => Promise<unknown>]>([
    ['args', (s) => s.publish('t', 1, { args: odd('abc') })],
    ['kwargs', (s) => s.publish('t', 1, { kwargs: odd('abc') })],
    ['kwargs', (s) => s.publish('t', 1, { kwargs: odd(['abc']) })],
    ['kwargs', (s) => s.call('p', [], { kwargs: odd(null) })],
    ['kwargs', (s) => s.call('p', [], { kwargs: odd([1]) })],
  ])('%s', async (name, act) => {
    const b = bench2()
    const script = await b.open()
    const error = await rejection(act(b.session))
    expect(error).toEqual(CONFIG)
    expect(error.message).toContain(`"${name}"`)
    expect(script.messages).toHaveLength(1)
  })
})

function circle(): unknown {
  const list: unknown[] = []
  list.push(list)
  return list
}

const thrower = {
  toJSON() {
    throw new Error('no JSON of me')
  },
}
