// The login of a web page’s users: its end, and the cookie that stands for it.
import type { PrismSession, PrismSessionStore } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { type Answer, type Call, CONFIG, ok } from './gateway.ts'
import { browser, HOUR, location, PAGE, PLANTED, seesCookies, site } from './site.ts'

describe('a login', () => {
  test.each(['', 'a b', 'a=b', 'a;b', 'a\r\nb', 'é'])('has no cookie named %j', async (cookie) => {
    expect(await rejection(site({ cookie }).visit(new Request(PAGE)))).toEqual(CONFIG)
  })
})

if (seesCookies) {
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
}
