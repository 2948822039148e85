// What a publisher sends.
import { oauth1Text, signOAuth1, signPublish } from 'isomq/tambur'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { CONFIG } from './bench.ts'
import { baseString, isSigned, KEYS, service, taken } from './service.ts'

describe('publish()', () => {
  test('posts a signed form, and resolves when the service has taken it', async () => {
    const s = service()
    expect(await s.publisher.publish('news', 'hello')).toBeUndefined()
    const [call] = s.calls
    expect([s.calls.length, call!.url, call!.init.method]).toEqual([
      1,
      'https://api.test/app/app-1/stream/news',
      'POST',
    ])
    expect(new Headers(call!.init.headers).get('content-type')).toBe('application/x-www-form-urlencoded')
    expect(Object.fromEntries(call!.form)).toEqual({
      api_version: '1.0',
      message: 'hello',
      oauth_consumer_key: 'the key',
      oauth_nonce: expect.stringMatching(/^[\da-f]{32}$/),
      oauth_signature_method: 'HMAC-SHA1',
      oauth_timestamp: String(Math.floor(s.clock.now() / 1000)),
      oauth_version: '1.0',
      oauth_signature: expect.stringMatching(/^[A-Za-z\d+/]{27}=$/),
    })
    expect(await isSigned(call!)).toBe(true)
    expect(s.clock.timers).toBe(0)
  })

  test.each([200, 201, 202, 204, 299])('takes status %i for success, whatever it says', async (status) => {
    const s = service(() => new Response(status === 204 ? null : 'error', { status }))
    await s.publisher.publish('news', 'x')
    expect(s.calls.length).toBe(1)
  })

  test.each<[string, string]>([
    ['plain text', 'some message'],
    ['no text', ''],
    ['what a form is made of', 'a&b=c+d e%20f%zz#?;'],
    ['what RFC 3986 reserves', "!*'();:@&=+$,/?#[]"],
    ['unreserved', 'AZaz09-._~'],
    ['control characters', '\t\r\n\u0000\u007f'],
    ['quotes and backslashes', '"\'\\`'],
    ['letters of other scripts', 'Zoë 王 🎈 \u{10ffff}'],
    ['U+E000 and what is beyond U+FFFF', '\ue000\u{10000}'],
    ['a byte order mark', '\ufeffx'],
    ['JSON', '{"a":[1,"ü"]}'],
    ['100,000 characters', 'aü+ '.repeat(25_000)],
  ])('signs and sends a message of %s', async (_, message) => {
    const s = service()
    await s.publisher.publish('news', message)
    expect(s.calls[0]!.form.get('message')).toBe(message)
    expect(await isSigned(s.calls[0]!)).toBe(true)
  })

  test('sends half a character as U+FFFD, as it is signed', async () => {
    const s = service()
    await s.publisher.publish('news', 'a\ud83cb\udf88')
    expect(s.calls[0]!.form.get('message')).toBe('a\ufffdb\ufffd')
    expect(await isSigned(s.calls[0]!)).toBe(true)
  })

  test.each<[unknown, string]>([
    [{ a: 1 }, '{"a":1}'],
    [[1, 'b'], '[1,"b"]'],
    [5, '5'],
    [true, 'true'],
    [null, 'null'],
    [{ toJSON: () => 'made' }, '"made"'],
  ])('sends %j as JSON', async (message, text) => {
    const s = service()
    await s.publisher.publish('news', message)
    expect(s.calls[0]!.form.get('message')).toBe(text)
  })

  test('sends nothing that has no JSON', async () => {
    const s = service()
    const round: Record<string, unknown> = {}
    round.round = round
    for (const message of [undefined, () => {}, Symbol('x'), 5n, round]) {
      await expect(s.publisher.publish('news', message)).rejects.toEqual(CONFIG)
    }
    expect(s.calls).toEqual([])
  })

  test('has a nonce of its own each time, and the time of that moment', async () => {
    const s = service()
    for (let i = 0; i < 50; i++) {
      await s.publisher.publish('news', 'same')
      s.clock.sleep(1_000)
    }
    const nonces = s.calls.map(({ form }) => form.get('oauth_nonce'))
    const times = s.calls.map(({ form }) => Number(form.get('oauth_timestamp')))
    expect(new Set(nonces).size).toBe(50)
    expect(times).toEqual(s.calls.map(({ at }) => Math.floor(at / 1000)))
    expect((await Promise.all(s.calls.map((call) => isSigned(call)))).every(Boolean)).toBe(true)
  })

  test('many at once do not share anything', async () => {
    const s = service()
    await Promise.all(Array.from({ length: 50 }, (_, n) => s.publisher.publish('news', `${n}`)))
    expect(new Set(s.calls.map(({ form }) => form.get('oauth_nonce'))).size).toBe(50)
    expect((await Promise.all(s.calls.map((call) => isSigned(call)))).every(Boolean)).toBe(true)
  })

  test.each<[object, string, string]>([
    [{}, 'https://api.test', 'https://api.test/app'],
    [{ ssl: false }, 'http://api.test', 'http://api.test/app'],
    [{ apiHost: undefined }, 'https://api.tambur.io', 'https://api.tambur.io/app'],
    [{ apiHost: 'h.test:8443' }, 'https://h.test:8443', 'https://h.test:8443/app'],
    [{ apiHost: 'H.Test:443' }, 'https://h.test', 'https://h.test/app'],
    [{ apiHost: 'h.test:80', ssl: false }, 'http://h.test', 'http://h.test/app'],
    [{ apiHost: 'h.test:80' }, 'https://h.test:80', 'https://h.test:80/app'],
    [{ apiHost: 'h.test:443', ssl: false }, 'http://h.test:443', 'http://h.test:443/app'],
    [{ apiHost: '[::1]:8080', ssl: false }, 'http://[::1]:8080', 'http://[::1]:8080/app'],
    [{ apiHost: '127.0.0.1:1' }, 'https://127.0.0.1:1', 'https://127.0.0.1:1/app'],
  ])('with %j goes to %s, and signs that', async (options, _, start) => {
    const s = service(taken, options)
    await s.publisher.publish('news', 'x')
    const [call] = s.calls
    expect(call!.url.startsWith(start)).toBe(true)
    expect(await isSigned(call!)).toBe(true)
  })

  test('with debug asks for an explanation, and signs that it does', async () => {
    const s = service(taken, { debug: true })
    await s.publisher.publish('news', 'x')
    const [call] = s.calls
    expect(call!.url).toBe('https://api.test/app/app-1/stream/news?debug=true')
    expect(baseString(call!)).toContain('%26debug%3Dtrue%26')
    expect(await isSigned(call!)).toBe(true)
  })

  test('does not follow a redirect', async () => {
    const s = service()
    await s.publisher.publish('news', 'x')
    expect(s.calls[0]!.init.redirect).toBe('manual')
  })

  test('looks up the runtime’s fetch when it is called', async () => {
    const own = globalThis.fetch
    const s = service(taken, { fetch: undefined })
    const urls: string[] = []
    try {
      globalThis.fetch = async (url) => {
        urls.push(String(url))
        return taken()
      }
      await s.publisher.publish('news', 'x')
    } finally {
      globalThis.fetch = own
    }
    expect(urls).toEqual(['https://api.test/app/app-1/stream/news'])
  })

  test('makes nothing when the publisher is made', async () => {
    const s = service()
    await s.clock.advance(60_000)
    expect([s.calls.length, s.clock.timers, s.records]).toEqual([0, 0, []])
  })
})

