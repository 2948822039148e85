// A page that signs in without the secret: its half, and its server's.
import {
  challengeHandler,
  fetchSignature,
  signChallenge,
  type WampAuthorize,
  type WampChallenge,
  type WampChallengeAsk,
} from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { AUTH, AUTHREQ } from '../support/wamp.ts'
import { bench1, bench2 } from './bench.ts'
import { CONFIG } from './bridge.ts'
import { derived, hmac } from './crypto.ts'

const SECRET = 'marker-secret'
const V1 = JSON.stringify({ authid: 'x', authkey: 'joe', sessionid: 'S1', authextra: null })
const V2 = JSON.stringify({ session: 7, authid: 'joe', authmethod: 'wampcra', nonce: 'n' })
const URL_ = 'https://app.test/sign'

const ask = (body: unknown, init: RequestInit = {}): Request =>
  new Request(URL_, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), ...init })

interface Said {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly headers: Headers
}

async function answer(request: Request, authorize: WampAuthorize = () => SECRET): Promise<Said> {
  const response = await challengeHandler(authorize)(request)
  return {
    status: response.status,
    body: (await response.json()) as Record<string, unknown>,
    headers: response.headers,
  }
}

describe('challengeHandler()', () => {
  test.each([
    ['1', V1],
    ['2', V2],
  ])('signs a challenge of version %s for whom the hook gives a secret', async (_, challenge) => {
    const { status, body, headers } = await answer(ask({ challenge }))
    expect([status, body]).toEqual([200, { signature: await hmac(SECRET, challenge) }])
    expect([headers.get('content-type'), headers.get('cache-control')]).toEqual([
      'application/json',
      'no-store',
    ])
  })

  test('with a salt', async () => {
    const salt = { salt: 's', iterations: 100, keylen: 16 }
    const key = await derived(SECRET, 's', 100, 16)
    const { body } = await answer(ask({ challenge: V1, salt }))
    expect(body).toEqual({ signature: await hmac(key, V1) })
  })

  test('gives the hook the request, who it is, and what is to be signed', async () => {
    const asks: [string | null, WampChallengeAsk][] = []
    const authorize: WampAuthorize = async (request, given) => {
      asks.push([request.headers.get('cookie-like'), given])
      return SECRET
    }
    const init = { headers: { 'cookie-like': 'session=1' } }
    await answer(ask({ challenge: V1, salt: { salt: 's', iterations: 5 } }, init), authorize)
    await answer(ask({ challenge: V2, salt: null }, init), authorize)
    await answer(ask({ challenge: '{"session":1,"authid":5}' }), authorize)
    expect(asks).toEqual([
      ['session=1', { challenge: V1, salt: { salt: 's', iterations: 5, keylen: 32 }, id: 'joe' }],
      ['session=1', { challenge: V2, salt: undefined, id: 'joe' }],
      [null, { challenge: '{"session":1,"authid":5}', salt: undefined, id: undefined }],
    ])
  })

  test.each(['', undefined, null, false])('a hook that gives %j refuses', async (secret) => {
    const { status, body } = await answer(ask({ challenge: V1 }), () => secret as undefined)
    expect([status, body]).toEqual([403, { error: 'not allowed' }])
  })

  test('a hook that throws or rejects is a 500 that says nothing of it', async () => {
    for (const authorize of [
      () => {
        throw new Error(`MARKER ${SECRET}`)
      },
      () => Promise.reject(new Error(`MARKER ${SECRET}`)),
    ]) {
      const { status, body } = await answer(ask({ challenge: V1 }), authorize)
      expect([status, body]).toEqual([500, { error: 'the server failed' }])
    }
  })

  test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is refused', async (method) => {
    let asked = 0
    const body = /GET|HEAD/.test(method) ? null : JSON.stringify({ challenge: V1 })
    const handler = challengeHandler(() => `${++asked}`)
    const response = await handler(new Request(URL_, { method, body }))
    expect([response.status, asked]).toEqual([405, 0])
  })

  test.each<[string, unknown]>([
    ['nothing', ''],
    ['no JSON', 'challenge'],
    ['null', 'null'],
    ['a list', []],
    ['no challenge', {}],
    ['a challenge that is no text', { challenge: { session: 1 } }],
    ['a challenge in a list', { challenge: [V1] }],
    ['a text that is no JSON', { challenge: 'sign me' }],
    ['a text that is no object', { challenge: '5' }],
    ['null as the challenge', { challenge: 'null' }],
    ['a list as the challenge', { challenge: '["session"]' }],
    ['what is no challenge: an order', { challenge: '{"pay":100,"to":"eve"}' }],
    ['what is no challenge: a push', { challenge: 'http://example.com/tkey2012-07-10T17:03:34Z{}' }],
    ['a challenge only by its prototype', { challenge: '{"__proto__":{"session":1}}' }],
    ['a salt of no sense', { challenge: V1, salt: { salt: 's', iterations: 0 } }],
    ['a salt of half an iteration', { challenge: V1, salt: { salt: 's', iterations: 0.5 } }],
    ['a billion iterations', { challenge: V1, salt: { salt: 's', iterations: 1e9 } }],
    ['a billion bytes', { challenge: V1, salt: { salt: 's', keylen: 1e9 } }],
    ['more than it should be', { challenge: JSON.stringify({ session: 'x'.repeat(20_000) }) }],
  ])('%s is never signed', async (_, body) => {
    const { status, body: said } = await answer(ask(body))
    expect([status, said.signature]).toEqual([400, undefined])
    expect(JSON.stringify(said)).not.toContain(SECRET)
  })

  test('a body that breaks off is refused', async () => {
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode('{"challenge":'))
        controller.error(new Error('gone'))
      },
    })
    const { status } = await answer(
      new Request(URL_, { method: 'POST', body, duplex: 'half' } as RequestInit),
    )
    expect(status).toBe(400)
  })

  test('the secret never leaves it', async () => {
    const said = [
      await answer(ask({ challenge: V1 })),
      await answer(ask({ challenge: V1, salt: { salt: 's' } })),
      await answer(ask({ challenge: V1, salt: { salt: 's', iterations: 1e9 } })),
    ]
    expect(everything(said)).not.toContain(SECRET)
  })

  test('needs a function', () => {
    for (const odd of [undefined, null, SECRET, {}]) {
      expect(() => challengeHandler(odd as never)).toThrow(CONFIG)
    }
  })
})

