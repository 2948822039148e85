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
import { rejection } from '../support/events.ts'
import { CONFIG, pauses, SECRET } from './bridge.ts'
import { isSigned, pushing, signed, status, T } from './pushing.ts'

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
