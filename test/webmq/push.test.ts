// Pushing over HTTP to WebMQ, and to the same vendor's broker of 2012.
import {
  createPushClient,
  encodePush,
  type PushClient,
  type PushClientOptions,
  type PushOptions,
} from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { flush } from '../support/clock.ts'
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

const T = 'http://example.com/topic1'
const status =
  (code: number, body = '', headers: HeadersInit = {}): Answer =>
  () =>
    new Response(body, { status: code, headers })

function pushing(
  answer?: Answer,
  options: Partial<PushClientOptions> = {},
): Bridge & { readonly client: PushClient } {
  const server = bridge(answer)
  return { ...server, client: createPushClient({ ...server.options, ...options }) }
}
const signed = (answer?: Answer, options: Partial<PushClientOptions> = {}) =>
  pushing(answer, { key: KEY, secret: SECRET, ...options })

/** Whether a request is signed as the protocol sheet has it, by the second in which it arrived. */
async function isSigned({ url, body, at }: Request, hash: 'SHA-1' | 'SHA-256' = 'SHA-256'): Promise<boolean> {
  const query = url.searchParams
  const key = query.get(hash === 'SHA-1' ? 'appkey' : 'authkey')!
  const timestamp = query.get('timestamp')!
  const expected = urlSafe(await hmac(SECRET, query.get('topicuri')! + key + timestamp + body, hash))
  const second = new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
  return key === KEY && timestamp === second && query.get('signature') === expected
}

describe('a push', () => {
  test('is a POST of the event as JSON, which is called a form', async () => {
    const { client, requests } = pushing()
    expect(await client.push(T, { name: 'Bob', list: [1, null] })).toBeUndefined()
    expect(requests).toEqual([
      expect.objectContaining({
        method: 'POST',
        raw: 'http://hub.test:8080/?topicuri=http%3A%2F%2Fexample.com%2Ftopic1',
        type: 'application/x-www-form-urlencoded',
        body: '{"name":"Bob","list":[1,null]}',
      }),
    ])
  })

  test.each([
    ['http://hub.test', 'http://hub.test/?'],
    ['http://hub.test/', 'http://hub.test/?'],
    ['http://hub.test:8080/push', 'http://hub.test:8080/push/?'],
    ['http://hub.test/a/b/', 'http://hub.test/a/b/?'],
    ['https://hub.test/a//', 'https://hub.test/a/?'],
    ['http://[::1]:8080', 'http://[::1]:8080/?'],
  ])('to %s goes to %s…', async (endpoint, begins) => {
    const { client, requests } = pushing(undefined, { endpoint })
    await client.push('t', 1)
    expect(requests[0]!.raw).toBe(`${begins}topicuri=t`)
  })

  test.each(['x', '', 0, false, null, [], {}, 'é😀', [1, [2]], { a: undefined }, new Date(0)])(
    'of %j carries just that',
    async (event) => {
      const { client, requests } = signed()
      await client.push(T, event)
      expect(requests[0]!.body).toBe(JSON.stringify(event))
      expect(await isSigned(requests[0]!)).toBe(true)
    },
  )

  test.each(['a b', 'http://x/?a=b&c=d#e', 'é/😀', "!'()*~", '+%20', '\ud800'])(
    'to topic %j names just that, and signs it',
    async (topic) => {
      const { client, requests } = signed()
      await client.push(topic, 1)
      const whole = topic.replace('\ud800', '\ufffd')
      expect(requests[0]!.url.searchParams.get('topicuri')).toBe(whole)
      expect(await isSigned(requests[0]!)).toBe(true)
      expect(requests[0]!.raw).not.toMatch(/[ +]/)
    },
  )

  test('is not signed without key and secret', async () => {
    const { client, requests } = pushing()
    await client.push(T, 1)
    expect([...requests[0]!.url.searchParams.keys()]).toEqual(['topicuri'])
  })

  test('is signed with the second in which it is sent', async () => {
    const { client, requests, clock } = signed()
    await client.push(T, { a: 1 })
    await clock.advance(60_000)
    await client.push(T, { a: 1 })
    const [one, two] = requests.map(({ url }) => url.searchParams)
    expect([...one!.keys()]).toEqual(['topicuri', 'timestamp', 'authkey', 'signature'])
    expect(await Promise.all(requests.map((request) => isSigned(request)))).toEqual([true, true])
    expect(one!.get('signature')).not.toBe(two!.get('signature'))
    expect(one!.get('signature')).toMatch(/^[\w-]{43}=$/)
  })

  test('in the dialect of 2012 has another name for the key, and SHA-1', async () => {
    const { client, requests } = signed(undefined, { dialect: 'autobahn' })
    await client.push(T, { a: 1 })
    const query = requests[0]!.url.searchParams
    expect([...query.keys()]).toEqual(['topicuri', 'timestamp', 'appkey', 'signature'])
    expect(await isSigned(requests[0]!, 'SHA-1')).toBe(true)
    expect(query.get('signature')).toMatch(/^[\w-]{27}=$/)
  })

  test.each<[PushOptions, Record<string, string>]>([
    [{ eligible: ['a'] }, { eligible: 'a' }],
    [{ exclude: ['a', 'b'] }, { exclude: 'a,b' }],
    [
      { eligible: ['a', 'b'], exclude: ['b'] },
      { eligible: 'a,b', exclude: 'b' },
    ],
    [{ eligible: [] }, { eligible: '' }],
    [{ exclude: ['é&=#'] }, { exclude: 'é&=#' }],
    [{ eligible: undefined, exclude: undefined }, {}],
  ])('for %j says so, outside of the signature', async (receivers, expected) => {
    const { client, requests } = signed()
    await client.push(T, 1, receivers)
    const { eligible, exclude } = Object.fromEntries(requests[0]!.url.searchParams)
    expect({
      ...(eligible !== undefined && { eligible }),
      ...(exclude !== undefined && { exclude }),
    }).toEqual(expected)
    expect(await isSigned(requests[0]!)).toBe(true)
  })
})

