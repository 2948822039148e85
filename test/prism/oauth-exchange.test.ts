// Login: the exchange of what a user brings back for a session, and the check whether it lives.
import type { PrismClientOptions } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { SECONDS, TOKENS } from '../support/prism-tokens.ts'
import {
  type Answer,
  CONFIG,
  gateway,
  isSigned,
  ok,
  own,
  SECRET,
  signatureOf,
  value,
  values,
} from './gateway.ts'

describe('the exchange', () => {
  test('of a code is a signed form, and gives the session', async () => {
    const { client, calls } = gateway(() => ok(TOKENS), { accessToken: 'not-for-this' })
    const session = await client.oauth.exchange('c 1+')
    const [call] = calls
    expect([call!.method, call!.url.href, call!.headers.has('authorization')]).toEqual([
      'POST',
      'https://prism.test/oauth/token',
      false,
    ])
    expect(own(call!.form)).toEqual([
      ['code', 'c 1+'],
      ['grant_type', 'authorization_code'],
    ])
    expect([value(call!, 'client_id'), value(call!, 'sign')]).toEqual(['key', signatureOf(call!)])
    expect(isSigned(call!)).toBe(true)
    expect(session).toEqual({
      accessToken: 'marker-access',
      expiresAt: SECONDS * 1000,
      refreshToken: 'marker-refresh',
      refreshExpiresAt: (SECONDS + 86_400) * 1000,
      sessionId: 'marker-session',
      data: { '@id': 'u1', name: '中' },
    })
    expect(JSON.parse(JSON.stringify(session))).toEqual(session)
  })

  test('of a refresh token is one as well', async () => {
    const { client, calls } = gateway(() => ok(TOKENS))
    expect((await client.oauth.refresh('r1')).accessToken).toBe('marker-access')
    expect(own(calls[0]!.form)).toEqual([
      ['refresh_token', 'r1'],
      ['grant_type', 'refresh_token'],
    ])
    expect(isSigned(calls[0]!)).toBe(true)
  })

  test('sends the secret where calls do', async () => {
    const { client, calls } = gateway(() => ok(TOKENS), { auth: 'secret' })
    await client.oauth.exchange('c')
    expect([value(calls[0]!, 'client_secret'), values(calls[0]!, 'sign')]).toEqual([SECRET, []])
  })

  test('is not made twice by itself: a code is good for one time', async () => {
    for (const answer of [
      () => new Response('', { status: 503 }),
      () => Promise.reject(new TypeError('fetch failed')),
    ] as Answer[]) {
      const { client, calls, clock } = gateway(answer)
      expect((await rejection(client.oauth.exchange('c'))).code).toMatch(/^(HTTP|CONNECT_FAILED)$/)
      expect((await rejection(client.oauth.refresh('r'))).code).toMatch(/^(HTTP|CONNECT_FAILED)$/)
      expect([calls.length, clock.timers]).toEqual([2, 0])
    }
  })

  test('a code that was used is refused, with what the server says', async () => {
    const { client } = gateway(() =>
      Response.json({ error: { code: 'invalid_grant', message: 'used' } }, { status: 400 }),
    )
    expect(await rejection(client.oauth.exchange('c'))).toMatchObject({
      code: 'PROVIDER',
      retryable: false,
      details: { code: 'invalid_grant', message: 'used', status: 400 },
    })
  })

  test.each<[string, object, object]>([
    [
      'times as texts',
      { expires_in: String(SECONDS), refresh_expires: '1700003601' },
      { expiresAt: SECONDS * 1000, refreshExpiresAt: 1_700_003_601_000 },
    ],
    ['times with fractions', { expires_in: SECONDS + 0.5 }, { expiresAt: SECONDS * 1000 + 500 }],
    [
      'no refresh token',
      { refresh_token: undefined, refresh_expires: undefined },
      { refreshToken: undefined, refreshExpiresAt: undefined },
    ],
    [
      'an empty refresh token',
      { refresh_token: '', refresh_expires: '' },
      { refreshToken: undefined, refreshExpiresAt: undefined },
    ],
    [
      'a refresh token that is null',
      { refresh_token: null, refresh_expires: null },
      { refreshToken: undefined, refreshExpiresAt: undefined },
    ],
    ['a time that is none', { refresh_expires: { toString: 1 } }, { refreshExpiresAt: undefined }],
    ['an id that is a number', { session_id: 12 }, { sessionId: '12' }],
    ['no id', { session_id: null }, { sessionId: undefined }],
    ['no data', { data: null }, { data: {} }],
    ['data that is a text', { data: 'u1' }, { data: {} }],
    ['error: null', { error: null }, { accessToken: 'marker-access' }],
  ])('takes %s', async (_, fields, expected) => {
    const { client } = gateway(() => ok({ ...TOKENS, ...fields }))
    expect(await client.oauth.exchange('c')).toMatchObject(expected)
  })

  test.each<[string, unknown]>([
    ['nothing', null],
    ['a text', 'marker-access'],
    ['a list', [TOKENS]],
    ['an object of another kind', { token: 'marker-access' }],
    ['no access token', { ...TOKENS, access_token: undefined }],
    ['an empty access token', { ...TOKENS, access_token: '' }],
    ['an access token that is a number', { ...TOKENS, access_token: 5 }],
    ['no end', { ...TOKENS, expires_in: undefined }],
    ['an end that is null', { ...TOKENS, expires_in: null }],
    ['an empty end', { ...TOKENS, expires_in: '' }],
    ['an end that is true', { ...TOKENS, expires_in: true }],
    ['an end that is a list', { ...TOKENS, expires_in: [] }],
    ['an end in words', { ...TOKENS, expires_in: 'soon' }],
    ['an end before 1970', { ...TOKENS, expires_in: -1 }],
    ['an end that is an object', { ...TOKENS, expires_in: { toString: 1 } }],
  ])('with the answer %s is PROTOCOL, and shows none of it', async (_, answer) => {
    for (const made of [ok(answer), ok(answer)]) {
      const { client } = gateway(() => made)
      const error = await rejection(client.oauth.exchange('c'))
      expect(error).toMatchObject({ name: 'IsomqError', code: 'PROTOCOL' })
      expect(everything([error])).not.toContain('marker-')
    }
  })

  test('with an empty answer is PROTOCOL', async () => {
    const { client } = gateway(() => new Response(null, { status: 204 }))
    expect(await rejection(client.oauth.exchange('c'))).toMatchObject({ code: 'PROTOCOL' })
  })

  test.each<[string, () => Response]>([
    ['JSON that breaks off', () => new Response(JSON.stringify(TOKENS).slice(0, -2))],
    ['a form', () => new Response('access_token=marker-access&refresh_token=marker-refresh')],
    ['a page', () => new Response(`<p>refresh_token: "marker-refresh"</p>`, { status: 502 })],
    ['an error with them', () => Response.json({ error: 'late', ...TOKENS, session_id: 1 }, { status: 500 })],
    ['JSON in JSON', () => new Response(JSON.stringify(JSON.stringify(TOKENS)).slice(0, -1))],
  ])('does not show tokens that come as %s', async (_, answer) => {
    const { client } = gateway(answer)
    const error = await rejection(client.oauth.exchange('c'))
    expect(error.name).toBe('IsomqError')
    expect(everything([error])).not.toMatch(/marker-(access|refresh)/)
  })

  test('shows nothing of what it sent when the server quotes it', async () => {
    for (const answer of [
      (text: string) => new Response(text, { status: 400 }),
      (text: string) => Response.json({ error: text }),
      (text: string) => Response.json({ error: { code: text, message: text } }, { status: 401 }),
    ]) {
      const { client } = gateway(({ form }) => answer(`unknown: ${form.map(([, given]) => given).join(' ')}`))
      const { oauth } = client
      const calls = [
        oauth.exchange('marker-code'),
        oauth.refresh('marker-refresh'),
        oauth.checkSession('marker-session'),
      ]
      const told = await Promise.all(calls.map((call) => (call as Promise<unknown>).catch((error) => error)))
      expect(told.filter((one) => one instanceof Error).length).toBeGreaterThanOrEqual(2)
      expect(everything(told)).not.toMatch(/marker-/)
    }
  })

  test('of a session that is over says so, however the server tells it', async () => {
    for (const answer of [
      { result: false, error: null },
      { result: false, error: 'no such session' },
    ]) {
      const { client } = gateway(() => Response.json(answer))
      expect(await client.oauth.checkSession('s')).toBe(false)
    }
  })

  test('of nothing rejects, and sends nothing', async () => {
    const { client, calls } = gateway()
    for (const nothing of ['', undefined, null, 5]) {
      for (const method of ['exchange', 'refresh', 'checkSession'] as const) {
        let call: Promise<unknown> | undefined
        expect(() => {
          call = client.oauth[method](nothing as string)
          call.catch(() => {})
        }).not.toThrow()
        expect(await rejection(call!)).toEqual(CONFIG)
      }
    }
    expect(calls).toEqual([])
  })

  test('ends with its signal, or its time', async () => {
    const { client, clock, calls } = gateway(() => new Promise(() => {}))
    const abort = new AbortController()
    const { oauth } = client
    const aborted = [
      oauth.exchange('c', { signal: abort.signal }),
      oauth.refresh('r', { signal: abort.signal }),
      oauth.checkSession('s', { signal: abort.signal }),
    ].map(rejection)
    const late = [
      oauth.exchange('c', { timeout: 10 }),
      oauth.refresh('r', { timeout: 10 }),
      oauth.checkSession('s', { timeout: 10 }),
    ].map(rejection)
    await until(() => calls.length === 6)
    abort.abort()
    await clock.advance(10)
    expect((await Promise.all(aborted)).map(({ code }) => code)).toEqual(['ABORTED', 'ABORTED', 'ABORTED'])
    expect((await Promise.all(late)).map(({ code }) => code)).toEqual(['TIMEOUT', 'TIMEOUT', 'TIMEOUT'])
    expect(clock.timers).toBe(0)
    await flush()
  })
})

