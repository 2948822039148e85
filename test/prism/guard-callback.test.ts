// The login of a web page’s users: what comes back from the server.
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { rejection } from '../support/events.ts'
import { type Call, ok, value } from './gateway.ts'
import { browser, HOUR, isCheck, location, PAGE, REJECTED, seesCookies, site } from './site.ts'

describe('a login', () => {
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
