// The login of a web page's users, with a browser that keeps cookies and a store that keeps sessions.
import type { PrismClientOptions, PrismGuardOptions, PrismSession, PrismSessionStore } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { type Answer, type Call, CONFIG, gateway, isSigned, ok, value } from './gateway.ts'

const HOUR = 3_600_000
const isToken = ({ url }: Call) => url.pathname === '/oauth/token'
const isCheck = ({ url }: Call) => url.pathname.endsWith('/session_check')

/** A store that says what it was asked. */
function memory() {
  const map = new Map<string, unknown>()
  const ends = new Map<string, number>()
  const log: string[] = []
  const store: PrismSessionStore = {
    get(id) {
      log.push(`get ${id}`)
      return map.get(id)
    },
    set(id, given, expiresAt) {
      log.push(`set ${id}`)
      ends.set(id, expiresAt)
      map.set(id, given)
    },
    delete(id) {
      log.push(`delete ${id}`)
      map.delete(id)
    },
  }
  const of = (kind: 'session' | 'login') => [...map.keys()].filter((key) => key.startsWith(`${kind}:`))
  return { store, map, ends, log, of }
}

interface SiteOptions extends PrismGuardOptions {
  token?: Answer
  check?: boolean
  checks?: Answer
  store?: PrismSessionStore
  client?: Partial<PrismClientOptions>
}

/** A web site behind a guard, and the server that logs its users in. */
function site({ token, checks, store, client, ...options }: SiteOptions = {}) {
  let given = 0
  const used = new Set<string>()
  const g = gateway((call) => {
    if (isCheck(call)) return checks ? checks(call) : ok({ result: true, error: null })
    if (token) return token(call)
    const key = call.form.find(([name]) => name === 'code' || name === 'refresh_token')!.join()
    if (used.has(key))
      return Response.json({ error: { code: 'invalid_grant', message: 'used' } }, { status: 400 })
    used.add(key)
    given++
    const seconds = Math.floor(g.clock.now() / 1000)
    return ok({
      access_token: `A${given}`,
      expires_in: seconds + 3600,
      refresh_token: `R${given}`,
      refresh_expires: seconds + 86_400,
      session_id: `S${given}`,
      data: { '@id': 'u1' },
    })
  }, client)
  const kept = memory()
  const visit = (request: Request) => g.client.oauth.guard(request, store ?? kept.store, options)
  return { ...g, ...kept, visit, tokens: () => g.calls.filter(isToken) }
}

/** A browser: it keeps cookies and is led on by hand. */
function browser(visit: (request: Request) => Promise<PrismSession | Response>) {
  const jar = new Map<string, string>()
  const lines: string[] = []
  let codes = 0
  const self = {
    jar,
    /** All cookies that were set, as they were. */
    lines,
    get cookie() {
      return [...jar].map((pair) => pair.join('=')).join('; ')
    },
    async open(url: string, init: RequestInit = {}): Promise<PrismSession | Response> {
      const headers = new Headers(init.headers)
      if (jar.size > 0) headers.set('cookie', self.cookie)
      // Of a Request, a page may not set cookies.
      const request = { url: new Request(url).url, method: init.method ?? 'GET', headers } as Request
      const answer = await visit(request)
      if (answer instanceof Response) {
        for (const line of answer.headers.getSetCookie()) {
          lines.push(line)
          const [, name, content, rest] = /^([^=]+)=([^;]*)(.*)$/.exec(line)!
          if (/max-age=0(;|$)/i.test(rest!)) jar.delete(name!)
          else jar.set(name!, content!)
        }
      }
      return answer
    },
    /** Opens a page that leads to the login; gives where the server will send the browser back to. */
    async begin(url: string): Promise<{ back: string; login: URL }> {
      const login = new URL(location(await self.open(url)))
      return { back: back(login, `code${++codes}`), login }
    },
    async login(url: string): Promise<Response> {
      const { back } = await self.begin(url)
      return (await self.open(back)) as Response
    },
  }
  return self
}

/** Where the server sends the browser after a login. */
function back(login: URL, code: string): string {
  const url = new URL(login.searchParams.get('redirect_uri')!)
  url.searchParams.set('code', code)
  url.searchParams.set('state', login.searchParams.get('state')!)
  return url.href
}

function location(answer: PrismSession | Response): string {
  if (!(answer instanceof Response)) throw new Error('it passed')
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([303, 'no-store'])
  return answer.headers.get('location')!
}