describe('signPublish() and signOAuth1()', () => {
  const fields = {
    ...KEYS,
    stream: 'news',
    message: 'x',
    nonce: 'n',
    timestamp: 1_355_270_400,
    apiHost: 'api.test',
  }

  test('give the same for the same, whether the time is a number or a text', async () => {
    const one = await signPublish(fields)
    expect(await signPublish({ ...fields, timestamp: '1355270400' })).toEqual(one)
    expect((await signPublish({ ...fields, nonce: 'm' })).body).not.toBe(one.body)
  })

  test('sign the example of RFC 5849, section 3.4.1.1', async () => {
    const params: [string, string][] = [
      ['c2', ''],
      ['a3', '2 q'],
      ['oauth_consumer_key', '9djdj82h48djs9d2'],
      ['oauth_token', 'kkk9d7dh3k39sjv7'],
      ['oauth_signature_method', 'HMAC-SHA1'],
      ['oauth_timestamp', '137131201'],
      ['oauth_nonce', '7d8f3e4a'],
    ]
    const request = {
      method: 'post',
      url: 'http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b',
      params,
    }
    expect(oauth1Text(request)).toBe(
      'POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7',
    )
    // Errata 2550 of the RFC corrects the signature for these secrets.
    const secrets = { secret: 'j49sk3j29djd', tokenSecret: 'dh893hdasih9' }
    expect(await signOAuth1({ ...request, ...secrets })).toBe('r6/TJjbCOr97/+UU0NsvSne7s5g=')
  })

  test('take any iterable, and change nothing that they get', async () => {
    const params = Object.freeze([['b', '2'] as const, ['a', '1'] as const])
    const request = { method: 'POST', url: 'https://h.test/x', secret: 's' }
    const expected = await signOAuth1({ ...request, params })
    expect(await signOAuth1({ ...request, params: new Map(params) })).toBe(expected)
    expect(await signOAuth1({ ...request, params: new URLSearchParams('a=1&b=2') })).toBe(expected)
  })

  test.each<[string, object]>([
    ['no secret', { secret: '' }],
    ['a secret that is no text', { secret: 5 }],
    ['no key', { apiKey: undefined }],
    ['no app', { appId: '' }],
    ['no stream', { stream: undefined }],
    ['no nonce', { nonce: undefined }],
    ['an empty nonce', { nonce: '' }],
    ['a message that is no text', { message: { a: 1 } }],
  ])('refuse %s', async (_, wrong) => {
    await expect(signPublish({ ...fields, ...wrong } as typeof fields)).rejects.toEqual(CONFIG)
  })

  test('refuse a URL that is none', async () => {
    const error = await rejection(signOAuth1({ method: 'POST', url: 'no url', params: [], secret: 's' }))
    expect(error).toMatchObject({ code: 'CONFIG' })
    await flush()
  })
})
