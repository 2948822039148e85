// By what the server knows who calls.
import type { PrismClientOptions, PrismSigned } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { rejection } from '../support/events.ts'
import { CONFIG, gateway, isSigned, SECRET, signatureOf, value, values } from './gateway.ts'

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