describe('a push that is wrong is CONFIG, and nothing is sent', () => {
  const circle: unknown[] = []
  circle.push(circle)
  const odd = (value: unknown) => value as never
  test.each<[string, Parameters<PushClient['push']>]>([
    ['no topic', [odd(undefined), 1]],
    ['an empty topic', ['', 1]],
    ['a topic that is no text', [odd(5), 1]],
    ['no event', [T, undefined]],
    ['a function', [T, () => {}]],
    ['a symbol', [T, Symbol('x')]],
    ['a bigint', [T, 1n]],
    ['a circle', [T, circle]],
    ['an id with a comma', [T, 1, { eligible: ['a,b'] }]],
    ['another id with a comma', [T, 1, { exclude: ['a', ','] }]],
    ['an empty id', [T, 1, { exclude: [''] }]],
    ['an id that is no text', [T, 1, { exclude: odd([5]) }]],
    ['ids that are no list', [T, 1, { eligible: odd('abc') }]],
    ['a timeout of no sense', [T, 1, { timeout: -1 }]],
  ])('%s', async (_, given) => {
    for (const { client, requests, clock } of [pushing(), signed()]) {
      expect(await rejection(client.push(...given))).toEqual(CONFIG)
      expect([requests.length, clock.timers]).toEqual([0, 0])
    }
  })

  test.each<[string, Partial<PushClientOptions>]>([
    ['endpoint', { endpoint: 'MARKER' }],
    ['endpoint', { endpoint: 'ws://MARKER/' }],
    ['endpoint', { endpoint: 'http://user:MARKER@hub.test/' }],
    ['endpoint', { endpoint: 'http://hub.test/?a=MARKER' }],
    ['endpoint', { endpoint: 'http://hub.test/#MARKER' }],
    ['key', { secret: 'MARKER' }],
    ['secret', { key: 'MARKER' }],
    ['secret', { key: 'MARKER', secret: '' }],
    ['dialect', { dialect: odd('MARKER') }],
    ['timeout', { timeout: -1 }],
    ['retries', { retries: 1.5 }],
    ['fetch', { fetch: odd('MARKER') }],
    ['authkey', odd({ authkey: 'MARKER' })],
  ])('the option %s: %j', (option, options) => {
    let error: unknown
    try {
      pushing(undefined, options)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ code: 'CONFIG', details: { option } })
    expect((error as Error).message).toContain(`"${option}"`)
    expect(everything([error])).not.toContain('MARKER')
  })

  test('encodePush signs with key, secret and time, or with none of them', async () => {
    const fields = { endpoint: 'http://hub.test', topic: T, event: 1 }
    for (const some of [{ key: 'k' }, { secret: 's' }, { key: 'k', secret: 's' }]) {
      expect(await rejection(encodePush({ ...fields, ...some }))).toEqual(CONFIG)
    }
    expect((await encodePush(fields)).signature).toBeUndefined()
  })
})

