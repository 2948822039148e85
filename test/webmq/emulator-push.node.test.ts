import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { webmqRoom as room, WEBMQ } from '../support/emulator.ts'
import { Peer1, Peer2, type PushInit, push } from './raw.ts'

const TOPIC = 'com.example.topic'
const { key } = WEBMQ

describe('a push', () => {
  test.each<[string, PushInit]>([
    ['unsigned', {}],
    ['signed', { key }],
    ['signed as Autobahn did', { key, dialect: 'autobahn' }],
    ['of any JSON', { key, body: '"中 😀"' }],
    ['of PHP, which escapes', { key, body: '{"a":"\\u4e2d\\/"}' }],
    ['to any topic', { key, topic: "http://example.com/t?a=b&c ~!*'()#d" }],
  ])('%s is dispatched in both versions', async (_, init) => {
    const { url, push: endpoint, stats } = room()
    const { topic = TOPIC, body = '{"n":1}' } = init
    const [one, two] = [await Peer1.connect(url), await Peer2.connect(url)]
    await one.subscribe(topic)
    if (!topic.includes('#')) await two.subscribe(topic)
    const response = await push(endpoint, init)
    expect([response.status, await response.text()]).toEqual([202, 'accepted\n'])
    expect(await one.settled()).toEqual([[8, topic, JSON.parse(String(body))]])
    if (!topic.includes('#')) expect((await two.settled())[0]?.[4]).toEqual([JSON.parse(String(body))])
    expect(await stats()).toMatchObject({ requests: 1, refused: 0, published: 1 })
  })

  test('goes to the endpoint with and without a slash behind it', async () => {
    const { push: endpoint, stats } = room()
    for (const slash of ['', '/']) {
      const response = await fetch(`${endpoint}${slash}?topicuri=t`, { method: 'POST', body: '1' })
      expect(response.status).toBe(202)
    }
    expect((await stats()).published).toBe(2)
  })

  test('chooses sessions by their ids', async () => {
    const { url, push: endpoint } = room()
    const [one, two] = [await Peer1.connect(url), await Peer2.connect(url)]
    await one.subscribe(TOPIC)
    await two.subscribe(TOPIC)
    const heard = async (query: Record<string, string>) => {
      await push(endpoint, { key, query })
      return [(await one.settled()).length, (await two.settled()).length]
    }
    const [a, b] = [String(one.session), String(two.session)]
    expect(await heard({ eligible: a })).toEqual([1, 0])
    expect(await heard({ eligible: `${a},${b}`, exclude: a })).toEqual([0, 1])
    expect(await heard({ exclude: `${b},x` })).toEqual([1, 0])
    // PHP writes an empty list.
    expect(await heard({ eligible: '' })).toEqual([0, 0])
    expect(await heard({ exclude: '' })).toEqual([1, 1])
  })

  test.each<[string, number, RegExp, PushInit]>([
    ['without a topic', 400, /topicuri/, { query: { topicuri: undefined } }],
    ['of no JSON', 400, /no JSON/, { body: '{' }],
    ['of nothing', 400, /no JSON/, { body: '' }],
    ['that is not UTF-8', 400, /not UTF-8/, { body: Buffer.from('22ff22', 'hex') }],
    ['without its timestamp', 400, /no timestamp/, { key, query: { timestamp: undefined } }],
    ['without its signature', 400, /no signature/, { key, query: { signature: undefined } }],
    ['without its key', 400, /no authkey/, { key, query: { authkey: undefined } }],
    ['with both keys', 400, /both/, { key, query: { appkey: 'x' } }],
    ['with milliseconds', 400, /form/, { key, query: { timestamp: '2012-07-10T17:03:34.000Z' } }],
    ['with a 13th month', 400, /form/, { key, query: { timestamp: '2012-13-10T17:03:34Z' } }],
    ['with an unknown key', 401, /no key nobody/, { key: 'nobody' }],
    ['signed with another secret', 401, /signature/, { key, secret: 'x' }],
    ['of another topic than was signed', 401, /signature/, { key, query: { topicuri: 't' } }],
    ['of the other dialect', 401, /signature/, { key, dialect: 'autobahn', query: { signature: 'AA==' } }],
    ['that is old', 401, /timestamp/, { key, off: -400_000 }],
    ['from the future', 401, /timestamp/, { key, off: 400_000 }],
  ])('%s is refused with %i', async (_, status, text, init) => {
    const { push: endpoint, stats } = room()
    const response = await push(endpoint, init)
    expect([response.status, response.headers.get('content-type')]).toEqual([
      status,
      'text/plain;charset=UTF-8',
    ])
    expect(await response.text()).toMatch(text)
    expect(await stats()).toMatchObject({ published: 0, refused: status === 401 ? 1 : 0 })
  })

  test('must be a POST, may have to be signed, has a limit and a window', async () => {
    const { push: endpoint, control } = room()
    expect((await fetch(`${endpoint}/?topicuri=t`)).status).toBe(405)
    await control('settings', { requireSignature: true, maxBody: 20, window: 1000 })
    expect((await push(endpoint)).status).toBe(401)
    expect((await push(endpoint, { key, off: 400_000 })).status).toBe(202)
    expect((await push(endpoint, { key, body: '"12345678901234567890"' })).status).toBe(413)
    await control('skew', { ms: 2_000_000 })
    expect((await push(endpoint, { key })).status).toBe(401)
    await control('app', { key: 'other', secret: 's' })
    expect((await push(endpoint, { key: 'other', secret: 's', off: 2_000_000 })).status).toBe(202)
  })
})

interface PushCase {
  readonly name: string
  readonly input: { readonly op: string; readonly authkey?: string; readonly secret?: string }
  readonly expected: {
    readonly query: Readonly<Record<string, string>>
    readonly body: string
    readonly signature?: string
    readonly php: { readonly body: string; readonly url: string }
  }
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/webmq.json', import.meta.url), 'utf8'))
const cases = (vectors.cases as PushCase[]).filter(({ input }) => input.op === 'push')

describe('what the vendor’s PHP client sends, and another would', () => {
  test.each(cases.map((one) => [one.name, one] as const))('%s', async (_, { input, expected }) => {
    const { push: endpoint, control } = room()
    // The timestamps are of 2012.
    await control('settings', { window: 0 })
    if (input.authkey) await control('app', { key: input.authkey, secret: input.secret })
    const { query, body, signature, php } = expected
    const all = new URLSearchParams(signature ? { ...query, signature } : query)
    const requests = [
      [`${endpoint}/?${all}`, body],
      [`${endpoint}/${new URL(php.url).search}`, php.body],
    ] as const
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    for (const [url, sent] of requests) {
      expect((await fetch(url, { method: 'POST', headers, body: sent })).status).toBe(202)
      if (signature)
        expect((await fetch(url, { method: 'POST', headers, body: `${sent} ` })).status).toBe(401)
    }
  })
})
