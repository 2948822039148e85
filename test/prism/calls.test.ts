// What is sent for a call.
import type { PrismCallOptions, PrismClientOptions, PrismSigned } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { rejection } from '../support/events.ts'
import { CONFIG, gateway, isSigned, own, SECRET, signatureOf, value, values } from './gateway.ts'

describe('a call', () => {
  test.each(['get', 'delete'] as const)('%s has everything in the query', async (method) => {
    const { client, calls } = gateway()
    await client[method]('/platform/notify/status', { a: 'b c', n: 1 })
    const [call] = calls
    expect([call!.method, call!.url.origin + call!.url.pathname, call!.body]).toEqual([
      method.toUpperCase(),
      'https://prism.test/api/platform/notify/status',
      undefined,
    ])
    expect(own(call!.query)).toEqual([
      ['a', 'b c'],
      ['n', '1'],
    ])
    expect([value(call!, 'client_id'), isSigned(call!)]).toEqual(['key', true])
    expect(call!.headers.has('content-type')).toBe(false)
  })

  test.each(['post', 'put'] as const)('%s has everything in a form', async (method) => {
    const { client, calls } = gateway()
    await client[method]('/platform/notify/write', { a: 'b c', n: 1 })
    const [call] = calls
    expect([call!.method, call!.url.href]).toEqual([
      method.toUpperCase(),
      'https://prism.test/api/platform/notify/write',
    ])
    expect(call!.headers.get('content-type')).toBe('application/x-www-form-urlencoded')
    expect(own(call!.form)).toEqual([
      ['a', 'b c'],
      ['n', '1'],
    ])
    expect([value(call!, 'client_id'), isSigned(call!)]).toEqual(['key', true])
    expect(call!.body).toContain('a=b%20c')
  })

  test('by request() has its method in capitals, and its parameters where they belong', async () => {
    const { client, calls } = gateway()
    for (const method of ['get', 'HEAD', 'Delete', 'post', 'PUT', 'patch'])
      await client.request(method, 'x', { a: 1 })
    expect(calls.map(({ method, query, form }) => [method, own(query).length, own(form).length])).toEqual([
      ['GET', 1, 0],
      ['HEAD', 1, 0],
      ['DELETE', 1, 0],
      ['POST', 0, 1],
      ['PUT', 0, 1],
      ['PATCH', 0, 1],
    ])
    expect(calls.every((call) => isSigned(call))).toBe(true)
  })

  test('without parameters is signed all the same', async () => {
    const { client, calls } = gateway()
    await client.get('x')
    await client.post('x')
    expect(calls.map((call) => isSigned(call))).toEqual([true, true])
  })

  test('hands fetch what it sends and nothing besides', async () => {
    const { client, calls } = gateway(undefined, { accessToken: 'marker-token' })
    await client.get('x', { a: 1 })
    await client.post('x', { a: 1 })
    for (const { init } of calls) {
      expect(init.redirect).toBe('manual')
      expect(init.signal).toBeInstanceOf(AbortSignal)
      expect(everything([init])).not.toContain(SECRET)
      expect(Object.keys(init).sort()).toEqual(
        ['body', 'headers', 'method', 'redirect', 'signal'].filter((key) => key in init),
      )
    }
  })

  test('is seen by the logger without what it says', async () => {
    const { client, clock, records } = gateway(undefined, { accessToken: 'marker-token' })
    await client.get('a/b?marker-query=1', { 'marker-name': 'marker-value' })
    expect(records).toEqual([
      { provider: 'prism', at: clock.now(), event: 'called', method: 'GET', path: '/api/a/b' },
      {
        provider: 'prism',
        at: clock.now(),
        event: 'answered',
        method: 'GET',
        path: '/api/a/b',
        status: 200,
        took: 0,
      },
    ])
  })
})

