// Tokens for a page: its own half, against its server's.
import { fetchToken, type TamburTokenAsk } from 'isomq/tambur'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { rejection, until } from '../support/events.ts'
import { ask, handlerOf, tokenOf } from './asking.ts'
import { bench } from './bench.ts'

/** A page whose server is a handler; gives what the server got. */
function page(handler: (request: Request) => Response | Promise<Response>, headers?: Record<string, string>) {
  const requests: Request[] = []
  const token = fetchToken('https://page.test/token', {
    headers,
    fetch: async (url, init) => {
      const request = new Request(url, init)
      requests.push(request)
      return handler(request)
    },
  })
  const never = new AbortController().signal
  return { requests, token: (asked: TamburTokenAsk = ask) => token({ signal: never, ...asked }) }
}

describe('fetchToken()', () => {
  test('gets what the handler grants, for every mode', async () => {
    const { token } = page(handlerOf(() => true))
    for (const asked of [
      { mode: 'auth', stream: 'news', subscriberId: 's' },
      { mode: 'presence', stream: 'news', userId: 'Zoë 王', subscriberId: 's' },
      { mode: 'direct', stream: 'news', userId: 'a:b', subscriberId: 's' },
    ] as const) {
      expect(await token(asked)).toBe(await tokenOf(asked))
    }
  })

  test('posts JSON with the headers that are wanted, and does not follow a redirect', async () => {
    const { token, requests } = page(
      handlerOf(() => true),
      { 'x-csrf': 'value' },
    )
    await token()
    const [{ method, headers, url, redirect }] = requests as [Request]
    expect([method, url, headers.get('content-type'), headers.get('x-csrf'), redirect]).toEqual([
      'POST',
      'https://page.test/token',
      'application/json',
      'value',
      'manual',
    ])
  })

  test('serves a connection: modes are set with its tokens', async () => {
    const handler = handlerOf(() => 'the user of the session')
    const b = bench({
      token: fetchToken('https://page.test/token', {
        fetch: async (url, init) => handler(new Request(url, init)),
      }),
    })
    const script = await b.obeyed()
    const news = await b.open()
    await news.enablePresence('me')
    expect(script.last('set_mode').args).toEqual([
      'presence',
      'news',
      'me',
      await tokenOf({
        mode: 'presence',
        stream: 'news',
        userId: 'the user of the session',
        subscriberId: script.id,
      }),
    ])
  })

  test('is AUTH_REJECTED when the server refuses', async () => {
    for (const status of [401, 403]) {
      const { token } = page(() => new Response('{"error":"not allowed"}', { status }))
      expect(await rejection(token())).toMatchObject({
        code: 'AUTH_REJECTED',
        provider: 'tambur',
        details: { status },
      })
    }
    expect(await rejection(page(handlerOf(() => false)).token())).toMatchObject({ code: 'AUTH_REJECTED' })
  })

  test.each<[string, () => Response]>([
    ['an error', () => new Response('{"token":"T"}', { status: 500 })],
    ['nothing', () => new Response(null, { status: 204 })],
    ['no JSON', () => new Response('T')],
    ['HTML', () => new Response('<!doctype html>')],
    ['null', () => Response.json(null)],
    ['a text', () => Response.json('T')],
    ['a list', () => Response.json(['T'])],
    ['no token', () => Response.json({ error: 'x' })],
    ['an empty token', () => Response.json({ token: '' })],
    ['a token that is a number', () => Response.json({ token: 5 })],
    ['a token that is an object', () => Response.json({ token: { token: 'T' } })],
    ['a redirect to a login', () => new Response(null, { status: 302, headers: { location: '/login' } })],
  ])('is HTTP when the server answers with %s', async (_, answer) => {
    expect(await rejection(page(answer).token())).toMatchObject({ code: 'HTTP', provider: 'tambur' })
  })

  test('says whether it may help to ask again', async () => {
    for (const [status, retryable] of [
      [429, true],
      [500, true],
      [502, true],
      [503, true],
      [200, false],
      [400, false],
      [401, false],
      [403, false],
      [404, false],
    ] as const) {
      const { token } = page(() => new Response('{}', { status }))
      expect([status, (await rejection(token())).retryable]).toEqual([status, retryable])
    }
  })

  test('outlasts a restart of the server: a mode is restored once it is back', async () => {
    const handler = handlerOf(() => true)
    let isDown = false
    const b = bench({
      token: fetchToken('https://page.test/token', {
        fetch: async (url, init) =>
          isDown ? new Response('Bad Gateway', { status: 502 }) : handler(new Request(url, init)),
      }),
    })
    await b.obeyed()
    const news = await b.open('news', 'presence')
    const told: unknown[] = []
    news.on('status', ({ mode }) => told.push(mode))
    isDown = true
    const script = await b.again()
    await until(() => b.errors.some(({ code }) => code === 'HTTP'))
    isDown = false
    while (told.length < 2) {
      await b.clock.advance(1_000)
      await new Promise((resolve) => setTimeout(resolve, 0))
    }
    expect(told).toEqual([undefined, 'presence'])
    const asked = { mode: 'presence', stream: 'news', userId: 'me', subscriberId: script.id } as const
    expect(script.last('set_mode').args.at(-1)).toBe(await tokenOf(asked))
  })

  test('is CONNECT_FAILED when there is no server', async () => {
    const { token } = page(() => Promise.reject(new TypeError('fetch failed')))
    expect(await rejection(token())).toMatchObject({ code: 'CONNECT_FAILED' })
  })

  test('ends with the signal that the connection gives it', async () => {
    const abort = new AbortController()
    let seen: AbortSignal | undefined
    const token = fetchToken('https://page.test/token', {
      fetch: (_, init) => {
        seen = init?.signal as AbortSignal
        return new Promise(() => {})
      },
    })
    const asking = rejection(token({ ...ask, signal: abort.signal }) as Promise<string>)
    abort.abort()
    expect(await asking).toMatchObject({ code: 'ABORTED' })
    expect(seen?.aborted).toBe(true)
  })

  test('shows nothing of what the server said', async () => {
    const { token } = page(() => new Response('{"token":5,"secret":"MARKER"}', { status: 500 }))
    expect(everything([await rejection(token())])).not.toContain('MARKER')
  })
})
