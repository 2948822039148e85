// What the receiving side makes of requests, whoever signed them.
import { type PrismPairs, type PrismVerifyOptions, signRequest, verifyRequest } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { rejection } from '../support/events.ts'
import { CONFIG, gateway } from './gateway.ts'

const SECRET = 's3cret'
const TIME = 1_700_000_000
const NOW = TIME * 1000
const FORM = 'application/x-www-form-urlencoded'
const SYSTEM = [
  ['client_id', 'key'],
  ['sign_method', 'md5'],
  ['sign_time', String(TIME)],
] as const

interface Wanted {
  method?: string
  path?: string
  headers?: Record<string, string>
  query?: PrismPairs
  form?: PrismPairs
  /** Sent as it is, in place of a form. */
  body?: BodyInit
  /** Where the signature goes. */
  signIn?: 'query' | 'form' | 'nowhere'
  secret?: string
  /** In place of the right one. */
  sign?: string
}

/** A request as some client makes it. */
function signed(wanted: Wanted = {}): Request {
  const {
    method = 'GET',
    path = '/api/x',
    headers = {},
    query = SYSTEM,
    form,
    body,
    signIn = 'query',
    secret = SECRET,
  } = wanted
  const parts = { method, path, headers: Object.entries(headers), query, body: form ?? [], secret }
  const pair = ['sign', wanted.sign ?? signRequest(parts)] as const
  const url = new URL(`https://api.test${path}`)
  url.search = String(
    new URLSearchParams([...query, ...(signIn === 'query' ? [pair] : [])] as unknown as string[][]),
  )
  const init: RequestInit = { method, headers: { ...headers } }
  if (form) {
    init.body = String(
      new URLSearchParams([...form, ...(signIn === 'form' ? [pair] : [])] as unknown as string[][]),
    )
    init.headers = { 'content-type': FORM, ...headers }
  }
  if (body !== undefined) init.body = body
  return new Request(url, init)
}

const check = (request: Parameters<typeof verifyRequest>[0], options: Partial<PrismVerifyOptions> = {}) =>
  verifyRequest(request, { secret: SECRET, now: NOW, ...options })

/** Workers warn of forms that are read as text. */
const textOf = async (request: Request) => new TextDecoder().decode(await request.arrayBuffer())

const without = (name: string): PrismPairs => SYSTEM.filter(([key]) => key !== name)

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