describe('the base URL', () => {
  test.each([
    ['http://h.test/api', 'a/b', 'http://h.test/api/a/b'],
    ['http://h.test/api', '/a/b', 'http://h.test/api/a/b'],
    ['http://h.test/api/', 'a/b', 'http://h.test/api/a/b'],
    ['http://h.test/api/', '//a/b', 'http://h.test/api/a/b'],
    ['http://h.test/api//', 'a', 'http://h.test/api/a'],
    ['http://h.test', 'a', 'http://h.test/a'],
    ['http://h.test/', '/a', 'http://h.test/a'],
    ['http://h.test:8080/x/api-sandbox', 'a', 'http://h.test:8080/x/api-sandbox/a'],
    ['http://api', 'a', 'http://api/a'],
    ['http://[::1]:81/api', 'a', 'http://[::1]:81/api/a'],
    ['HTTP://H.test/API/%7e', 'a', 'http://h.test/API/%7e/a'],
    ['http://h.test/中', 'a', 'http://h.test/%E4%B8%AD/a'],
    ['http://h.test/api ', 'a', 'http://h.test/api/a'],
    ['http://h.test/api\n', 'a', 'http://h.test/api/a'],
  ])('%j and the path %j make %s', async (baseUrl, path, expected) => {
    const { client, calls } = gateway(undefined, { baseUrl })
    await client.post(path)
    expect(calls[0]!.url.href).toBe(expected)
    expect(isSigned(calls[0]!)).toBe(true)
  })

  test.each([
    undefined,
    '',
    'h.test/api',
    '/api',
    'ws://h.test/api',
    'ftp://h.test/api',
    'https://',
    'https://user:pass@h.test/api',
    'https://h.test@evil.test/api',
    'https:h.test',
    ' https://h.test/api',
    'https://h.test/api?a=1',
    'https://h.test/api?',
    'https://h.test/api#top',
    'https://h.test/api#',
    5,
    new URL('https://h.test/api'),
  ])('%j is refused by name', (baseUrl) => {
    expect(() => gateway(undefined, { baseUrl: baseUrl as string })).toThrow(
      expect.objectContaining({ code: 'CONFIG', details: { option: 'baseUrl' } }),
    )
  })
})

describe('the path', () => {
  test.each([
    ['', '/api/'],
    ['/', '/api/'],
    ['.', '/api/'],
    ['a//b', '/api/a//b'],
    ['a/../b', '/api/b'],
    ['a/./b', '/api/a/b'],
    ['../api/x', '/api/x'],
    ['/..;/x', '/api/..;/x'],
    ['https://evil.test/x', '/api/https://evil.test/x'],
    ['//evil.test/x', '/api/evil.test/x'],
    ['\\\\evil.test\\x', '/api///evil.test/x'],
    ['@evil.test', '/api/@evil.test'],
    [':80/x', '/api/:80/x'],
    ['é 中', '/api/%C3%A9%20%E4%B8%AD'],
    ['\u{1f600}', '/api/%F0%9F%98%80'],
    ['x\ud800', '/api/x%EF%BF%BD'],
    ['a%2fb%20%E4', '/api/a%2fb%20%E4'],
    ['100%', '/api/100%'],
    ["~!$&'()*+,;=", "/api/~!$&'()*+,;="],
    ['"<>`{}', '/api/%22%3C%3E%60%7B%7D'],
    ['item#5', '/api/item'],
  ])('%j goes to %s, signed as it goes', async (path, expected) => {
    const { client, calls } = gateway()
    await client.get(path)
    await client.post(path)
    for (const call of calls) {
      expect([call.url.origin, call.url.pathname, call.url.hash]).toEqual([
        'https://prism.test',
        expected,
        '',
      ])
      expect(isSigned(call)).toBe(true)
    }
  })

  test.each([
    '..',
    '../x',
    '/../x',
    'a/../../x',
    '../apix',
    '../api-sandbox/x',
    '%2e%2e/x',
    '.%2E/x',
    '..\\x',
    '.\t./x',
    'a/..//../../x',
  ])('%j would lead out of the base URL and is refused', async (path) => {
    const { client, calls } = gateway()
    expect(await rejection(client.get(path))).toEqual(CONFIG)
    expect(calls).toEqual([])
  })

  test.each([undefined, null, 5, {}, new URL('https://prism.test/api/x')])('%j is no path', async (path) => {
    const { client } = gateway()
    expect(await rejection(client.get(path as string))).toEqual(CONFIG)
  })

  test('with a query has it merged, repeated names and all, and signed decoded', async () => {
    const { client, calls } = gateway()
    const path = 'x?a=1&a=2&b=%20+%26&c&=e&%E4%B8%AD=%zz#f'
    await client.get(path, { a: 3 }, { query: { q: 4 } })
    await client.post(path, { a: 3 }, { query: { q: 4 } })
    const query = [
      ['a', '1'],
      ['a', '2'],
      ['b', '  &'],
      ['c', ''],
      ['', 'e'],
      ['中', '%zz'],
      ['q', '4'],
    ]
    expect(own(calls[0]!.query)).toEqual([...query, ['a', '3']])
    expect(calls[1]!.query).toEqual(query)
    expect(own(calls[1]!.form)).toEqual([['a', '3']])
    expect(calls.map((call) => isSigned(call))).toEqual([true, true])
  })
})

