// What the receiving side makes of requests, whoever signed them: those that pass, their bodies, its options.
import { type PrismVerifyOptions, signRequest, verifyRequest } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { rejection } from '../support/events.ts'
import { CONFIG, gateway } from './gateway.ts'
import { check, FORM, NOW, SECRET, SYSTEM, signed, textOf, without } from './verifying.ts'

describe('a request passes', () => {
  test('with everything in the query', async () => {
    const query = [...SYSTEM, ['a', '1 &='], ['a', '2']] as const
    const verdict = await check(signed({ query }))
    expect(verdict).toEqual({
      valid: true,
      clientId: 'key',
      signedAt: new Date(NOW),
      query: [...query, ['sign', expect.any(String)]],
      body: [],
    })
  })

  test('with the system parameters in the query and the rest in the form, as PHP has it', async () => {
    const form = [['title', '中文']] as const
    expect(await check(signed({ method: 'POST', form }))).toMatchObject({ valid: true, body: form })
  })

  test('with everything in the form, as Go has it', async () => {
    const request = signed({ method: 'POST', query: [], form: [...SYSTEM, ['a', '1']], signIn: 'form' })
    expect(await check(request)).toMatchObject({ valid: true, clientId: 'key', query: [] })
  })

  test('with the signature apart from the other system parameters', async () => {
    expect((await check(signed({ method: 'PUT', form: [['a', '1']], signIn: 'form' }))).valid).toBe(true)
  })

  test('without sign_method, as Go sends it, and with one in capitals', async () => {
    expect((await check(signed({ query: without('sign_method') }))).valid).toBe(true)
    expect((await check(signed({ query: [...without('sign_method'), ['sign_method', 'MD5']] }))).valid).toBe(
      true,
    )
  })

  test('with a signature in small letters', async () => {
    const request = signed()
    const url = new URL(request.url)
    url.searchParams.set('sign', url.searchParams.get('sign')!.toLowerCase())
    expect((await check(new Request(url))).valid).toBe(true)
  })

  test('with signed headers, however their names arrive', async () => {
    const headers = { 'X-API-foo': 'bar', 'x-api-Empty': '', authorization: 'Bearer t', 'x-other': 'z' }
    expect((await check(signed({ headers }))).valid).toBe(true)
  })

  test('with a form that says its charset, or an empty one', async () => {
    for (const form of [[['a', '1']], []] as const) {
      const headers = { 'content-type': `${FORM.toUpperCase()}; charset=UTF-8` }
      expect((await check(signed({ method: 'POST', headers, form }))).valid).toBe(true)
    }
  })

  test('with a path that has everything in it', async () => {
    expect((await check(signed({ path: "/api/a%20b/%E4%B8%AD/%2F/~!*'()+%25" }))).valid).toBe(true)
  })

  test('as its parts', async () => {
    const parts = {
      method: 'post',
      path: '/api/x',
      headers: [
        ['X-Api-A', '1'],
        ['accept', '*/*'],
      ],
      query: SYSTEM,
      body: [['b', '2']],
    } as const
    const sign = signRequest({ ...parts, secret: SECRET })
    expect((await check({ ...parts, body: [...parts.body, ['sign', sign]] })).valid).toBe(true)
    expect((await check({ ...parts, query: [...parts.query, ['sign', sign]] })).valid).toBe(true)
    expect(await check({ method: 'GET', path: '/' })).toMatchObject({ valid: false, reason: 'unsigned' })
  })

  test('as this library’s own client sends it', async () => {
    const { client, calls } = gateway()
    const params = { 'a b': "!*'()~", list: [1, { b: '&' }], '\u{1f600}': '\ue000', '': '' }
    const headers = { 'x-api-Trace': ' 1 ' }
    for (const method of ['GET', 'HEAD', 'DELETE', 'POST', 'PUT', 'PATCH']) {
      await client.request(method, '/p%20q/é?x=1&x=2', params, { headers, query: { '=': '+' } })
    }
    for (const { url, init, at } of calls) {
      const verdict = await verifyRequest(new Request(url, init), { secret: 'marker-secret', now: at })
      expect(verdict).toMatchObject({ valid: true, clientId: 'key' })
    }
    expect(calls).toHaveLength(6)
  })
})

describe('the body', () => {
  test('can still be read', async () => {
    const form = [['a', '1']] as const
    for (const sign of ['query', 'form'] as const) {
      const request = signed({ method: 'POST', form, signIn: sign })
      expect((await check(request)).valid).toBe(true)
      expect(request.bodyUsed).toBe(false)
      expect(await textOf(request)).toMatch(/^a=1/)
    }
    const json = signed({ method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}' })
    await check(json)
    expect(await json.json()).toEqual({ a: 1 })
  })

  test('is read up to its limit, and can be read in full afterwards', async () => {
    const form = [['a', 'x'.repeat(98)]] as const
    const request = () => signed({ method: 'POST', form })
    expect((await check(request(), { maxBody: 100 })).valid).toBe(true)
    const large = request()
    expect(await rejection(check(large, { maxBody: 99 }))).toMatchObject({
      code: 'LIMIT',
      provider: 'prism',
      message: 'prism: the body exceeds 99 bytes; raise maxBody',
    })
    expect((await textOf(large)).length).toBe(100)
  })

  test('has a limit of 1 MiB of its own', async () => {
    const form = [['a', 'x'.repeat(1024 * 1024 - 2)]] as const
    expect((await check(signed({ method: 'POST', form }))).valid).toBe(true)
    expect(await rejection(check(signed({ method: 'POST', form: [...form, ['b', '']] })))).toMatchObject({
      code: 'LIMIT',
    })
  })

  test('that breaks off is an error, not a verdict', async () => {
    const body = new ReadableStream({
      pull: (controller) => controller.error(new TypeError('terminated')),
    })
    const init = { method: 'POST', headers: { 'content-type': FORM }, body, duplex: 'half' }
    const url = signed().url
    // Not every runtime takes streams here.
    const request = { url, method: 'POST', headers: new Headers(init.headers), body, clone: () => ({ body }) }
    expect(await rejection(check(request as unknown as Request))).toBeInstanceOf(Error)
  })
})

describe('options', () => {
  test.each<[string, object | undefined]>([
    ['none', undefined],
    ['no secret', {}],
    ['an empty secret', { secret: '' }],
    ['a secret that is a number', { secret: 5 }],
    ['an age below 0', { secret: 's', maxAge: -1 }],
    ['an age that is no number', { secret: 's', maxAge: Number.NaN }],
    ['a limit that is no number', { secret: 's', maxBody: Number.NaN }],
  ])('%s: refused', async (_, options) => {
    expect(await rejection(verifyRequest(signed(), options as PrismVerifyOptions))).toEqual(CONFIG)
  })

  test('a secret that cannot be found out rejects with what failed', async () => {
    for (const secret of [
      () => Promise.reject(new Error('no database')),
      () => {
        throw new Error('no database')
      },
    ]) {
      expect((await rejection(check(signed(), { secret }))).message).toBe('no database')
    }
  })

  test('the secret is not asked for when the request is refused without it', async () => {
    let asked = 0
    const secret = () => {
      asked++
      return SECRET
    }
    await check(signed({ query: without('client_id') }), { secret })
    await check(signed(), { secret, now: NOW + 300_001 })
    expect(asked).toBe(0)
  })
})