const REJECTED = expect.objectContaining({ name: 'IsomqError', code: 'AUTH_REJECTED' })
/** An id such as the guard makes them. */
const PLANTED = 'planted-planted-planted-planted-'
const PAGE = 'https://app.test/page?a=1&b=%20'

/** Pages cannot see what they set: there is nothing to test there, and no guard either. */
const seesCookies = new Response(null, { headers: { 'set-cookie': 'a=b' } }).headers.getSetCookie().length > 0

describe('a login', () => {
  test('begins with a redirect to the server, which is to send the user back here', async () => {
    const s = site({ view: 'mobile', ttl: 600 })
    const login = new URL(location(await s.visit(new Request(PAGE))))
    expect(login.origin + login.pathname).toBe('https://prism.test/oauth/authorize')
    expect(Object.fromEntries(login.searchParams)).toEqual({
      client_id: 'key',
      redirect_uri: PAGE,
      response_type: 'code',
      state: expect.stringMatching(/^[\w-]{22,}$/),
      view: 'mobile',
      ttl: '600',
    })
    expect(s.of('login')).toEqual([`login:${login.searchParams.get('state')}`])
    expect(s.ends.get(s.of('login')[0]!)).toBe(s.clock.now() + 600_000)
    expect(s.calls).toEqual([])
  })

  test.each([
    ['/cb', 'https://app.test/cb'],
    ['cb', 'https://app.test/cb'],
    ['?cb=1', 'https://app.test/page?cb=1'],
    ['https://app.test/cb?x=1#top', 'https://app.test/cb?x=1'],
    ['https://app.test:443/cb', 'https://app.test/cb'],
    ['HTTPS://APP.TEST/cb', 'https://app.test/cb'],
  ])('may come back to %s', async (redirectUri, expected) => {
    const login = new URL(location(await site({ redirectUri }).visit(new Request(PAGE))))
    expect(login.searchParams.get('redirect_uri')).toBe(expected)
  })

  test.each([
    'https://evil.test/',
    '//evil.test/cb',
    '/\\evil.test',
    '\\\\evil.test',
    '/\t/evil.test',
    'https:evil.test',
    'http://app.test/cb',
    'https://app.test:8443/cb',
    'https://app.test.evil.test/cb',
    'https://app.test@evil.test/cb',
    'https://app.test\\@evil.test/cb'.replace('app.test\\', 'x:'),
    'https://evil.test#@app.test/',
    'https://evil.test?.app.test',
    'javascript:alert(1)',
    'data:text/html,x',
    'https://',
    'https://[',
  ])('does not come back to %s, and nothing is begun', async (redirectUri) => {
    const s = site({ redirectUri })
    if (redirectUri === 'https:evil.test')
      return expect(new URL(redirectUri, PAGE).origin).toBe('https://app.test')
    expect(await rejection(s.visit(new Request(PAGE)))).toEqual(CONFIG)
    expect([s.map.size, s.calls.length]).toEqual([0, 0])
  })

  test.each([
    'https://app.test//evil.test/x',
    'https://app.test/\\evil.test/x',
    'https://app.test///evil.test',
    'https://app.test/%5Cevil.test',
  ])('of the page %s comes back to the same host, behind a proxy, too', async (page) => {
    for (const origin of [undefined, 'https://app.test', 'https://app.test/']) {
      const s = site({ origin })
      const from = origin === undefined ? page : page.replace('https://app.test', 'http://10.0.0.1:8080')
      const login = new URL(location(await s.visit(new Request(from))))
      expect(new URL(login.searchParams.get('redirect_uri')!).origin).toBe('https://app.test')
      const [record] = s.map.values() as Iterable<{ returnTo: string }>
      expect(new URL(record!.returnTo).origin).toBe('https://app.test')
    }
  })

  test('behind a proxy comes back to the origin that the user sees', async () => {
    const s = site({ origin: 'https://app.test', redirectUri: '/cb' })
    const login = new URL(location(await s.visit(new Request('http://10.0.0.1:8080/page?a=1'))))
    expect(login.searchParams.get('redirect_uri')).toBe('https://app.test/cb')
    expect([...s.map.values()]).toMatchObject([{ returnTo: 'https://app.test/page?a=1' }])
    const wrong = site({ origin: 'https://app.test', redirectUri: 'http://10.0.0.1:8080/cb' })
    expect(await rejection(wrong.visit(new Request('http://10.0.0.1:8080/page')))).toEqual(CONFIG)
  })

  test.each([
    'app.test',
    '',
    'ftp://app.test',
    'https://',
    'https://app.test/path',
    'https://app.test?x',
    '//app.test',
    'https://a:99999',
  ])('has no origin %j', async (origin) => {
    expect(await rejection(site({ origin }).visit(new Request(PAGE)))).toEqual(CONFIG)
  })

  test.each(['', 'a b', 'a=b', 'a;b', 'a\r\nb', 'é'])('has no cookie named %j', async (cookie) => {
    expect(await rejection(site({ cookie }).visit(new Request(PAGE)))).toEqual(CONFIG)
  })

  test.each(['state', 'nobody-began-this', '', '../x', 'x'.repeat(10_000)])(
    'that comes back with the state %j, which nobody began, is refused and exchanges nothing',
    async (state) => {
      const s = site()
      const url = `https://app.test/page?code=marker-code&state=${encodeURIComponent(state)}`
      const error = await rejection(s.visit(new Request(url)))
      expect(error).toEqual(REJECTED)
      expect(everything([error])).not.toContain('marker-code')
      expect(s.calls).toEqual([])
    },
  )
})