describe('parameters of the system', () => {
  test.each(['client_id', 'client_secret', 'sign', 'sign_time', 'sign_method'])(
    '%s cannot be given',
    async (name) => {
      const { client, calls } = gateway()
      const options = { query: [[name, 'marker-value']] } as PrismCallOptions
      for (const call of [
        () => client.get('x', { [name]: 'marker-value' }),
        () => client.post('x', { [name]: 'marker-value' }),
        () => client.get('x', {}, options),
        () => client.post('x', {}, options),
        () => client.put(`x?${name}=marker-value`),
        () => client.get(`x?${name.replace('_', '%5F')}=marker-value`),
      ]) {
        const error = await rejection(call())
        expect(error).toEqual(CONFIG)
        expect(error.message).toContain(`"${name}"`)
        expect(everything([error])).not.toContain('marker-value')
      }
      expect(calls).toEqual([])
    },
  )

  test('are left alone where they are undefined', async () => {
    const { client, calls } = gateway()
    await client.get('x', { sign: undefined, client_id: null })
    expect(values(calls[0]!, 'client_id')).toEqual(['key'])
  })
})

describe('headers', () => {
  test('are sent, and those of X-Api- and Authorization are signed as they are sent', async () => {
    const { client, calls } = gateway()
    const headers = {
      'x-api-lower': '1',
      'X-API-UPPER': '2',
      'X-Api-Spaced': '  a\tb  ',
      'X-Api-Empty': '',
      'X-Api-': 'v',
      'Foo-X-Api-Bar': '3',
      'Accept-Language': 'zh',
      aUTHORIZATION: 'Bearer mine',
    }
    await client.get('x', {}, { headers })
    await client.post('x', {}, { headers })
    for (const call of calls) {
      expect(call.headers.get('x-api-spaced')).toBe('a\tb')
      expect(call.headers.get('accept-language')).toBe('zh')
      expect(isSigned(call)).toBe(true)
      const names = ['x-api-lower', 'x-api-upper', 'x-api-spaced', 'x-api-empty', 'x-api-', 'authorization']
      expect(value(call, 'sign')).toBe(signatureOf(call, SECRET, names))
      for (const name of names) {
        const others = names.filter((other) => other !== name)
        expect(value(call, 'sign')).not.toBe(signatureOf(call, SECRET, others))
      }
    }
  })

  test('of the same name in two cases arrive as one, signed so', async () => {
    const { client, calls } = gateway()
    await client.get('x', {}, { headers: { 'X-Api-A': '1', 'x-api-a': '2' } })
    expect([calls[0]!.headers.get('x-api-a'), isSigned(calls[0]!)]).toEqual(['1, 2', true])
  })

  test('do not change what a form is', async () => {
    const { client, calls } = gateway()
    await client.post('x', { a: 1 }, { headers: { 'Content-Type': 'application/json' } })
    expect(calls[0]!.headers.get('content-type')).toBe('application/x-www-form-urlencoded')
  })

  test.each<[string, unknown]>([
    ['a line break in a value', { 'X-Api-A': 'marker-value\r\nX-Api-B: 1' }],
    ['a line feed in a value', { 'x-other': 'marker-value\nb' }],
    ['a NUL in a value', { 'X-Api-A': 'marker-value\0' }],
    ['letters beyond Latin-1', { 'X-Api-A': 'marker-value 中' }],
    [
      'letters beyond ASCII, which no two servers read alike, in what is signed',
      { 'X-Api-A': 'marker-value é' },
    ],
    ['letters beyond ASCII in Authorization', { authorization: 'Basic marker-value é' }],
    ['a name with a blank', { 'X Api': 'marker-value' }],
    ['a name with a line break', { 'X-Api\r\n': 'marker-value' }],
    ['a text', 'X-Api-A: marker-value'],
    ['a number', 5],
  ])('with %s are refused, and not quoted', async (_, headers) => {
    const { client, calls } = gateway()
    for (const method of ['GET', 'POST']) {
      const error = await rejection(
        client.request(method, 'x', {}, { headers: headers as Record<string, string> }),
      )
      expect(error).toEqual(CONFIG)
      expect(everything([error])).not.toContain('marker-value')
    }
    expect(calls).toEqual([])
  })
})

