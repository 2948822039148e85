import { Agent, request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { prismRoom as room } from '../support/emulator.ts'
import { PRISM } from '../support/room.ts'
import { type CallInit, call, now, signOf } from './raw.ts'

const json = async (response: Response) => JSON.parse(await response.text())

async function refusal(response: Response): Promise<unknown[]> {
  const { result, error } = await json(response)
  expect(result).toBeNull()
  return [response.status, error.code]
}

describe('a signed call is let in', () => {
  const unusual = [
    ['v', "!*'()~ +&=%/?#[]@:;,$-._"],
    ['城市', '上海'],
    ['empty', ''],
    ['tag', 'b'],
    ['tag', 'a'],
    // By UTF-16 units these two would come in the other order.
    ['\u{1f600}', '1'],
    ['\uff5e', '2'],
    ['10', 'x'],
    ['9', 'y'],
  ] as const

  test.each<[string, CallInit]>([
    ['GET', {}],
    ['GET with unusual parameters', { query: unusual }],
    ['POST, all in the form', { method: 'POST', form: unusual }],
    ['POST, system parameters in the query, as PHP does', { method: 'POST', system: 'query', form: unusual }],
    ['POST with a query of its own', { method: 'POST', query: [['a', 'b c']], form: unusual }],
    ['POST without sign_method, as Go does', { method: 'POST', signMethod: undefined, form: unusual }],
    ['PUT, all in the form', { method: 'PUT', form: unusual }],
    ['PUT, all in the query, as Go does', { method: 'PUT', system: 'query', query: unusual }],
    ['DELETE', { method: 'DELETE', query: unusual }],
    ['headers', { headers: { 'X-Api-Zone': 'cn', 'X-Api-Arg': '1 *', 'User-Agent': 'Prism' } }],
    ['headers with delimiters in them', { headers: { 'X-Api-Zone': 'a=b&c' } }],
  ])('%s', async (_, init) => {
    const response = await call(`${room().baseUrl}/demo/echo`, init)
    const { result } = await json(response)
    const own = (pairs = [] as unknown) => (pairs as string[][]).map((pair) => pair.join('='))
    expect(response.status).toBe(200)
    expect(own(result.query)).toEqual(own(init.query))
    expect(own(result.form)).toEqual(own(init.form))
  })

  test('with escapes in its path, which are decoded first; with a slash too many', async () => {
    const { baseUrl } = room()
    expect(await refusal(await call(`${baseUrl}/a%20b/%E4%B8%AD%2f~`))).toEqual([404, 'not_found'])
    expect((await call(`${baseUrl}//demo/echo`)).status).toBe(200)
  })

  test('of the sandbox, over the wire, by another client', async () => {
    const { baseUrl, wire, site, control } = room()
    await control('app', { key: 'other', secret: 's2' })
    expect((await call(`${wire}/demo/echo`, { key: 'other', secret: 's2' })).status).toBe(200)
    expect((await call(`${site}/api-sandbox/demo/echo`)).status).toBe(200)
    expect(await refusal(await call(`${baseUrl}/demo/echo`, { key: 'other' }))).toEqual([
      401,
      'invalid_signature',
    ])
  })

  test('header names are made canonical before they are signed', async () => {
    const { baseUrl } = room()
    const headers = { 'X-Api-Foo-Bar': 'x' }
    const url = new URL(`${baseUrl}/demo/echo`)
    const agent = new Agent({ keepAlive: false })
    const init = { headers, query: [['client_id', PRISM.key] as const, ['sign_time', `${now()}`] as const] }
    const sign = signOf('GET', url, init)
    url.search = new URLSearchParams([...init.query, ['sign', sign]].map(([a, b]) => [a!, b!])).toString()
    const status = await new Promise((resolve) => {
      request(url, { agent, headers: { 'x-aPI-foo-BAR': 'x' } }, ({ statusCode }) =>
        resolve(statusCode),
      ).end()
    })
    expect(status).toBe(200)
  })
})

describe('a call is refused', () => {
  const other = now() - 400
  test.each<[string, CallInit, string]>([
    ['with a wrong signature', { sign: 'F'.repeat(32) }, 'invalid_signature'],
    ['with a signature in lower case', { sign: 'f'.repeat(32) }, 'invalid_signature'],
    ['signed by a wrong secret', { secret: 'x' }, 'invalid_signature'],
    ['without a signature', { sign: '' }, 'missing_signature'],
    ['that is too old', { time: other }, 'expired_signature'],
    ['from the future', { time: now() + 400 }, 'expired_signature'],
    ['with milliseconds for sign_time', { time: `${Date.now()}` }, 'invalid_sign_time'],
    ['without a sign_time', { time: '' }, 'invalid_sign_time'],
    ['with another sign_method', { signMethod: 'sha1' }, 'unsupported_sign_method'],
    ['by an unknown client', { key: 'nobody' }, 'unknown_client'],
    ['by no client', { key: '' }, 'missing_client'],
    ['with a token that is unknown', { headers: { Authorization: 'Bearer x' } }, 'invalid_token'],
  ])('%s', async (_, init, code) => {
    const { baseUrl, stats } = room()
    for (const method of ['GET', 'POST']) {
      expect(await refusal(await call(`${baseUrl}/demo/echo`, { ...init, method }))).toEqual([401, code])
    }
    expect(await stats()).toMatchObject({ calls: 2, refused: 2 })
  })

  test('when a header or a parameter was changed on the way', async () => {
    const url = new URL(`${room().baseUrl}/demo/echo`)
    url.search = `client_id=${PRISM.key}&sign_time=${now()}&x=1`
    url.searchParams.set('sign', signOf('GET', url, { query: [...url.searchParams] }))
    expect((await fetch(url)).status).toBe(200)
    expect((await fetch(url, { headers: { 'x-api-zone': 'cn' } })).status).toBe(401)
    url.searchParams.set('x', '2')
    expect((await fetch(url)).status).toBe(401)
  })

  test('with a secret over http; over https it is let in unless it is wrong', async () => {
    const { baseUrl } = room()
    const get = (secret: string, headers: Record<string, string> = {}) =>
      fetch(`${baseUrl}/demo/echo?client_id=${PRISM.key}&client_secret=${secret}`, { headers })
    const tls = { 'x-forwarded-proto': 'https' }
    expect(await refusal(await get(PRISM.secret))).toEqual([401, 'insecure_secret'])
    expect((await get(PRISM.secret, tls)).status).toBe(200)
    expect(await refusal(await get('wrong', tls))).toEqual([401, 'invalid_secret'])
    const body = new URLSearchParams({ client_id: PRISM.key, client_secret: PRISM.secret })
    expect((await fetch(`${baseUrl}/demo/echo`, { method: 'POST', body, headers: tls })).status).toBe(200)
  })

  test('without showing anything secret', async () => {
    const { baseUrl } = room()
    const headers = { Authorization: 'Bearer token-1' }
    const form = [['refresh_token', 'token-2'] as const, ['code', 'token-3'] as const, ['a', 'b'] as const]
    const response = await call(`${baseUrl}/demo/echo`, { method: 'POST', sign: 'X', headers, form })
    const text = await response.text()
    expect(text).toContain('***&POST&%2Fprism%2F')
    expect(text).toContain('a%3Db')
    for (const secret of [PRISM.secret, 'token-1', 'token-2', 'token-3']) expect(text).not.toContain(secret)
  })

  test('the window is a setting, the clock can be wrong and shows', async () => {
    const { baseUrl, control } = room()
    await control('settings', { signWindow: 500 })
    expect((await call(`${baseUrl}/demo/echo`, { time: other })).status).toBe(200)
    await control('skew', { seconds: 3600 })
    const response = await call(`${baseUrl}/demo/echo`)
    expect(Date.parse(response.headers.get('date')!) - Date.now()).toBeGreaterThan(3_500_000)
    expect(await refusal(response)).toEqual([401, 'expired_signature'])
    expect((await call(`${baseUrl}/demo/echo`, { time: now() + 3600 })).status).toBe(200)
  })
})

describe('an answer', () => {
  test('has a request id and a date, which pages may read', async () => {
    const { baseUrl } = room()
    const answers = await Promise.all([call(`${baseUrl}/demo/echo`), call(`${baseUrl}/none`)])
    const ids = answers.map(({ headers }) => headers.get('x-request-id'))
    expect(new Set(ids).size).toBe(2)
    for (const { headers } of answers) {
      expect(headers.get('x-request-id')).toMatch(/^[\da-f]{32}$/)
      expect(headers.get('access-control-allow-origin')).toBe('*')
      expect(headers.get('access-control-expose-headers')).toBe('date, x-request-id')
      expect(Math.abs(Date.parse(headers.get('date')!) - Date.now())).toBeLessThan(5000)
    }
    const preflight = await fetch(`${baseUrl}/demo/echo`, { method: 'OPTIONS' })
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Authorization')
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PUT')
  })

  test('takes the call apart, with a number that no double can hold', async () => {
    const headers = { 'X-Api-B': '2', 'X-Api-A': '1' }
    const response = await call(`${room().baseUrl}/demo/echo`, { query: [['x', 'y z']], headers })
    const text = await response.text()
    expect(text).toContain('{"result":{"big":9223372036854775807,')
    expect(JSON.parse(text).result).toMatchObject({
      method: 'GET',
      client_id: PRISM.key,
      headers: [
        ['X-Api-A', '1'],
        ['X-Api-B', '2'],
      ],
    })
    expect(JSON.parse(text).result.canonical).toContain('&X-Api-A%3D1%26X-Api-B%3D2&')
  })

  test.each<[string, CallInit, unknown[]]>([
    ['none', {}, [404, 'not_found']],
    ['__proto__', {}, [404, 'not_found']],
    ['platform/notify/write', {}, [405, 'method_not_allowed']],
    ['platform/notify/write', { method: 'POST' }, [400, 'missing_parameter']],
    ['platform/notify', {}, [426, 'upgrade_required']],
    ['platform/notify', { sign: 'X' }, [401, 'invalid_signature']],
    ['demo/me', {}, [401, 'missing_token']],
    ['demo/slow', { query: [['ms', 'x']] }, [400, 'invalid_parameter']],
    ['demo/status', {}, [500, 'http_500']],
    ['demo/status', { query: [['code', '200']] }, [200, 'http_200']],
  ])('/%s %j is an error', async (path, init, expected) => {
    expect(await refusal(await call(`${room().baseUrl}/${path}`, init))).toEqual(expected)
  })

  test('a body that is no form is refused', async () => {
    const { baseUrl } = room()
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${baseUrl}/demo/echo`, { method: 'POST', body: '{}', headers })
    expect(await refusal(response)).toEqual([415, 'unsupported_media_type'])
  })

  test('can be HTML, big, late, empty, or elsewhere', async () => {
    const { baseUrl } = room()
    const demo = (name: string, query: CallInit['query'] = []) => call(`${baseUrl}/demo/${name}`, { query })
    const html = await demo('status', [['code', '502'] as const, ['html', '1'] as const])
    expect([html.status, html.headers.get('content-type')]).toEqual([502, 'text/html; charset=utf-8'])
    expect((await demo('status', [['code', '204']])).status).toBe(204)
    expect((await json(await demo('big', [['bytes', '100000']]))).result.length).toBe(100_000)
    const before = performance.now()
    await demo('slow', [['ms', '50']])
    expect(performance.now() - before).toBeGreaterThan(45)
    const moved = await demo('redirect')
    expect([moved.status, new URL(moved.headers.get('location')!).pathname]).toEqual([
      302,
      new URL(`${baseUrl}/demo/echo`).pathname,
    ])
    expect((await demo('redirect', [['to', 'javascript:1']])).status).toBe(400)
  })
})

test('one after the other on the same connection, bodies and refusals mixed', async () => {
  const { baseUrl } = room()
  const form = [['data', 'x'.repeat(65_536)] as const]
  for (const sign of [undefined, 'X', undefined, 'X', undefined]) {
    const init = { method: 'POST', form, ...(sign && { sign }) }
    const response = await call(`${baseUrl}/platform/notify/write`, init)
    expect(response.status).toBe(sign ? 401 : 200)
    await response.text()
  }
  const tooLong = { method: 'POST', form: [['data', 'x'.repeat(65_537)] as const] }
  expect(await refusal(await call(`${baseUrl}/platform/notify/write`, tooLong))).toEqual([
    413,
    'limit_exceeded',
  ])
})