if (seesCookies) {
  describe('the round trip', () => {
    test('ends at the page that was asked for, with a session in a cookie that no script reads', async () => {
      const s = site()
      const b = browser(s.visit)
      const { back: url } = await b.begin(PAGE)
      const first = b.cookie
      expect(b.lines).toEqual([
        expect.stringMatching(
          /^prism_session=[\w-]{22,}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600; Secure$/,
        ),
      ])
      const answer = await b.open(url)
      expect(location(answer)).toBe(PAGE)
      expect(b.lines[1]).toMatch(
        /^prism_session=[\w-]{22,}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=86\d{3}; Secure$/,
      )
      expect(b.cookie).not.toBe(first)
      const [call] = s.tokens()
      expect([s.calls.length, value(call!, 'code'), isSigned(call!)]).toEqual([1, 'code1', true])
      expect([s.of('login'), s.of('session').length]).toEqual([[], 1])
      expect(s.of('session')[0]).toBe(`session:${b.jar.get('prism_session')}`)
      expect(s.ends.get(s.of('session')[0]!)).toBe((Math.floor(s.clock.now() / 1000) + 86_400) * 1000)
      for (const page of [PAGE, 'https://app.test/other']) {
        expect(await b.open(page)).toMatchObject({
          accessToken: 'A1',
          sessionId: 'S1',
          data: { '@id': 'u1' },
        })
      }
      expect(s.calls).toHaveLength(1)
    })

    test('over http has no Secure, and any name for the cookie', async () => {
      const s = site({ cookie: '__Host-x' })
      const b = browser(s.visit)
      await b.login('http://localhost/page')
      expect(b.lines.map((line) => line.split('; '))).toEqual([
        [expect.stringMatching(/^__Host-x=/), 'Path=/', 'HttpOnly', 'SameSite=Lax', 'Max-Age=600'],
        [
          expect.stringMatching(/^__Host-x=/),
          'Path=/',
          'HttpOnly',
          'SameSite=Lax',
          expect.stringMatching(/^Max-Age=86/),
        ],
      ])
      expect(await b.open('http://localhost/')).not.toBeInstanceOf(Response)
    })

    test('behind a proxy has the cookie of the origin that the user sees', async () => {
      const s = site({ origin: 'https://app.test' })
      const b = browser((request) =>
        s.visit({
          ...request,
          url: request.url.replace('https://app.test', 'http://10.0.0.1'),
          headers: request.headers,
        }),
      )
      expect(location(await b.login(PAGE))).toBe(PAGE)
      expect(b.lines.every((line) => line.endsWith('; Secure'))).toBe(true)
    })

    test('by a page of its own for callbacks ends at the page that was asked for', async () => {
      const s = site({ redirectUri: '/cb' })
      const b = browser(s.visit)
      const { back: url } = await b.begin(PAGE)
      expect(url.startsWith('https://app.test/cb?code=code1&state=')).toBe(true)
      expect(location(await b.open(url))).toBe(PAGE)
    })

    test('leaves pages alone that have a code and a state of their own, when callbacks have their own page', async () => {
      const s = site({ redirectUri: '/cb' })
      const b = browser(s.visit)
      const address = 'https://app.test/shop?state=CA&code=90210'
      expect(location(await b.login(address))).toBe(address)
      expect(await b.open(address)).toMatchObject({ accessToken: 'A1' })
    })

    test('takes away nothing of the page’s own query but what a login adds', async () => {
      const s = site()
      const b = browser(s.visit)
      const { login } = await b.begin('https://app.test/page?a=1&code=stale&error=x&a=2')
      expect(login.searchParams.get('redirect_uri')).toBe('https://app.test/page?a=1&a=2')
    })

    test('works with a store that takes its time, and one that is a Map', async () => {
      const slow = memory()
      const later = <T>(value: T) => new Promise<T>((resolve) => setTimeout(resolve, 0, value))
      const stores: PrismSessionStore[] = [
        {
          get: (id) => later(slow.map.get(id)),
          set: (id, given) => later(slow.map.set(id, given)),
          delete: (id) => later(slow.map.delete(id)),
        },
        new Map<string, object>(),
      ]
      for (const store of stores) {
        const b = browser(site({ store }).visit)
        expect(location(await b.login(PAGE))).toBe(PAGE)
        expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A1' })
      }
    })

    test('works with a store that keeps JSON', async () => {
      const texts = new Map<string, string>()
      const store: PrismSessionStore = {
        get: (id) => JSON.parse(texts.get(id) ?? 'null'),
        set: (id, given) => texts.set(id, JSON.stringify(given)),
        delete: (id) => texts.delete(id),
      }
      const b = browser(site({ store }).visit)
      await b.login(PAGE)
      expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A1' })
    })

    test.each<[string, (text: string) => unknown]>([
      ['the JSON itself', (text) => text],
      ['true', () => true],
      ['an empty object', () => ({})],
      ['a list', () => []],
    ])('lets nobody in whose store gives back %s', async (_, found) => {
      const texts = new Map<string, string>()
      const store: PrismSessionStore = {
        get: (id) => (texts.has(id) ? found(texts.get(id)!) : undefined),
        set: (id, given) => texts.set(id, JSON.stringify(given)),
        delete: (id) => texts.delete(id),
      }
      const s = site({ store })
      const b = browser(s.visit)
      const { back: url } = await b.begin(PAGE)
      expect(await rejection(b.open(url))).toEqual(REJECTED)
      b.jar.clear()
      expect(await rejection(b.open(url))).toEqual(REJECTED)
      texts.set(`session:${PLANTED}`, '{}')
      b.jar.set('prism_session', PLANTED)
      expect(await b.open(PAGE)).toBeInstanceOf(Response)
      expect(s.calls).toEqual([])
    })

    test('of a store that fails, fails with what the store says', async () => {
      for (const [method, step] of [
        ['set', 'begin'],
        ['get', 'callback'],
        ['delete', 'callback'],
        ['set', 'callback'],
        ['get', 'page'],
      ] as const) {
        const fails: { method?: string } = {}
        const kept = memory()
        const failing = (name: 'get' | 'set' | 'delete') => (id: string, given?: unknown, end?: unknown) => {
          if (fails.method === name) return Promise.reject(new Error('store down'))
          return (kept.store[name] as (...all: unknown[]) => unknown)(id, given, end)
        }
        const store = { get: failing('get'), set: failing('set'), delete: failing('delete') }
        const b = browser(site({ store }).visit)
        const open = { begin: () => b.begin(PAGE), callback: () => b.open(url), page: () => b.open(PAGE) }
        let url = ''
        if (step !== 'begin') url = (await b.begin(PAGE)).back
        if (step === 'page') await b.open(url)
        fails.method = method
        expect((await rejection(open[step]())).message).toBe('store down')
      }
    })
  })

  describe('a callback', () => {
    test('works once: the code and the state are used up', async () => {
      const s = site()
      const b = browser(s.visit)
      const { back: url } = await b.begin(PAGE)
      await b.open(url)
      const { origin, pathname, searchParams } = new URL(location(await b.open(url)))
      expect([origin + pathname, ...searchParams]).toEqual(['https://app.test/page', ['a', '1'], ['b', ' ']])
      b.jar.clear()
      expect(await rejection(b.open(url))).toEqual(REJECTED)
      expect(s.tokens()).toHaveLength(1)
    })

    test('of another browser is refused, with its cookies or without', async () => {
      const s = site()
      const [victim, attacker] = [browser(s.visit), browser(s.visit)]
      const { back: url } = await attacker.begin(PAGE)
      expect(await rejection(victim.open(url))).toEqual(REJECTED)
      await victim.begin(PAGE)
      expect(await rejection(victim.open(url))).toEqual(REJECTED)
      expect(s.calls).toEqual([])
      expect(location(await attacker.open(url))).toBe(PAGE)
    })

    test('of another browser does not replace a session', async () => {
      const s = site()
      const [victim, attacker] = [browser(s.visit), browser(s.visit)]
      await victim.login(PAGE)
      const { back: url } = await attacker.begin('https://app.test/attack')
      await victim.open(url)
      expect(await victim.open(PAGE)).toMatchObject({ accessToken: 'A1' })
      expect(s.tokens()).toHaveLength(1)
    })

    test('with a state that was changed is refused', async () => {
      const s = site()
      const b = browser(s.visit)
      const { back: url } = await b.begin(PAGE)
      const changed = new URL(url)
      changed.searchParams.set('state', `${changed.searchParams.get('state')}x`)
      expect(await rejection(b.open(changed.href))).toEqual(REJECTED)
      expect(location(await b.open(url))).toBe(PAGE)
    })

    test('without a state begins anew', async () => {
      const s = site()
      const b = browser(s.visit)
      await b.begin(PAGE)
      expect(location(await b.open('https://app.test/page?code=c1'))).toContain('/oauth/authorize')
      expect(s.calls).toEqual([])
    })

    test('without a code is refused', async () => {
      const s = site()
      const b = browser(s.visit)
      const { login } = await b.begin(PAGE)
      const state = login.searchParams.get('state')
      expect(await rejection(b.open(`https://app.test/page?code=&state=${state}`))).toEqual(REJECTED)
      expect(s.calls).toEqual([])
    })

    test('that says that the user was refused is the error, and begins nothing', async () => {
      const s = site()
      const b = browser(s.visit)
      const { login } = await b.begin(PAGE)
      const url = `https://app.test/page?error=access_denied&state=${login.searchParams.get('state')}`
      expect(await rejection(b.open(url))).toMatchObject({
        code: 'AUTH_REJECTED',
        details: { reason: 'access_denied' },
      })
      expect([s.calls.length, s.of('login')]).toEqual([0, []])
      expect(await rejection(b.open('https://app.test/page?error=access_denied&state=x'))).toMatchObject({
        details: { reason: 'state' },
      })
    })

    test('whose code the server refuses is its error, and leaves no session', async () => {
      const s = site({ token: () => Response.json({ error: 'used' }, { status: 400 }) })
      const b = browser(s.visit)
      const { back: url } = await b.begin(PAGE)
      expect(await rejection(b.open(url))).toMatchObject({ code: 'PROVIDER' })
      expect(s.of('session')).toEqual([])
      expect(location(await b.open(PAGE))).toContain('/oauth/authorize')
    })

    test('that the network spoils is an error, and the login can begin again', async () => {
      const s = site({ token: () => Promise.reject(new TypeError('fetch failed')) })
      const b = browser(s.visit)
      const { back: url } = await b.begin(PAGE)
      expect(await rejection(b.open(url))).toMatchObject({ code: 'CONNECT_FAILED' })
      expect(location(await b.open(PAGE))).toContain('/oauth/authorize')
    })

    test('shows no code, token or cookie in what fails', async () => {
      for (const token of [
        ({ form }: Call) => new Response(form.join(), { status: 500 }),
        ({ form }: Call) => Response.json({ error: form.join() }),
      ]) {
        const s = site({ token })
        const b = browser(s.visit)
        const { back: url, login } = await b.begin(PAGE)
        const error = await rejection(b.open(url.replace('code=code1', 'code=marker-code')))
        const shown = everything([error, s.records])
        expect(shown).not.toContain('marker-')
        expect(shown).not.toContain(login.searchParams.get('state'))
        expect(shown).not.toContain(b.jar.get('prism_session'))
      }
    })
  })

  describe('two tabs', () => {
    test('that log in one behind the other end where each wanted to', async () => {
      const s = site()
      const b = browser(s.visit)
      const one = await b.begin('https://app.test/one')
      const two = await b.begin('https://app.test/two')
      expect(location(await b.open(two.back))).toBe('https://app.test/two')
      expect(location(await b.open(one.back))).toBe('https://app.test/one')
      expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A1' })
      expect(s.tokens()).toHaveLength(1)
    })

    test('that log in at once end where each wanted to, by a page for callbacks, too', async () => {
      const s = site({ redirectUri: '/cb' })
      const b = browser(s.visit)
      await b.begin(PAGE)
      const one = await b.begin('https://app.test/one')
      const two = await b.begin('https://app.test/two')
      expect(location(await b.open(one.back))).toBe('https://app.test/one')
      expect(location(await b.open(two.back))).toBe('https://app.test/two')
      expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A1' })
    })

    test('whose callbacks come at the same moment get one session each, or an error, but no wrong one', async () => {
      const s = site()
      const b = browser(s.visit)
      const { back: url } = await b.begin(PAGE)
      const ends = await Promise.allSettled([b.open(url), b.open(url)])
      expect(ends.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1)
      expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A1' })
    })
  })

  describe('a session that is over', () => {
    test('leads to the login, and is forgotten', async () => {
      const s = site()
      const b = browser(s.visit)
      await b.login(PAGE)
      const old = b.cookie
      s.clock.sleep(86_400_000)
      expect(location(await b.open(PAGE))).toContain('/oauth/authorize')
      expect(s.of('session')).toEqual([])
      expect(s.tokens()).toHaveLength(1)
      const { back: url } = await b.begin(PAGE)
      await b.open(url)
      expect(b.cookie).not.toBe(old)
      expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A2' })
    })

    test('without a refresh token ends with its access token', async () => {
      const s = site({
        token: () => ok({ access_token: 'A1', expires_in: Math.floor(s.clock.now() / 1000) + 3600 }),
      })
      const b = browser(s.visit)
      await b.login(PAGE)
      expect(b.lines[1]).toMatch(/Max-Age=3599; Secure$/)
      s.clock.sleep(HOUR - 1_000)
      expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A1' })
      s.clock.sleep(1_000)
      expect(location(await b.open(PAGE))).toContain('/oauth/authorize')
      expect(s.tokens()).toHaveLength(1)
    })

    test('to its last minute and beyond is refreshed and kept under the same id', async () => {
      for (const late of [0, 12 * HOUR]) {
        const s = site()
        const b = browser(s.visit)
        await b.login(PAGE)
        const [key] = s.of('session')
        s.clock.sleep(HOUR - 61_000)
        expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A1' })
        s.clock.sleep(1_000 + late)
        expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A2', refreshToken: 'R2' })
        expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A2' })
        expect([s.of('session'), s.tokens().length]).toEqual([[key], 2])
        expect(s.map.get(key!)).toMatchObject({ accessToken: 'A2' })
        expect(s.ends.get(key!)).toBe((Math.floor(s.clock.now() / 1000) + 86_400) * 1000)
      }
    })

    test('is refreshed once for all requests that come meanwhile', async () => {
      let answer = (_: Response) => {}
      const s = site({
        token: ({ form }) =>
          form.some(([name]) => name === 'code')
            ? ok({ access_token: 'A1', expires_in: 1_700_003_600, refresh_token: 'R1' })
            : new Promise((resolve) => {
                answer = resolve
              }),
      })
      const b = browser(s.visit)
      await b.login(PAGE)
      s.clock.sleep(HOUR)
      const all = Promise.all(Array.from({ length: 20 }, (_, i) => b.open(`https://app.test/${i}`)))
      await until(() => s.tokens().length === 2)
      await flush()
      answer(ok({ access_token: 'A2', expires_in: 1_700_010_000, refresh_token: 'R2' }))
      for (const session of await all) expect(session).toMatchObject({ accessToken: 'A2' })
      expect(s.tokens()).toHaveLength(2)
      expect(s.log.filter((line) => line.startsWith('set session:'))).toHaveLength(2)
    })

    test('is refreshed for the others when one request has had enough', async () => {
      let answer = (_: Response) => {}
      const s = site({
        token: ({ form }) =>
          form.some(([name]) => name === 'code')
            ? ok({ access_token: 'A1', expires_in: 1_700_003_600, refresh_token: 'R1' })
            : new Promise((resolve) => {
                answer = resolve
              }),
      })
      const b = browser(s.visit)
      await b.login(PAGE)
      s.clock.sleep(HOUR)
      const abort = new AbortController()
      const request = { url: PAGE, headers: new Headers({ cookie: b.cookie }) } as Request
      const impatient = rejection(s.client.oauth.guard(request, s.store, { signal: abort.signal }))
      const late = rejection(s.client.oauth.guard(request, s.store, { timeout: 10 }))
      await until(() => s.tokens().length === 2)
      const patient = b.open(PAGE)
      await flush()
      abort.abort()
      await s.clock.advance(10)
      expect([(await impatient).code, (await late).code]).toEqual(['ABORTED', 'TIMEOUT'])
      answer(ok({ access_token: 'A2', expires_in: 1_700_010_000, refresh_token: 'R2' }))
      expect(await patient).toMatchObject({ accessToken: 'A2' })
      expect(s.tokens()).toHaveLength(2)
    })

    test('whose refresh never ends, as in Workers with the request that began it, is refreshed anew after a minute', async () => {
      let hangs = true
      const s = site({
        token({ form }) {
          if (form.some(([name]) => name === 'code'))
            return ok({ access_token: 'A1', expires_in: 1_700_003_600, refresh_token: 'R1' })
          return hangs ? new Promise(() => {}) : ok({ access_token: 'A2', expires_in: 1_700_010_000 })
        },
      })
      const b = browser(s.visit)
      await b.login(PAGE)
      s.clock.sleep(HOUR)
      b.open(PAGE).catch(() => {})
      await until(() => s.tokens().length === 2)
      s.clock.forget()
      s.clock.sleep(60_000)
      hangs = false
      expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A2' })
      await s.client.close()
    })

    test('whose refresh another process was faster with is what that one kept', async () => {
      const s = site()
      const b = browser(s.visit)
      await b.login(PAGE)
      const [key] = s.of('session')
      s.clock.sleep(HOUR)
      const other = {
        ...(s.map.get(key!) as PrismSession),
        accessToken: 'B',
        refreshToken: 'RB',
        expiresAt: s.clock.now() + HOUR,
      }
      let reads = 0
      const store: PrismSessionStore = {
        ...s.store,
        get: (id) => (id === key && ++reads > 1 ? other : s.map.get(id)),
      }
      // The token is used up.
      await s.client.oauth.refresh('R1')
      const request = { url: PAGE, headers: new Headers({ cookie: b.cookie }) } as Request
      expect(await s.client.oauth.guard(request, store)).toMatchObject({ accessToken: 'B' })
      expect(s.log.some((line) => line === `delete ${key}`)).toBe(false)
    })

    test('of a refresh that is refused leads to the login, and is forgotten', async () => {
      for (const status of [200, 400, 401, 403]) {
        const s = site({
          token: ({ form }) =>
            form.some(([name]) => name === 'code')
              ? ok({ access_token: 'A1', expires_in: 1_700_003_600, refresh_token: 'R1' })
              : Response.json({ error: 'expired' }, { status }),
        })
        const b = browser(s.visit)
        await b.login(PAGE)
        s.clock.sleep(HOUR)
        expect(location(await b.open(PAGE))).toContain('/oauth/authorize')
        expect(s.of('session')).toEqual([])
      }
    })

    test.each<[string, Answer, string]>([
      ['the network is down', () => Promise.reject(new TypeError('fetch failed')), 'CONNECT_FAILED'],
      ['the server is in trouble', () => new Response('', { status: 502 }), 'HTTP'],
      [
        'the server is in trouble and says so',
        () => Response.json({ error: 'maintenance' }, { status: 503 }),
        'PROVIDER',
      ],
      ['the server is busy', () => Response.json({ error: 'busy' }, { status: 429 }), 'PROVIDER'],
      ['the answer is no session', () => ok({}), 'PROTOCOL'],
    ])('of a refresh that fails since %s is an error, and kept', async (_, answer, code) => {
      let fails = true
      const s = site({
        token: ({ form }) => {
          if (form.some(([name]) => name === 'code'))
            return ok({ access_token: 'A1', expires_in: 1_700_003_600, refresh_token: 'R1' })
          return fails
            ? answer(undefined as unknown as Call)
            : ok({ access_token: 'A2', expires_in: 1_700_010_000 })
        },
      })
      const b = browser(s.visit)
      await b.login(PAGE)
      // While the access token lives, nobody need notice.
      s.clock.sleep(HOUR - 30_000)
      expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A1' })
      s.clock.sleep(30_000)
      expect(await rejection(b.open(PAGE))).toMatchObject({ code })
      expect(s.of('session')).toHaveLength(1)
      fails = false
      expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A2' })
    })
  })

  describe('a check', () => {
    test('of every request asks the server, and a session that it ended leads to the login', async () => {
      let alive = true
      const s = site({ check: true, checks: () => ok({ result: alive, error: null }) })
      const b = browser(s.visit)
      await b.login(PAGE)
      expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A1' })
      expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A1' })
      expect(s.calls.filter(isCheck).map((call) => value(call, 'session_id'))).toEqual(['S1', 'S1'])
      alive = false
      expect(location(await b.open(PAGE))).toContain('/oauth/authorize')
      expect(s.of('session')).toEqual([])
    })

    test('that fails is an error, and the session is kept', async () => {
      const s = site({ check: true, checks: () => new Response('', { status: 500 }) })
      const b = browser(s.visit)
      await b.login(PAGE)
      expect(await rejection(b.open(PAGE))).toMatchObject({ code: 'HTTP' })
      expect(s.of('session')).toHaveLength(1)
    })

    test('is not made of what has no id, nor by default', async () => {
      const s = site({ check: true, token: () => ok({ access_token: 'A1', expires_in: 1_700_003_600 }) })
      const b = browser(s.visit)
      await b.login(PAGE)
      expect(await b.open(PAGE)).toMatchObject({ accessToken: 'A1' })
      const other = site()
      const c = browser(other.visit)
      await c.login(PAGE)
      await c.open(PAGE)
      expect([...s.calls, ...other.calls].filter(isCheck)).toEqual([])
    })
  })

  describe('cookies', () => {
    test('of others are left alone, wherever the own one stands', async () => {
      const s = site()
      const b = browser(s.visit)
      await b.login(PAGE)
      const id = b.jar.get('prism_session')
      for (const cookie of [
        `a=b; prism_session=${id}`,
        `prism_session=${id};a=b`,
        `x_prism_session=garbage-garbage;prism_session=${id};prism_session2=garbage-garbage`,
        `prism_session=;prism_session=${id}`,
        `  prism_session=${id}  `,
      ]) {
        const request = { url: PAGE, headers: new Headers({ cookie }) } as Request
        expect(await s.client.oauth.guard(request, s.store)).toMatchObject({ accessToken: 'A1' })
      }
    })

    test.each([
      'prism_session',
      'prism_session=',
      'prism_session==',
      '=;;=',
      'prism_session=short',
      'prism_session=../../etc/passwd',
      'prism_session="quoted-quoted"',
      'prism_session=login:something',
      'prism_session=__proto__',
      'prism_session=constructor',
      `prism_session=${'x'.repeat(10_000)}`,
      'prism_session=a%20b%20c%20d',
    ])('such as %s are none, and a login begins with a new one', async (cookie) => {
      const s = site()
      const request = { url: PAGE, headers: new Headers({ cookie }) } as Request
      const answer = (await s.client.oauth.guard(request, s.store)) as Response
      expect(location(answer)).toContain('/oauth/authorize')
      const [line] = answer.headers.getSetCookie()
      expect(line).toMatch(/^prism_session=[\w-]{22,64}; Path/)
      expect(s.log.some((entry) => /get session:(login:|\.\.)/.test(entry))).toBe(false)
    })

    test('that somebody planted do not become the session’s', async () => {
      const s = site()
      const b = browser(s.visit)
      b.jar.set('prism_session', PLANTED)
      await b.login(PAGE)
      expect(b.jar.get('prism_session')).not.toBe(PLANTED)
      const request = {
        url: PAGE,
        headers: new Headers({ cookie: `prism_session=${PLANTED}` }),
      } as Request
      expect(await s.client.oauth.guard(request, s.store)).toBeInstanceOf(Response)
    })

    test('of a login that has begun are no session', async () => {
      const s = site()
      const b = browser(s.visit)
      await b.begin(PAGE)
      expect(await b.open(PAGE)).toBeInstanceOf(Response)
      const state = s.of('login')[0]!.slice('login:'.length)
      b.jar.set('prism_session', state)
      expect(await b.open(PAGE)).toBeInstanceOf(Response)
    })
  })

  test('the secret, tokens and cookies are in no record of the logger', async () => {
    const s = site({ check: true })
    const b = browser(s.visit)
    await b.login(PAGE)
    await b.open(PAGE)
    s.clock.sleep(HOUR)
    await b.open(PAGE)
    const shown = everything(s.records)
    expect(s.records.length).toBeGreaterThan(4)
    for (const secret of ['marker-', '"A1"', 'R1', 'code1', b.jar.get('prism_session')!])
      expect(shown).not.toContain(secret)
  })
}