describe('fetchSignature()', () => {
  const asked = (more: Partial<WampChallenge> = {}): WampChallenge => ({
    method: 'wampcra',
    challenge: V1,
    salt: undefined,
    signal: new AbortController().signal,
    ...more,
  })

  test('asks by POST of JSON, with the headers that it was given, and with cookies as fetch has them', async () => {
    const calls: [string, RequestInit][] = []
    const sign = fetchSignature(URL_, {
      headers: { 'x-csrf': '1' },
      fetch: async (url, init) => {
        calls.push([url, init!])
        return Response.json({ signature: 'S' })
      },
    })
    const salt = { salt: 's', iterations: 5, keylen: 32 }
    expect(await sign(asked({ salt }))).toBe('S')
    const [[url, init]] = calls as [[string, RequestInit]]
    expect([url, init.method, init.credentials]).toEqual([URL_, 'POST', undefined])
    const headers = new Headers(init.headers)
    expect([headers.get('x-csrf'), headers.get('content-type')]).toEqual(['1', 'application/json'])
    expect(JSON.parse(init.body as string)).toEqual({ challenge: V1, salt })
  })

  test('and challengeHandler() fit: salted or not, whatever the characters', async () => {
    const handler = challengeHandler(() => SECRET)
    const sign = fetchSignature(URL_, { fetch: async (url, init) => handler(new Request(url, init)) })
    for (const challenge of [V1, V2, '{"session":1,"é":"😀\\u2028"}']) {
      for (const salt of [undefined, { salt: 'sälz', iterations: 10, keylen: 32 }]) {
        expect(await sign(asked({ challenge, salt }))).toBe(await signChallenge(challenge, SECRET, salt))
      }
    }
  })

  test.each<[string, () => Response | Promise<Response>, string]>([
    ['401', () => Response.json({ error: 'x' }, { status: 401 }), 'AUTH_REJECTED'],
    ['403', () => Response.json({ error: 'x' }, { status: 403 }), 'AUTH_REJECTED'],
    ['400', () => Response.json({ error: 'x' }, { status: 400 }), 'HTTP'],
    ['404', () => new Response('no', { status: 404 }), 'HTTP'],
    ['500', () => Response.json({ error: 'x' }, { status: 500 }), 'HTTP'],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: '/login' } }), 'HTTP'],
    ['an empty answer', () => new Response(''), 'HTTP'],
    ['no JSON', () => new Response('<html>log in</html>'), 'HTTP'],
    ['null', () => new Response('null'), 'HTTP'],
    ['no signature', () => Response.json({}), 'HTTP'],
    ['an empty signature', () => Response.json({ signature: '' }), 'HTTP'],
    ['a signature that is no text', () => Response.json({ signature: 5 }), 'HTTP'],
    [
      'a signature with a status of failure',
      () => Response.json({ signature: 'S' }, { status: 500 }),
      'HTTP',
    ],
    ['no network', () => Promise.reject(new TypeError('fetch failed')), 'CONNECT_FAILED'],
  ])('%s is an error that says what it was', async (_, fetch, code) => {
    const error = await rejection(fetchSignature(URL_, { fetch: async () => fetch() })(asked()))
    expect(error).toMatchObject({ name: 'IsomqError', code, provider: 'webmq' })
    expect(everything([error])).not.toContain('sessionid')
  })

  test('ends with the attempt', async () => {
    const abort = new AbortController()
    let signal: AbortSignal | null | undefined
    const sign = fetchSignature(URL_, {
      fetch: (_, init) => {
        signal = init!.signal
        return new Promise(() => {})
      },
    })
    const signing = rejection(sign(asked({ signal: abort.signal })))
    await until(() => signal !== undefined)
    abort.abort('over')
    expect(await signing).toMatchObject({ code: 'ABORTED', cause: 'over' })
    expect(signal!.aborted).toBe(true)
  })
})

