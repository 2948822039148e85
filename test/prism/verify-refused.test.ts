// Requests that the receiving side refuses, and the reason that it gives.
import { type PrismVerifyOptions, verifyRequest } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { check, FORM, NOW, SECRET, SYSTEM, signed, textOf, type Wanted, without } from './verifying.ts'

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
