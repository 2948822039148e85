// Publishing and calling over Crossbar.io's HTTP bridge.
import {
  type CrossbarOptions,
  type CrossbarPublisher,
  type CrossbarPublishOptions,
  signCrossbar,
} from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { rejection } from '../support/events.ts'
import { CONFIG, pauses } from './bridge.ts'
import { isSigned, json, publishing, signed } from './publishing.ts'

test('the signature of the protocol sheet', async () => {
  const fields = {
    key: 'bazapp',
    timestamp: '2011-10-14T16:59:51.123Z',
    seq: 1,
    nonce: 1234567,
    body: '{"topic": "com.test.messages", "args": [1]}',
  }
  expect(await signCrossbar(fields, 'foobar')).toBe('W4olEP0Dw_H5aIhTH_ktESTh1eCkyvTUQwYYtI3Wgpw=')
})

describe('publish()', () => {
  test('is a POST of JSON, and gives the publication’s id', async () => {
    const { client, requests } = publishing()
    expect(await client.publish('com.example.t', ['x', 1, null], { a: { b: 1 } })).toBe(4711)
    expect(requests).toEqual([
      expect.objectContaining({ method: 'POST', raw: 'http://hub.test:8080', type: 'application/json' }),
    ])
    expect(JSON.parse(requests[0]!.body)).toEqual({
      topic: 'com.example.t',
      args: ['x', 1, null],
      kwargs: { a: { b: 1 } },
      options: {},
    })
  })

  test('needs nothing but a topic', async () => {
    const { client, requests } = publishing()
    await client.publish('t')
    expect(JSON.parse(requests[0]!.body)).toEqual({ topic: 't', args: [], kwargs: {}, options: {} })
  })

  test.each<[CrossbarPublishOptions, object]>([
    [{ excludeMe: false }, { exclude_me: false }],
    [{ exclude: [1, 2] }, { exclude: [1, 2] }],
    [{ excludeAuthId: ['joe'] }, { exclude_authid: ['joe'] }],
    [{ excludeAuthRole: ['user'] }, { exclude_authrole: ['user'] }],
    [{ eligible: [1] }, { eligible: [1] }],
    [{ eligibleAuthId: ['joe'] }, { eligible_authid: ['joe'] }],
    [{ eligibleAuthRole: ['user'] }, { eligible_authrole: ['user'] }],
    [{ retain: true }, { retain: true }],
    [{ forwardFor: [{ session: 1 }] }, { forward_for: [{ session: 1 }] }],
    [{ acknowledge: true }, { acknowledge: true }],
    [
      { exclude: [], eligible: [] },
      { exclude: [], eligible: [] },
    ],
    [{ signal: new AbortController().signal, timeout: 5 }, {}],
  ])('%j goes by its name on the wire', async (options, expected) => {
    const { client, requests } = publishing()
    await client.publish('t', [], {}, options)
    expect((JSON.parse(requests[0]!.body) as { options: object }).options).toEqual(expected)
  })

  test('is signed with millisecond, number and nonce, each time anew', async () => {
    const { client, requests, clock } = signed()
    for (let n = 1; n <= 3; n++) {
      await client.publish('t', [n])
      await clock.advance(877)
    }
    expect(await Promise.all(requests.map(isSigned))).toEqual([true, true, true])
    const queries = requests.map(({ url }) => Object.fromEntries(url.searchParams))
    expect(Object.keys(queries[0]!).sort()).toEqual(['key', 'nonce', 'seq', 'signature', 'timestamp'])
    expect(queries.map(({ seq }) => seq)).toEqual(['1', '2', '3'])
    expect(new Set(queries.map(({ nonce }) => nonce)).size).toBe(3)
    expect(requests.every(({ url }) => url.pathname === '/' && !url.hash)).toBe(true)
  })

  test('is signed as its very bytes, whatever they are', async () => {
    const { client, requests } = signed()
    for (const args of [['é😀'], ['\ud800'], ['"\\\u2028'], [{ '': null }]]) await client.publish('ü', args)
    expect(await Promise.all(requests.map(isSigned))).toEqual([true, true, true, true])
  })

  test('is not signed without key and secret', async () => {
    const { client, requests } = publishing()
    await client.publish('t')
    expect(requests[0]!.url.search).toBe('')
  })

  test('the number counts calls of both kinds, and is each client’s own', async () => {
    const one = signed(json({ id: 1, args: [] }))
    await one.client.publish('t')
    await one.client.call('p')
    await one.client.publish('t')
    const two = signed()
    await two.client.publish('t')
    const seqs = [...one.requests, ...two.requests].map(({ url }) => url.searchParams.get('seq'))
    expect(seqs).toEqual(['1', '2', '3', '1'])
  })

  test('what is given may change afterwards', async () => {
    const server = signed(json({}, 503))
    const args = [{ a: 1 }]
    const call = rejection(server.client.publish('t', args))
    args[0]!.a = 2
    await pauses(server, call)
    for (const { body } of server.requests) {
      expect((JSON.parse(body) as { args: unknown }).args).toEqual([{ a: 1 }])
    }
  })

  test.each<[string, unknown]>([
    ['no id', {}],
    ['an id that is a text', { id: '4711' }],
    ['null', null],
    ['a list', [4711]],
    ['a text', 'OK'],
    ['null for the error', { error: null }],
  ])('an answer with %s is a PROTOCOL error', async (_, body) => {
    const { client, requests } = publishing(json(body))
    expect(await rejection(client.publish('t'))).toMatchObject({ code: 'PROTOCOL' })
    expect(requests).toHaveLength(1)
  })
})