describe('a request is refused', () => {
  const reason = async (request: Request, options?: Partial<PrismVerifyOptions>) => {
    const verdict = await check(request, options)
    if (verdict.valid) return 'valid'
    expect(verdict.text).toMatch(/^[a-z]/)
    expect(JSON.stringify(verdict)).not.toContain(SECRET)
    return verdict.reason
  }

  test.each(['client_id', 'sign_time'])('as unsigned when %s is missing or empty', async (name) => {
    expect(await reason(signed({ query: without(name) }))).toBe('unsigned')
    expect(await reason(signed({ query: [...without(name), [name, '']] }))).toBe('unsigned')
  })

  test('as unsigned when the signature is missing or empty', async () => {
    expect(await reason(signed({ signIn: 'nowhere' }))).toBe('unsigned')
    expect(await reason(signed({ sign: '' }))).toBe('unsigned')
  })

  test.each(['client_id', 'sign_time', 'sign_method'])(
    'as ambiguous when %s is there twice',
    async (name) => {
      const pair = SYSTEM.find(([key]) => key === name)!
      expect(await reason(signed({ query: [...SYSTEM, pair] }))).toBe('ambiguous')
      expect(await reason(signed({ method: 'POST', form: [pair] }))).toBe('ambiguous')
    },
  )

  test('as ambiguous when the signature is there twice, in the query or the form', async () => {
    expect(await reason(signed({ query: [...SYSTEM, ['sign', 'x']] }))).toBe('ambiguous')
    expect(await reason(signed({ method: 'POST', form: [['sign', 'x']] }))).toBe('ambiguous')
  })

  test.each(['sha1', 'md5 ', 'hmac-md5'])('for the method %j', async (method) => {
    expect(await reason(signed({ query: [...without('sign_method'), ['sign_method', method]] }))).toBe(
      'method',
    )
  })

  test.each([
    '',
    'x',
    '-1',
    '1e9',
    '1700000000.5',
    ' 1700000000',
    '0x6553F100',
    '17000000000000',
    'Infinity',
  ])('for the time %j, at whatever age', async (time) => {
    const request = signed({ query: [...without('sign_time'), ['sign_time', time]] })
    expect(await reason(request, { maxAge: 0 })).toMatch(/^(expired|unsigned)$/)
  })

  test('as expired from the first millisecond beyond the age on, on both sides', async () => {
    for (const [off, maxAge, found] of [
      [300_000, undefined, 'valid'],
      [-300_000, undefined, 'valid'],
      [300_001, undefined, 'expired'],
      [-300_001, undefined, 'expired'],
      [1000, 1000, 'valid'],
      [1001, 1000, 'expired'],
      [-1001, 1000, 'expired'],
      [10 ** 12, 0, 'valid'],
      [10 ** 12, Number.POSITIVE_INFINITY, 'valid'],
    ] as const) {
      expect([off, await reason(signed(), { now: NOW + off, maxAge })]).toEqual([off, found])
    }
  })

  test('by the runtime’s clock when none is given', async () => {
    expect(await verifyRequest(signed(), { secret: SECRET })).toMatchObject({ reason: 'expired' })
    const time = String(Math.floor(Date.now() / 1000))
    const request = signed({ query: [...without('sign_time'), ['sign_time', time]] })
    expect((await verifyRequest(request, { secret: SECRET })).valid).toBe(true)
  })

  test('when its client is not known', async () => {
    const asked: string[] = []
    const nobody = (found: unknown) => async (clientId: string) => {
      asked.push(clientId)
      return found as undefined
    }
    for (const found of [undefined, '', null]) {
      expect(await reason(signed(), { secret: nobody(found) })).toBe('unknown-client')
    }
    expect(asked).toEqual(['key', 'key', 'key'])
  })

  test.each<[string, Wanted]>([
    ['another secret', { secret: 's3cres' }],
    ['a signature that is a letter shorter', { sign: 'A'.repeat(31) }],
    ['a signature that is a letter longer', { sign: 'A'.repeat(33) }],
    ['a signature of other letters', { sign: 'é'.repeat(32) }],
    [
      'a signature of a megabyte',
      { method: 'POST', form: [['sign', 'A'.repeat(1_000_000)]], signIn: 'nowhere' },
    ],
  ])('for %s', async (_, wanted) => {
    expect(await reason(signed(wanted))).toBe('wrong-signature')
  })

  test('when anything that is signed was changed on its way', async () => {
    const init = { method: 'POST', headers: { 'x-api-a': '1' }, form: [['b', '2']] as const }
    const request = signed(init)
    const body = await textOf(request.clone())
    const given = () => ({
      url: request.url,
      init: { method: 'POST', headers: new Headers(request.headers), body },
    })
    type Given = ReturnType<typeof given>
    const changed = (change: (given: Given) => unknown) => {
      const one = given()
      const { url = one.url, ...init } = (change(one) ?? {}) as Partial<Given['init'] & { url: string }>
      return reason(new Request(url, { ...one.init, ...init }))
    }
    expect(await changed(() => {})).toBe('valid')
    const changes: ((given: Given) => unknown)[] = [
      () => ({ method: 'PUT' }),
      ({ url }) => ({ url: url.replace('/api/x', '/api/x/y') }),
      ({ url }) => ({ url: `${url}&c=3` }),
      ({ url }) => ({ url: url.replace('client_id=key', 'client_id=other') }),
      () => ({ body: `${body}&c=3` }),
      () => ({ body: 'b=3' }),
      () => ({ body: '' }),
      ({ init }) => init.headers.set('x-api-a', '2'),
      ({ init }) => init.headers.set('x-api-b', '2'),
      ({ init }) => init.headers.delete('x-api-a'),
      ({ init }) => init.headers.set('authorization', 'Bearer x'),
    ]
    for (const change of changes) expect(await changed(change)).toBe('wrong-signature')
    expect(await changed(({ init }) => init.headers.set('x-other', '2'))).toBe('valid')
  })

  test.each<[string, BodyInit, string]>([
    ['JSON', '{"a":1}', 'application/json'],
    ['a text', 'a=1', 'text/plain'],
    ['what only looks like a form', 'a=1', `${FORM}-not`],
    ['bytes', new Uint8Array([0xff, 0]), 'application/octet-stream'],
  ])('when its body is %s, unless that is allowed', async (_, body, type) => {
    const request = () => signed({ method: 'POST', headers: { 'content-type': type }, body })
    expect(await reason(request())).toBe('unsigned-body')
    expect(await check(request(), { allowUnsignedBody: true })).toMatchObject({ valid: true, body: [] })
  })

  test('when its body says no type', async () => {
    const request = signed({ method: 'POST', body: new Uint8Array([97]) })
    expect(request.headers.get('content-type')).toBeNull()
    expect(await reason(request)).toBe('unsigned-body')
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
