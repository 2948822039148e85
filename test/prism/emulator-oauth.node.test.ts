import { describe, expect, test } from 'vitest'
import { prismRoom as room } from '../support/emulator.ts'
import type { PrismRoom } from '../support/room.ts'
import { type CallInit, call, connected, now, type Pairs } from './raw.ts'

const BACK = 'http://127.0.0.1:9/back?x=1'

function authorizeUrl({ site }: PrismRoom, query: Record<string, string> = {}): URL {
  const url = new URL(`${site}/oauth/authorize`)
  const fields = {
    client_id: 'isomq-key',
    redirect_uri: BACK,
    response_type: 'code',
    state: 'a b&c',
    ...query,
  }
  for (const [name, value] of Object.entries(fields)) if (value !== '') url.searchParams.set(name, value)
  return url
}

/** What a browser sends and gets, without following the redirect. */
function visit(url: URL | string, form?: Record<string, string>, cookie?: string): Promise<Response> {
  return fetch(url, {
    method: form === undefined ? 'GET' : 'POST',
    redirect: 'manual',
    body: form && new URLSearchParams(form),
    headers: cookie === undefined ? {} : { cookie },
  })
}

const target = (response: Response): URL => new URL(response.headers.get('location')!)
const cookieOf = (response: Response): string => response.headers.get('set-cookie')!.split(';')[0]!

/** Signs a user in through the form; gives the code and the browser's cookie. */
async function signIn(at: PrismRoom, user = 'anna'): Promise<{ code: string; cookie: string }> {
  const response = await visit(authorizeUrl(at), { user, password: 'any', decision: 'allow' })
  expect(response.status).toBe(303)
  return { code: target(response).searchParams.get('code')!, cookie: cookieOf(response) }
}

interface Tokens {
  access_token: string
  expires_in: number
  refresh_token: string
  refresh_expires: number
  session_id: string
  data: Record<string, unknown>
}

const post = (url: string, form: Pairs, init: CallInit = {}) => call(url, { method: 'POST', form, ...init })

const exchange = ({ site }: PrismRoom, code: string, init?: CallInit): Promise<Response> =>
  post(
    `${site}/oauth/token`,
    [
      ['grant_type', 'authorization_code'],
      ['code', code],
    ],
    init,
  )

const refresh = ({ site }: PrismRoom, token: string, init?: CallInit): Promise<Response> =>
  post(
    `${site}/oauth/token`,
    [
      ['grant_type', 'refresh_token'],
      ['refresh_token', token],
    ],
    init,
  )

const tokensOf = async (response: Response): Promise<Tokens> => {
  expect(response.status).toBe(200)
  return (await response.json()) as Tokens
}

const refusal = async (response: Response): Promise<unknown[]> => {
  const { error } = (await response.json()) as { error: { code: string } }
  return [response.status, error.code]
}

const me = ({ baseUrl }: PrismRoom, token: string): Promise<Response> =>
  call(`${baseUrl}/demo/me`, { headers: { Authorization: `Bearer ${token}` } })

const check = async ({ baseUrl }: PrismRoom, id: string): Promise<unknown> =>
  (await post(`${baseUrl}/platform/oauth/session_check`, [['session_id', id]])).json()