describe('the answer', () => {
  test('202 is the only success', async () => {
    for (const body of ['', 'OK', '{"error":"x"}']) await pushing(status(202, body)).client.push(T, 1)
    const codes = [
      200, 201, 203, 204, 205, 206, 300, 301, 302, 303, 304, 307, 308, 400, 404, 405, 410, 413, 418,
    ]
    for (const code of [...codes, 422, 500, 501, 502, 504, 599]) {
      const empty = /^(204|205|304)$/.test(String(code))
      const { client, requests } = pushing(() => new Response(empty ? null : 'said', { status: code }))
      const error = await rejection(client.push(T, 1))
      expect([code, error.code, (error.details as { status: number }).status]).toEqual([code, 'HTTP', code])
      expect([code, requests.length]).toEqual([code, 1])
    }
  })

  test('200 with an error body is an error that shows the body', async () => {
    const { client } = pushing(status(200, '{"error":"no such topic"}'))
    const error = await rejection(client.push(T, 1))
    expect(error).toMatchObject({
      code: 'HTTP',
      details: { status: 200, body: '{"error":"no such topic"}' },
      message: 'webmq: the server answered with status 200',
    })
  })

  test.each([401, 403])('%d is AUTH_REJECTED, is not tried again, and says what to check', async (code) => {
    const { client, requests } = signed(status(code, 'unknown authkey'))
    const error = await rejection(client.push(T, 1))
    expect(error).toMatchObject({
      code: 'AUTH_REJECTED',
      retryable: false,
      details: { status: code, body: 'unknown authkey' },
    })
    expect(error.message).toContain('unknown authkey')
    expect(error.message).toContain('check key, secret and the clock')
    expect(requests).toHaveLength(1)
  })

  test('of a server with another time says by how much the clock here is wrong', async () => {
    for (const [skew, side] of [
      [-120_000, 'ahead of'],
      [120_000, 'behind'],
    ] as const) {
      const { client } = signed(({ at }) => {
        const date = new Date(at + skew).toUTCString()
        return new Response('', { status: 401, headers: { date } })
      })
      const { message } = await rejection(client.push(T, 1))
      expect(message).toMatch(new RegExp(`the clock here is 1(19|20|21) s ${side} the server's`))
    }
    const near = signed(
      ({ at }) => new Response('', { status: 401, headers: { date: new Date(at).toUTCString() } }),
    )
    expect((await rejection(near.client.push(T, 1))).message).not.toContain('clock here')
  })

  test('is shown only in its beginning, and without secret and signature', async () => {
    for (const code of [200, 401, 500]) {
      const { client } = signed(({ url }) => {
        const signature = url.searchParams.get('signature')!
        const said = `${signature} ${encodeURIComponent(signature)} ${SECRET} ${url.search} ${'x'.repeat(5_000)}`
        return new Response(said, { status: code })
      })
      const error = await rejection(client.push(T, 1))
      const text = everything([error])
      expect(text).not.toContain(SECRET)
      expect(text).not.toMatch(/[\w-]{43}=/)
      expect((error.details as { body: string }).body.length).toBeLessThanOrEqual(200)
    }
  })

  test('that breaks off is CONNECTION_LOST, and the push is not made again', async () => {
    const { client, requests } = signed(() => broken())
    expect(await rejection(client.push(T, 1))).toMatchObject({ code: 'CONNECTION_LOST' })
    expect(requests).toHaveLength(1)
  })

  test('that is endless is LIMIT', async () => {
    const { client, requests } = pushing(
      () => new Response(new Uint8Array(17 * 1024 * 1024), { status: 202 }),
    )
    expect(await rejection(client.push(T, 1))).toMatchObject({ code: 'LIMIT' })
    expect(requests).toHaveLength(1)
  })

  test('a redirect is not followed, but told', async () => {
    const { client, requests } = signed(status(302, '', { location: 'http://evil.test/' }))
    const error = await rejection(client.push(T, 1))
    expect([error.code, requests.length, requests[0]!.init.redirect]).toEqual(['HTTP', 1, 'manual'])
    expect(error.message).toContain('redirect')
  })
})