describe('a page signs in through its server', () => {
  const handler = challengeHandler((_, { id }) => (id === 'joe' ? SECRET : undefined))
  const sign = fetchSignature(URL_, { fetch: async (url, init) => handler(new Request(url, init)) })

  test('to version 1', async () => {
    const b = bench1({ auth: { id: 'joe', sign } })
    const script = await b.dial()
    script.accept()
    await flush()
    script.result(AUTHREQ, V1)
    await until(() => script.calls.includes(AUTH))
    expect(script.of(2)[1]![2]).toBe(await hmac(SECRET, V1))
  })

  test('to version 2', async () => {
    const b = bench2({ auth: { id: 'joe', sign } })
    const script = await b.dial()
    script.open()
    script.send(4, 'wampcra', { challenge: V2 })
    await until(() => script.of(5).length > 0)
    expect(script.of(5)[0]![0]).toBe(await hmac(SECRET, V2))
  })

  test('and is refused, for good, as somebody else', async () => {
    const b = bench2({ auth: { id: 'eve', sign } })
    const connecting = rejection(b.session.connect())
    await flush()
    b.script.open()
    b.script.send(4, 'wampcra', { challenge: V2.replace('joe', 'eve') })
    expect(await connecting).toMatchObject({ code: 'AUTH_REJECTED' })
    expect([b.session.state, b.script.of(5)]).toEqual(['closed', []])
  })
})
