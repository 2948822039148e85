// The login of a web page’s users: where it leads, and where it ends.
import type { PrismSessionStore } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { rejection } from '../support/events.ts'
import { CONFIG, isSigned, value } from './gateway.ts'
import { browser, location, memory, PAGE, PLANTED, REJECTED, seesCookies, site } from './site.ts'

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
}