describe('a push is tried again', () => {
  test.each<[string, Answer, string]>([
    ['the server says 503', status(503), 'HTTP'],
    ['the server says 429', status(429), 'HTTP'],
    ['nobody listens', () => refusedBySystem(), 'CONNECT_FAILED'],
    ['there is no such host', () => refusedBySystem('ENOTFOUND'), 'CONNECT_FAILED'],
  ])('twice when %s: it was certainly not taken', async (_, answer, code) => {
    const server = signed(answer)
    const call = rejection(server.client.push(T, { a: 1 }))
    expect(await pauses(server, call)).toEqual([500, 500])
    expect([(await call).code, server.requests.length, server.clock.timers]).toEqual([code, 3, 0])
  })

  test.each<[string, Answer]>([
    ['the server says 500', status(500)],
    ['the server says 502', status(502)],
    ['the server says 504', status(504)],
    [
      'the request did not get through, nobody knows how far',
      () => Promise.reject(new TypeError('fetch failed')),
    ],
    ['the connection was reset', () => refusedBySystem('ECONNRESET')],
    ['it timed out underneath', () => refusedBySystem('ETIMEDOUT')],
  ])('never when %s: it may have been taken', async (_, answer) => {
    const { client, requests, clock } = signed(answer)
    await rejection(client.push(T, 1))
    expect([requests.length, clock.timers]).toEqual([1, 0])
  })

  test('signed anew, with the time of each attempt, and the same event whatever becomes of it', async () => {
    const server = signed(status(503), { random: () => 0.5 })
    const event = { a: 1 }
    const call = rejection(server.client.push(T, event))
    await until(() => server.requests.length === 1)
    event.a = 2
    await pauses(server, call)
    const times = server.requests.map(({ url }) => url.searchParams.get('timestamp'))
    expect(new Set(times).size).toBe(3)
    expect(await Promise.all(server.requests.map((request) => isSigned(request)))).toEqual([true, true, true])
    expect(server.requests.map(({ body }) => body)).toEqual(Array(3).fill('{"a":1}'))
  })

  test('until it is taken', async () => {
    const answers = [status(503), () => refusedBySystem(), status(202)]
    const server = signed((request) => answers.shift()!(request))
    const call = server.client.push(T, 1)
    expect(await pauses(server, call)).toEqual([500, 500])
    await call
    expect(server.requests).toHaveLength(3)
  })

  test.each([0, 1, 4])('%d times, if the options say so', async (retries) => {
    const server = signed(status(503), { retries })
    await pauses(server, rejection(server.client.push(T, 1)))
    expect(server.requests).toHaveLength(retries + 1)
  })
})

