// What is sent for a call.
import { type PrismCallOptions, verifyRequest } from 'isomq/prism'
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

test('two options of a call that are the same object are not changed', async () => {
  const options: PrismCallOptions = Object.freeze({
    headers: Object.freeze({ 'x-api-a': '1' }),
    query: Object.freeze({ q: 1 }),
  })
  const { client, calls, clock } = gateway()
  await client.get('x', {}, options)
  await client.get('x', {}, options)
  const [one, two] = calls
  expect(one!.url.href).toBe(two!.url.href)
  expect(
    (await verifyRequest(new Request(one!.url, one!.init), { secret: 'marker-secret', now: clock.now() }))
      .valid,
  ).toBe(true)
})