describe('the authorize page', () => {
  test('asks who the user is, in a form that needs no script', async () => {
    const response = await visit(authorizeUrl(room(), { client_id: 'isomq-key' }))
    const html = await response.text()
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(html).toContain('<label for="user">')
    expect(html).toContain('value="isomq"')
    expect(html).toContain('<form method="post">')
    expect(html).not.toContain('<script')
  })

  test('sends the user back with a code and the same state', async () => {
    const at = room()
    const response = await visit(authorizeUrl(at), { user: 'anna', decision: 'allow' })
    const { origin, pathname, searchParams } = target(response)
    expect(origin + pathname).toBe('http://127.0.0.1:9/back')
    expect([searchParams.get('x'), searchParams.get('state')]).toEqual(['1', 'a b&c'])
    expect(searchParams.get('code')).toMatch(/^[a-z2-7]{24}$/)
    expect(response.headers.get('set-cookie')).toMatch(
      /^isomq_prism=[a-z2-7]{32}; Path=\/prism\/[^;]+\/oauth\/; HttpOnly; SameSite=Lax$/,
    )
  })

  test('without a state sends none; Deny is an error; no name asks again', async () => {
    const at = room()
    const plain = await visit(authorizeUrl(at, { state: '' }), { user: 'anna' })
    expect(target(plain).searchParams.has('state')).toBe(false)
    const denied = await visit(authorizeUrl(at), { user: 'anna', decision: 'deny' })
    expect(Object.fromEntries(target(denied).searchParams)).toEqual({
      x: '1',
      state: 'a b&c',
      error: 'access_denied',
    })
    expect(await (await visit(authorizeUrl(at), { user: ' ' })).text()).toContain('role="alert"')
    const wrong = await visit(authorizeUrl(at, { response_type: 'token' }))
    expect(target(wrong).searchParams.get('error')).toBe('unsupported_response_type')
  })

  test.each([
    ['an unknown client', { client_id: '<b>x</b>' }],
    ['no redirect_uri', { redirect_uri: '' }],
    ['a redirect_uri that is a script', { redirect_uri: 'javascript:alert(1)' }],
    ['a redirect_uri with a scheme of its own', { redirect_uri: 'app://x' }],
    ['a relative redirect_uri', { redirect_uri: '/back' }],
    ['a redirect_uri with a fragment', { redirect_uri: `${BACK}#x` }],
  ])('with %s sends nobody anywhere', async (_, query) => {
    const response = await visit(authorizeUrl(room(), query))
    expect([response.status, response.headers.get('location')]).toEqual([400, null])
    expect(await response.text()).not.toContain('<b>x')
  })

  test('knows a browser again until it signs out', async () => {
    const at = room()
    const { cookie } = await signIn(at)
    const again = await visit(authorizeUrl(at), undefined, cookie)
    const { session_id: id, data } = await tokensOf(
      await exchange(at, target(again).searchParams.get('code')!),
    )
    expect(data).toEqual({ '@id': 'anna', id: 1, name: 'anna' })
    const out = await visit(
      `${at.site}/oauth/logout?redirect_uri=${encodeURIComponent(BACK)}`,
      undefined,
      cookie,
    )
    expect([out.status, out.headers.get('location')]).toEqual([303, BACK])
    expect(await check(at, id)).toEqual({ result: false, error: null })
    expect((await visit(authorizeUrl(at), undefined, cookie)).status).toBe(200)
    const plain = await visit(`${at.site}/oauth/logout`)
    expect(await plain.text()).toBe('"session is remove"')
    expect((await visit(`${at.site}/oauth/logout?redirect_uri=javascript:1`)).status).toBe(400)
  })

  test('does not ask with autoLogin', async () => {
    const at = room()
    await at.control('settings', { autoLogin: 'anna' })
    for (const [query, user] of [
      [{}, 'anna'],
      [{ login: 'berta' }, 'berta'],
    ] as const) {
      const response = await visit(authorizeUrl(at, query))
      const { data } = await tokensOf(await exchange(at, target(response).searchParams.get('code')!))
      expect(data.name).toBe(user)
    }
  })
})

describe('a code', () => {
  test('is good for tokens that are good for calls', async () => {
    const at = room()
    const tokens = await tokensOf(await exchange(at, (await signIn(at)).code))
    expect(tokens.access_token).toMatch(/^[a-z2-7]{24}$/)
    expect(tokens.refresh_token).toMatch(/^[a-z2-7]{32}$/)
    expect(Math.abs(tokens.expires_in - now() - 3600)).toBeLessThan(5)
    expect(Math.abs(tokens.refresh_expires - now() - 2_592_000)).toBeLessThan(5)
    expect(await (await me(at, tokens.access_token)).json()).toEqual({ result: tokens.data, error: null })
    expect(await check(at, tokens.session_id)).toEqual({ result: true, error: null })
  })

  test('is good once, for its client, for a while, and only when the call is signed', async () => {
    const at = room()
    await at.control('app', { key: 'other', secret: 's' })
    const { code } = await signIn(at)
    expect(await refusal(await exchange(at, code, { sign: 'X' }))).toEqual([401, 'invalid_signature'])
    expect(await refusal(await exchange(at, code, { key: 'other', secret: 's' }))).toEqual([
      400,
      'invalid_grant',
    ])
    await tokensOf(await exchange(at, code))
    expect(await refusal(await exchange(at, code))).toEqual([400, 'invalid_grant'])
    const late = await signIn(at)
    expect(await at.control('expireTokens', { which: 'code' })).toMatchObject({ expired: 1 })
    expect(await refusal(await exchange(at, late.code))).toEqual([400, 'invalid_grant'])
    await at.control('settings', { codeTtl: 0 })
    expect(await refusal(await exchange(at, (await signIn(at)).code))).toEqual([400, 'invalid_grant'])
  })

  test('can be exchanged with the system parameters in the query, as PHP does, and over the wire', async () => {
    const at = room()
    await tokensOf(await exchange(at, (await signIn(at)).code, { system: 'query' }))
    const wired = { ...at, site: at.wire.replace(/\/api$/, '') }
    await tokensOf(await exchange(wired, (await signIn(wired)).code))
  })
})