describe('limits', () => {
  const never = () => new Promise<Response>(() => {})

  test('the timeout is 30 seconds by default, and covers everything', async () => {
    const { client, clock, requests } = signed(never)
    const call = rejection(client.push(T, 1))
    await until(() => requests.length === 1)
    await clock.advance(29_999)
    expect(clock.timers).toBe(1)
    await clock.advance(1)
    expect(await call).toMatchObject({ code: 'TIMEOUT', message: 'webmq: no answer within 30000 ms' })
    expect([clock.timers, requests[0]!.init.signal!.aborted]).toEqual([0, true])
  })

  test('the timeout is the client’s, or the push’s own; 0 is none', async () => {
    const { client, clock, requests } = signed(never, { timeout: 200 })
    const ends: string[] = []
    for (const [name, timeout] of [
      ['client', undefined],
      ['own', 100],
      ['never', 0],
    ] as const) {
      rejection(client.push(T, 1, { timeout })).then(({ code }) => ends.push(`${name} ${code}`))
    }
    await until(() => requests.length === 3)
    await clock.advance(100)
    expect(ends).toEqual(['own TIMEOUT'])
    await clock.advance(86_400_000)
    expect([ends, clock.timers]).toEqual([['own TIMEOUT', 'client TIMEOUT'], 0])
  })

  test('a pause counts, too: no attempt follows the timeout', async () => {
    const server = signed(status(503), { timeout: 300 })
    const call = rejection(server.client.push(T, 1))
    await until(() => server.clock.timers === 2)
    await server.clock.advance(60_000)
    expect(await call).toMatchObject({ code: 'TIMEOUT' })
    expect([server.requests.length, server.clock.timers]).toEqual([1, 0])
  })

  test('the signal ends it: before, during a request, during a pause', async () => {
    const ended = signed()
    const error = await rejection(ended.client.push(T, 1, { signal: AbortSignal.abort('enough') }))
    expect([error.code, error.cause, ended.requests.length]).toEqual(['ABORTED', 'enough', 0])
    for (const answer of [never, status(503)]) {
      const { client, requests, clock } = signed(answer, { timeout: 0 })
      const abort = new AbortController()
      const call = rejection(client.push(T, 1, { signal: abort.signal }))
      await until(() => requests.length === 1 && (answer === never || clock.timers === 1))
      abort.abort('enough')
      expect(await call).toMatchObject({ code: 'ABORTED', cause: 'enough' })
      await flush()
      expect([requests.length, clock.timers]).toEqual([1, 0])
    }
  })
})

describe('watching', () => {
  test('a logger is told of answers and pauses, without secret, signature, topic and event', async () => {
    const server = signed(status(503))
    await pauses(server, rejection(server.client.push('MARKER-topic', 'MARKER-event')))
    expect(server.records.map((record) => (record as { event: string }).event)).toEqual([
      'answered',
      'retrying',
      'answered',
      'retrying',
      'answered',
    ])
    expect(server.records[0]).toMatchObject({ provider: 'webmq', at: expect.any(Number), status: 503 })
    const text = everything(server.records)
    expect(text).not.toContain(SECRET)
    expect(text).not.toContain('MARKER')
  })

  test('a logger that throws or rejects harms nothing', async () => {
    for (const logger of [
      () => {
        throw new Error('logger')
      },
      () => Promise.reject(new Error('logger')),
    ]) {
      const { client } = signed(undefined, { logger: logger as () => void })
      await client.push(T, 1)
    }
  })

  test('the runtime’s own fetch is looked up at every push', async () => {
    const { fetch } = globalThis
    const seen: string[] = []
    const client = createPushClient({ endpoint: 'http://hub.test/' })
    try {
      globalThis.fetch = (async (url: string) => {
        seen.push(url)
        return new Response('', { status: 202 })
      }) as typeof globalThis.fetch
      await client.push('t', 1)
    } finally {
      globalThis.fetch = fetch
    }
    expect(seen).toEqual(['http://hub.test/?topicuri=t'])
  })
})
