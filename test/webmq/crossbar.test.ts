// Publishing and calling over Crossbar.io's HTTP bridge.
import {
  type CrossbarOptions,
  type CrossbarPublisher,
  type CrossbarPublishOptions,
  createCrossbarPublisher,
  signCrossbar,
} from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { rejection, until } from '../support/events.ts'
import {
  type Answer,
  type Bridge,
  bridge,
  broken,
  CONFIG,
  KEY,
  pauses,
  type Request,
  refusedBySystem,
  SECRET,
} from './bridge.ts'
import { hmac, urlSafe } from './crypto.ts'

const json =
  (body: unknown, status = 200): Answer =>
  () =>
    Response.json(body, { status })

function publishing(
  answer: Answer = json({ id: 4711 }),
  options: Partial<CrossbarOptions> = {},
): Bridge & { readonly client: CrossbarPublisher } {
  const server = bridge(answer)
  return { ...server, client: createCrossbarPublisher({ ...server.options, ...options }) }
}
const signed = (answer?: Answer, options: Partial<CrossbarOptions> = {}) =>
  publishing(answer, { key: KEY, secret: SECRET, ...options })

/** Whether a request is signed as the protocol sheet has it, by the millisecond in which it arrived. */
async function isSigned({ url, body, at }: Request): Promise<boolean> {
  const { timestamp, seq, nonce, signature, key } = Object.fromEntries(url.searchParams)
  const expected = urlSafe(await hmac(SECRET, `${key}${timestamp}${seq}${nonce}${body}`))
  return (
    key === KEY &&
    timestamp === new Date(at).toISOString() &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(timestamp!) &&
    /^\d+$/.test(seq!) &&
    /^\d+$/.test(nonce!) &&
    signature === expected
  )
}

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

describe('an error of the application', () => {
  const refused = { error: 'com.example.error', args: ['it is so', 2], kwargs: { a: 1 } }

  test('comes with status 200 and is PROVIDER, with what the router said', async () => {
    for (const act of ['publish', 'call'] as const) {
      const { client, requests } = signed(json(refused))
      const error = await rejection(client[act]('x'))
      expect(error).toMatchObject({ code: 'PROVIDER', retryable: false })
      expect(error.details).toEqual({ uri: 'com.example.error', args: ['it is so', 2], kwargs: { a: 1 } })
      expect(error.message).toContain('com.example.error it is so')
      expect(requests).toHaveLength(1)
    }
  })

  test.each<[object, object]>([
    [{ error: 'e' }, { uri: 'e', args: [], kwargs: {} }],
    [
      { error: 'e', args: 'odd', kwargs: null },
      { uri: 'e', args: [], kwargs: {} },
    ],
    [
      { error: 'e', id: 5 },
      { uri: 'e', args: [], kwargs: {} },
    ],
  ])('may say less: %j', async (body, details) => {
    expect((await rejection(publishing(json(body)).client.publish('t'))).details).toEqual(details)
  })

  test('is cut in the text', async () => {
    const { client } = publishing(json({ error: 'e'.repeat(10_000), args: ['x'.repeat(10_000)] }))
    expect((await rejection(client.call('p'))).message.length).toBeLessThan(500)
  })

  test('that quotes the signature shows it nowhere', async () => {
    const { client } = signed(({ url }) => {
      const signature = url.searchParams.get('signature')
      const said = `bad ${signature} of ${SECRET}`
      return Response.json({ error: `e ${signature}`, args: [said, { said }], kwargs: { a: [said] } })
    })
    const text = everything([await rejection(client.call('p'))])
    expect(text).not.toContain(SECRET)
    expect(text).not.toMatch(/[\w-]{43}=/)
  })
})