describe('where the secret goes', () => {
  const secretly = (options: Partial<PrismClientOptions> = {}) =>
    gateway(undefined, { auth: 'secret', ...options })

  test('nowhere by default, whatever the scheme', async () => {
    for (const baseUrl of ['http://h.test/api', 'https://h.test/api']) {
      const { client, calls } = gateway(undefined, { baseUrl, accessToken: 'marker-token' })
      await client.get('x', { a: 1 })
      await client.post('x', { a: 1 })
      expect(everything(calls)).not.toContain(SECRET)
      expect(calls.every((call) => isSigned(call))).toBe(true)
    }
  })

  test('into client_secret in place of a signature, with auth: secret over https', async () => {
    const { client, calls } = secretly()
    await client.get('x', { a: 1 })
    await client.post('x', { a: 1 })
    for (const call of calls) {
      expect([value(call, 'client_id'), value(call, 'client_secret')]).toEqual(['key', SECRET])
      expect(['sign', 'sign_time', 'sign_method'].flatMap((name) => values(call, name))).toEqual([])
    }
    expect(values({ ...calls[1]!, form: [] }, 'client_secret')).toEqual([])
  })

  test.each(['http://prism.test/api', 'HTTP://prism.test/api', 'http://localhost/api'])(
    'auth: secret is refused for %s when the client is made',
    (baseUrl) => {
      const make = () => secretly({ baseUrl })
      expect(make).toThrow(expect.objectContaining({ code: 'CONFIG', details: { option: 'auth' } }))
      expect(make).toThrow(/https/)
    },
  )

  test('auth: secret needs one', () => {
    expect(() => secretly({ secret: undefined, sign: () => 's' })).toThrow(
      expect.objectContaining({ code: 'CONFIG', details: { option: 'auth' } }),
    )
  })
})

