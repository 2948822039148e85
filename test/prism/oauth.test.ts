// Login: the addresses a user is sent to, and what they bring back.
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { TOKENS } from '../support/prism-tokens.ts'
import { CONFIG, gateway, isSigned, ok, SECRET } from './gateway.ts'

const oauthOf = (baseUrl: string) => gateway(undefined, { baseUrl }).client.oauth

describe('the addresses', () => {
  test.each([
    ['https://h.test/api', 'https://h.test', false],
    ['https://h.test/api/', 'https://h.test', false],
    ['https://h.test/api-sandbox', 'https://h.test', true],
    ['https://h.test/api-sandbox//', 'https://h.test', true],
    ['https://h.test:8443/prism/api', 'https://h.test:8443/prism', false],
    ['https://h.test', 'https://h.test', false],
    ['https://h.test/', 'https://h.test', false],
    ['https://h.test/myapi', 'https://h.test/myapi', false],
    ['https://h.test/api/v2', 'https://h.test/api/v2', false],
    ['https://h.test/api-sandbox2', 'https://h.test/api-sandbox2', false],
    ['https://h.test/api/api', 'https://h.test/api', false],
    ['http://api', 'http://api', false],
    ['http://api/', 'http://api', false],
    ['http://api/api', 'http://api', false],
    ['http://api-sandbox:81/api', 'http://api-sandbox:81', false],
  ])('of the base URL %s are below %s', async (baseUrl, site, sandbox) => {
    const { client, calls } = gateway(() => ok(TOKENS), { baseUrl })
    const { url } = client.oauth.authorizeUrl({ redirectUri: 'https://app.test/cb' })
    expect(url.startsWith(`${site}/oauth/authorize?`)).toBe(true)
    expect(new URL(url).searchParams.get('sandbox')).toBe(sandbox ? '1' : null)
    expect(client.oauth.logoutUrl()).toBe(`${site}/oauth/logout`)
    await client.oauth.exchange('c')
    await client.oauth.refresh('r')
    await client.oauth.checkSession('s')
    expect(calls.map(({ url: { href } }) => href)).toEqual([
      `${site}/oauth/token`,
      `${site}/oauth/token`,
      `${baseUrl.replace(/\/+$/, '')}/platform/oauth/session_check`,
    ])
    expect(calls.every((call) => isSigned(call))).toBe(true)
  })

  test('of a login have all that the server needs', () => {
    const redirectUri = 'https://app.test/cb?a=1&b=%20'
    const oauth = oauthOf('https://h.test/api')
    const { url, state } = oauth.authorizeUrl({ redirectUri, view: 'mobile', ttl: 600 })
    expect([...new URL(url).searchParams]).toEqual([
      ['client_id', 'key'],
      ['redirect_uri', redirectUri],
      ['response_type', 'code'],
      ['state', state],
      ['view', 'mobile'],
      ['ttl', '600'],
    ])
    expect([...new URL(oauth.authorizeUrl({ redirectUri }).url).searchParams.keys()]).toEqual([
      'client_id',
      'redirect_uri',
      'response_type',
      'state',
    ])
    expect(url).not.toContain(SECRET)
  })

  test('of a logout lead back where they shall', () => {
    expect(oauthOf('https://h.test/api').logoutUrl('https://app.test/?a=1&b=2')).toBe(
      'https://h.test/oauth/logout?redirect_uri=https%3A%2F%2Fapp.test%2F%3Fa%3D1%26b%3D2',
    )
  })

  test('have a state that nobody guesses, or the given one', () => {
    const oauth = oauthOf('https://h.test/api')
    const make = (state?: string) => oauth.authorizeUrl({ redirectUri: 'https://app.test/cb', state })
    const states = Array.from({ length: 200 }, () => make().state)
    expect(new Set(states).size).toBe(200)
    for (const state of states) expect(state).toMatch(/^[\w-]{22,}$/)
    const mine = make('a b&c=%20')
    expect([mine.state, new URL(mine.url).searchParams.get('state')]).toEqual(['a b&c=%20', 'a b&c=%20'])
  })

  test('may come back to a URL object', () => {
    const redirectUri = new URL('https://app.test/cb') as unknown as string
    const { url } = oauthOf('https://h.test/api').authorizeUrl({ redirectUri })
    expect(new URL(url).searchParams.get('redirect_uri')).toBe('https://app.test/cb')
  })

  test.each<[object]>([
    [{}],
    [{ redirectUri: '' }],
    [{ redirectUri: '/cb' }],
    [{ redirectUri: '//app.test/cb' }],
    [{ redirectUri: 'app.test/cb' }],
    [{ redirectUri: 'javascript:alert(1)' }],
    [{ redirectUri: 'ftp://app.test/' }],
    [{ redirectUri: 'https://' }],
    [{ redirectUri: 5 }],
    [{ redirectUri: 'https://app.test/', state: '' }],
    [{ redirectUri: 'https://app.test/', state: 1212 }],
    [{ redirectUri: 'https://app.test/', ttl: Number.NaN }],
  ])('cannot be made of %j', (options) => {
    expect(() => oauthOf('https://h.test/api').authorizeUrl(options as { redirectUri: string })).toThrow(
      CONFIG,
    )
  })
})