describe('the check of a session', () => {
  test('is a signed form, and says whether it lives', async () => {
    const answers = [
      { result: true, error: null },
      { result: false, error: null },
      {},
      { result: 'true' },
      { result: 1 },
      [],
    ]
    const { client, calls } = gateway(() => ok(answers.shift()))
    const found: boolean[] = []
    while (answers.length > 0) found.push(await client.oauth.checkSession('s1'))
    expect(found).toEqual([true, false, false, false, false, false])
    expect([calls[0]!.method, calls[0]!.url.href]).toEqual([
      'POST',
      'https://prism.test/api/platform/oauth/session_check',
    ])
    expect(own(calls[0]!.form)).toEqual([['session_id', 's1']])
    expect(calls.every((call) => isSigned(call))).toBe(true)
  })

  test('that could not be made is an error, not a session that has ended', async () => {
    for (const answer of [
      () => new Response('', { status: 500 }),
      () => Promise.reject(new TypeError('fetch failed')),
    ] as Answer[]) {
      expect((await rejection(gateway(answer).client.oauth.checkSession('s'))).name).toBe('IsomqError')
    }
  })
})

test('login works with a signature from elsewhere', async () => {
  const options: Partial<PrismClientOptions> = {
    secret: undefined,
    sign: ({ path, body }) => `${path} ${body!.length}`,
  }
  const { client, calls } = gateway(() => ok(TOKENS), options)
  await client.oauth.exchange('c')
  expect(value(calls[0]!, 'sign')).toBe('/oauth/token 5')
})