test('tokens rotate: the old ones are good no more; the session stays', async () => {
  const at = room()
  const first = await tokensOf(await exchange(at, (await signIn(at)).code))
  const second = await tokensOf(await refresh(at, first.refresh_token))
  expect(second.session_id).toBe(first.session_id)
  expect(second.access_token).not.toBe(first.access_token)
  expect(await refusal(await refresh(at, first.refresh_token))).toEqual([400, 'invalid_grant'])
  expect(await refusal(await me(at, first.access_token))).toEqual([401, 'invalid_token'])
  expect((await me(at, second.access_token)).status).toBe(200)
})

test('tokens expire, and a stale one does not stop a refresh', async () => {
  const at = room()
  const tokens = await tokensOf(await exchange(at, (await signIn(at)).code))
  await at.control('expireTokens')
  expect(await refusal(await me(at, tokens.access_token))).toEqual([401, 'expired_token'])
  const headers = { Authorization: `Bearer ${tokens.access_token}` }
  const fresh = await tokensOf(await refresh(at, tokens.refresh_token, { headers }))
  expect((await me(at, fresh.access_token)).status).toBe(200)
  await at.control('expireTokens', { which: 'refresh' })
  expect(await refusal(await refresh(at, fresh.refresh_token))).toEqual([400, 'invalid_grant'])
})

test('a session ends when it is not checked; a check prolongs it', async () => {
  const at = room()
  const { session_id: id } = await tokensOf(await exchange(at, (await signIn(at)).code))
  await at.control('skew', { seconds: 1700 })
  const later = { time: now() + 1700 }
  const checkLater = async (init: CallInit) =>
    (
      (await (
        await post(`${at.baseUrl}/platform/oauth/session_check`, [['session_id', id]], init)
      ).json()) as { result: unknown }
    ).result
  expect(await checkLater(later)).toBe(true)
  await at.control('skew', { seconds: 3400 })
  expect(await checkLater({ time: now() + 3400 })).toBe(true)
  await at.control('skew', { seconds: 5300 })
  expect(await checkLater({ time: now() + 5300 })).toBe(false)
  await at.control('skew', { seconds: 0 })
  expect(await checkLater({})).toBe(true)
  await at.control('expireSession')
  expect(await checkLater({})).toBe(false)
})

test('sign-ins survive a crash of the server', async () => {
  const at = room()
  const tokens = await tokensOf(await exchange(at, (await signIn(at)).code))
  const peer = await connected(at.baseUrl)
  await at.control('crash')
  await peer.closed
  expect((await me(at, tokens.access_token)).status).toBe(200)
})

test.each<[string, CallInit, unknown[]]>([
  ['GET', { method: 'GET' }, [405, 'method_not_allowed']],
  ['no grant_type', { form: [] }, [400, 'missing_parameter']],
  ['another grant_type', { form: [['grant_type', 'password']] }, [400, 'unsupported_grant_type']],
  ['__proto__', { form: [['grant_type', '__proto__']] }, [400, 'unsupported_grant_type']],
  ['no code', { form: [['grant_type', 'authorization_code']] }, [400, 'missing_parameter']],
])('the token endpoint with %s is an error', async (_, init, expected) => {
  const { site } = room()
  expect(await refusal(await call(`${site}/oauth/token`, { method: 'POST', ...init }))).toEqual(expected)
})