describe('the callback', () => {
  const { readCallback } = oauthOf('https://h.test/api')

  test.each<[string | URL, string, string]>([
    ['https://app.test/cb?code=c1&state=s1', 's1', 'c1'],
    [new URL('https://app.test/cb?state=s1&code=c1#top'), 's1', 'c1'],
    ['/cb?code=c1&state=s1', 's1', 'c1'],
    ['?code=c1&state=s1', 's1', 'c1'],
    ['https://app.test/cb?a=1&code=c%201%2B&state=%E4%B8%AD', '中', 'c 1+'],
    ['https://app.test/cb?code=c1&code=c2&state=s1&state=s2', 's1', 'c1'],
  ])('%s gives its code', (url, state, code) => {
    expect(readCallback(url, state)).toBe(code)
  })

  test.each<[string, string]>([
    ['/cb?code=marker-code&state=s1', 's2'],
    ['/cb?code=marker-code&state=s1', 'S1'],
    ['/cb?code=marker-code&state=s1', 's1x'],
    ['/cb?code=marker-code&state=s1x', 's1'],
    ['/cb?code=marker-code&state=', 's1'],
    ['/cb?code=marker-code', 's1'],
    ['/cb?code=marker-code', ''],
    ['/cb?code=marker-code&state=', ''],
    ['/cb?code=marker-code&state=undefined', undefined as unknown as string],
    ['/cb?code=marker-code&state=null', null as unknown as string],
    ['/cb?code=marker-code#&state=s1', 's1'],
    ['/cb/code=marker-code&state=s1', 's1'],
    ['/cb?error=access_denied&state=s2', 's1'],
    ['https://[/?code=marker-code', 's1'],
    ['', 's1'],
  ])('%s is not that of the state %j', (url, state) => {
    try {
      readCallback(url, state)
      throw new Error('it was accepted')
    } catch (error) {
      expect(error).toMatchObject({ code: 'AUTH_REJECTED', retryable: false, details: { reason: 'state' } })
      expect(everything([error])).not.toContain('marker-code')
    }
  })

  test.each([
    ['/cb?error=access_denied&state=s1', 'access_denied'],
    ['/cb?error=access_denied&code=c1&state=s1', 'access_denied'],
    ['/cb?error=&state=s1', ''],
    ['/cb?state=s1', 'code'],
    ['/cb?state=s1&code=', 'code'],
    [`/cb?state=s1&error=${'x'.repeat(10_000)}`, 'x'.repeat(100)],
  ])('%s is a refusal', (url, reason) => {
    expect(() => readCallback(url, 's1')).toThrow(
      expect.objectContaining({ code: 'AUTH_REJECTED', retryable: false, details: { reason } }),
    )
  })
})