describe('a status', () => {
  test.each([
    [400, 'HTTP'],
    [401, 'AUTH_REJECTED'],
    [403, 'AUTH_REJECTED'],
    [404, 'HTTP'],
    [405, 'HTTP'],
    [413, 'HTTP'],
    [500, 'HTTP'],
    [502, 'HTTP'],
  ])('of %d is %s, with the body, and is not tried again', async (status, code) => {
    for (const act of ['publish', 'call'] as const) {
      const { client, requests } = signed(() => new Response('malformed request', { status }))
      const error = await rejection(client[act]('x'))
      expect(error).toMatchObject({ code, details: { status, body: 'malformed request' } })
      expect(requests).toHaveLength(1)
    }
  })

  test('of a failure is one even when the body reads like a success', async () => {
    const { client } = publishing(json({ id: 5 }, 500))
    expect(await rejection(client.publish('t'))).toMatchObject({ code: 'HTTP' })
  })

  test('of 401 by a server with another time says by how much the clock here is wrong', async () => {
    const { client } = signed(({ at }) => {
      const date = new Date(at + 600_000).toUTCString()
      return new Response('', { status: 401, headers: { date } })
    })
    expect((await rejection(client.publish('t'))).message).toMatch(/the clock here is (599|600|601) s behind/)
  })

  test('of 503, or nobody listening, is tried again with another number, nonce and time', async () => {
    const answers: Answer[] = [json({}, 503), () => refusedBySystem(), json({ id: 1 })]
    const server = signed((request) => answers.shift()!(request), { random: () => 0.3 })
    const publish = server.client.publish('t', [1])
    await pauses(server, publish)
    expect(await publish).toBe(1)
    expect(await Promise.all(server.requests.map(isSigned))).toEqual([true, true, true])
    for (const name of ['seq', 'nonce', 'timestamp', 'signature']) {
      expect([name, new Set(server.requests.map(({ url }) => url.searchParams.get(name))).size]).toEqual([
        name,
        3,
      ])
    }
  })

  test('of a redirect is not followed', async () => {
    const { client, requests } = signed(
      () => new Response('', { status: 307, headers: { location: 'http://x/' } }),
    )
    const error = await rejection(client.publish('t'))
    expect([error.code, requests.length, requests[0]!.init.redirect]).toEqual(['HTTP', 1, 'manual'])
  })
})

describe('a 200 that is no JSON', () => {
  test.each([
    ['a page', '<html>Crossbar.io</html>'],
    ['nothing', ''],
    ['half', '{"id":47'],
  ])('%s is PROTOCOL, with its beginning', async (_, body) => {
    const { client, requests } = signed(() => new Response(body))
    const error = await rejection(client.publish('t'))
    expect(error).toMatchObject({ code: 'PROTOCOL', details: { status: 200, body } })
    expect(requests).toHaveLength(1)
  })

  test('that breaks off is CONNECTION_LOST, and is not tried again', async () => {
    const { client, requests } = signed(() => broken(200))
    expect(await rejection(client.publish('t'))).toMatchObject({ code: 'CONNECTION_LOST' })
    expect(requests).toHaveLength(1)
  })

  test('as deep as a well is an error of its own kind', async () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    const error = await rejection(publishing(() => new Response(`{"error":${deep}}`)).client.publish('t'))
    expect(error).toMatchObject({ code: 'PROTOCOL' })
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

test('the timeout and the signal end a call', async () => {
  const server = signed(() => new Promise<Response>(() => {}))
  const byTime = rejection(server.client.publish('t', [], {}, { timeout: 50 }))
  await until(() => server.requests.length === 1)
  await server.clock.advance(50)
  expect(await byTime).toMatchObject({ code: 'TIMEOUT' })
  const abort = new AbortController()
  const bySignal = rejection(server.client.call('p', [], {}, { signal: abort.signal }))
  await until(() => server.requests.length === 2)
  abort.abort('enough')
  expect(await bySignal).toMatchObject({ code: 'ABORTED', cause: 'enough' })
  expect([server.clock.timers, server.requests.every(({ init }) => init.signal!.aborted)]).toEqual([0, true])
})

test('neither secret nor signature is shown, on any way to fail', async () => {
  const seen: unknown[] = []
  const quoting =
    (status: number): Answer =>
    ({ raw, url, body }) =>
      new Response(`${raw} ${body} ${url.searchParams.get('signature')} ${SECRET}`, { status })
  const ways: Answer[] = [
    ...[200, 400, 401, 403, 500].map(quoting),
    ({ raw }) => Promise.reject(new TypeError(`Failed to parse URL from ${raw}`)),
    ({ raw }) => Promise.reject(Object.assign(new Error('x'), { input: raw })),
    () => broken(200),
  ]
  for (const answer of ways) {
    const { client } = signed(answer, { logger: (record) => seen.push(record) })
    seen.push(await rejection(client.publish('t', ['x'])))
  }
  const text = everything(seen)
  expect(text).not.toContain(SECRET)
  expect(text).not.toMatch(/[\w-]{43}(=|%3D)/)
})