describe('a sign callback', () => {
  test('stands in for the secret, and gets what the signature covers', async () => {
    const seen: PrismSigned[] = []
    const { client, calls } = gateway(undefined, {
      secret: undefined,
      sign: async (request) => {
        seen.push(structuredClone(request) as PrismSigned)
        return `signed ${seen.length}`
      },
      accessToken: 'token',
    })
    await client.get('x?a=1', { b: 2 }, { headers: { 'x-api-c': '3' } })
    await client.post('x?a=1', { b: 2 })
    expect(calls.map((call) => value(call, 'sign'))).toEqual(['signed 1', 'signed 2'])
    for (const [i, { method, path, query, body, headers }] of seen.entries()) {
      const call = calls[i]!
      expect([method, path]).toEqual([call.method, '/api/x'])
      expect(query).toEqual(call.query.filter(([name]) => name !== 'sign'))
      expect(body).toEqual(call.form.filter(([name]) => name !== 'sign'))
      expect(headers).toContainEqual(['authorization', 'Bearer token'])
    }
    expect(seen[0]!.headers).toContainEqual(['x-api-c', '3'])
  })

  test.each([[() => ''], [() => 5], [() => undefined], [async () => null]])(
    'that gives no text is named, and nothing is sent',
    async (sign) => {
      const { client, calls, clock } = gateway(undefined, { secret: undefined, sign: sign as () => string })
      const error = await rejection(client.get('x'))
      expect(error).toEqual(CONFIG)
      expect(error.details).toEqual({ option: 'sign' })
      expect([calls.length, clock.timers]).toEqual([0, 0])
    },
  )

  test('that throws or rejects is the cause of the call’s failure', async () => {
    for (const sign of [
      () => {
        throw new Error('hsm down')
      },
      () => Promise.reject(new Error('hsm down')),
      () => Promise.reject('hsm down'),
    ]) {
      const { client, calls } = gateway(undefined, { secret: undefined, sign, retries: 0 })
      expect(await rejection(client.get('x'))).toMatchObject({
        code: 'CONNECT_FAILED',
        cause: { message: 'hsm down' },
      })
      expect(calls).toEqual([])
    }
  })
})

describe('the access token', () => {
  test('is part of the signature', async () => {
    const { client, calls } = gateway(undefined, { accessToken: 'token' })
    await client.get('x')
    await client.post('x')
    for (const call of calls) {
      expect([call.headers.get('authorization'), isSigned(call)]).toEqual(['Bearer token', true])
      expect(value(call, 'sign')).not.toBe(signatureOf(call, SECRET, []))
    }
  })

  test('may be asked for, anew for every call', async () => {
    let asked = 0
    const { client, calls } = gateway(undefined, { accessToken: async () => `token${++asked}` })
    await client.get('x')
    await client.post('x')
    expect(calls.map(({ headers }) => headers.get('authorization'))).toEqual([
      'Bearer token1',
      'Bearer token2',
    ])
    expect(calls.every((call) => isSigned(call))).toBe(true)
  })

  test('gives way to an Authorization of the call’s own', async () => {
    const { client, calls } = gateway(undefined, { accessToken: 'token' })
    await client.get('x', {}, { headers: { authorization: 'Bearer other' } })
    expect([calls[0]!.headers.get('authorization'), isSigned(calls[0]!)]).toEqual(['Bearer other', true])
  })

  test.each([() => '', () => 5, () => undefined])('that is no text is refused', async (accessToken) => {
    const { client } = gateway(undefined, { accessToken: accessToken as () => string })
    const error = await rejection(client.get('x'))
    expect(error).toEqual(CONFIG)
    expect(error.details).toEqual({ option: 'accessToken' })
  })

  test.each([
    'marker-token\r\nX-Api-A: 1',
    'marker-token\n',
    'marker-token\0',
    'marker-token 中',
    'marker-token é',
    'two marker-token',
  ])('%j cannot be sent, and is not quoted', async (accessToken) => {
    for (const given of [accessToken, () => accessToken]) {
      const { client, calls } = gateway(undefined, { accessToken: given })
      const error = await rejection(client.get('x'))
      expect(error).toEqual(CONFIG)
      expect(everything([error])).not.toContain('marker-token')
      expect(calls).toEqual([])
    }
  })

  test('that cannot be had is the cause of the call’s failure', async () => {
    const { client, calls } = gateway(undefined, {
      accessToken: () => Promise.reject(new Error('no session')),
      retries: 0,
    })
    expect(await rejection(client.get('x'))).toMatchObject({
      code: 'CONNECT_FAILED',
      cause: { message: 'no session' },
    })
    expect(calls).toEqual([])
  })
})