describe('call()', () => {
  test('is a POST of JSON to the caller bridge', async () => {
    const { client, requests } = signed(json({ args: [5] }), { callEndpoint: 'http://hub.test:8080/call' })
    expect(await client.call('com.example.add', [2, 3], { a: 1 })).toBe(5)
    expect(requests[0]!.raw).toMatch(/^http:\/\/hub\.test:8080\/call\?/)
    expect(JSON.parse(requests[0]!.body)).toEqual({
      procedure: 'com.example.add',
      args: [2, 3],
      kwargs: { a: 1 },
    })
    expect(await isSigned(requests[0]!)).toBe(true)
  })

  test('goes to the endpoint when there is no other', async () => {
    const { client, requests } = publishing(json({ args: [] }))
    await client.call('p')
    expect(requests[0]!.raw).toBe('http://hub.test:8080')
    expect(JSON.parse(requests[0]!.body)).toEqual({ procedure: 'p', args: [], kwargs: {} })
  })

  test.each<[unknown, unknown]>([
    [{ args: [] }, undefined],
    [{}, undefined],
    [{ args: [null] }, null],
    [{ args: ['x'] }, 'x'],
    [{ args: [1, 2] }, { args: [1, 2], kwargs: {} }],
    [
      { args: [], kwargs: { a: 1 } },
      { args: [], kwargs: { a: 1 } },
    ],
    [{ args: [1], kwargs: {} }, 1],
    [{ args: null, kwargs: null }, undefined],
    [{ args: 'odd', kwargs: 5 }, undefined],
  ])('the answer %j is %j', async (body, expected) => {
    expect(await publishing(json(body)).client.call('p')).toEqual(expected)
  })

  test('the answer’s keys such as __proto__ pollute nothing', async () => {
    const text = '{"__proto__":{"polluted":1},"args":[],"kwargs":{"__proto__":{"polluted":1}}}'
    await publishing(() => new Response(text)).client.call('p')
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

describe('what is wrong is CONFIG, and nothing is sent', () => {
  const odd = (value: unknown) => value as never
  test.each<[string, (client: CrossbarPublisher) => Promise<unknown>]>([
    ['an empty topic', (c) => c.publish('')],
    ['a topic that is no text', (c) => c.publish(odd(5))],
    ['args that are no list', (c) => c.publish('t', odd('abc'))],
    ['kwargs that are no object', (c) => c.publish('t', [], odd('abc'))],
    ['kwargs that are a list', (c) => c.publish('t', [], odd([1]))],
    ['kwargs that are null', (c) => c.publish('t', [], odd(null))],
    ['exclude that is no list', (c) => c.publish('t', [], {}, { exclude: odd('abc') })],
    ['eligible that is no list', (c) => c.publish('t', [], {}, { eligible: odd(5) })],
    ['a bigint', (c) => c.publish('t', [1n])],
    ['a bigint by name', (c) => c.call('p', [], { a: 1n })],
    ['args of a call that are no list', (c) => c.call('p', odd('abc'))],
    ['kwargs of a call that are a list', (c) => c.call('p', [], odd([1]))],
    ['an empty procedure', (c) => c.call('')],
    ['a timeout of no sense', (c) => c.call('p', [], {}, { timeout: -1 })],
  ])('%s', async (_, act) => {
    const { client, requests, clock } = signed()
    expect(await rejection(act(client))).toEqual(CONFIG)
    expect([requests.length, clock.timers]).toEqual([0, 0])
  })

  test.each<[string, Partial<CrossbarOptions>]>([
    ['endpoint', { endpoint: 'MARKER' }],
    ['endpoint', { endpoint: 'http://hub.test/?x=MARKER' }],
    ['callEndpoint', { callEndpoint: 'MARKER' }],
    ['callEndpoint', { callEndpoint: 'http://hub.test/?x=MARKER' }],
    ['secret', { key: 'MARKER' }],
    ['key', { secret: 'MARKER' }],
    ['retries', { retries: -1 }],
    ['dialect', odd({ dialect: 'crossbar' })],
  ])('the option %s: %j', (option, options) => {
    let error: unknown
    try {
      publishing(undefined, options)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ code: 'CONFIG', details: { option } })
    expect(everything([error])).not.toContain('MARKER')
  })
})
