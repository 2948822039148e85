// Tokens for a page: its server's half.
import type { TamburAuthorize, TamburTokenAsk } from 'isomq/tambur'
import { describe, expect, test } from 'vitest'
import { ask, handlerOf, tokenOf } from './asking.ts'
import { CONFIG } from './bench.ts'

const post = (body: BodyInit | undefined, init: RequestInit = {}) =>
  new Request('https://page.test/token', { method: 'POST', ...(body !== undefined && { body }), ...init })
const json = (asked: unknown, init?: RequestInit) => post(JSON.stringify(asked), init)

/** What a handler says. */
async function said(response: Response): Promise<[status: number, body: Record<string, unknown>]> {
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(response.headers.get('cache-control')).toBe('no-store')
  return [response.status, (await response.json()) as Record<string, unknown>]
}

describe('tokenHandler()', () => {
  test.each<[string, object, object]>([
    [
      'auth',
      { mode: 'auth', stream: 'news', subscriberId: 's' },
      { mode: 'auth', stream: 'news', subscriberId: 's' },
    ],
    ['presence', ask, ask],
    ['direct', { ...ask, mode: 'direct' }, { ...ask, mode: 'direct' }],
    [
      'auth with a user, which it has none of',
      { mode: 'auth', stream: 'news', subscriberId: 's', userId: 'me' },
      { mode: 'auth', stream: 'news', subscriberId: 's' },
    ],
    ['more than there is to ask', { ...ask, more: 1, admin: true }, ask],
  ])('grants %s as it was asked', async (_, asked, granted) => {
    const asks: unknown[] = []
    const handler = handlerOf((request, wish) => {
      asks.push([request.url, wish])
      return true
    })
    expect(await said(await handler(json(asked)))).toEqual([
      200,
      { token: await tokenOf(granted as TamburTokenAsk) },
    ])
    expect(asks).toEqual([['https://page.test/token', granted]])
  })

  test('grants it for the user that the hook names, whatever the page said', async () => {
    const handler = handlerOf(async () => 'the user of the session')
    expect(await said(await handler(json(ask)))).toEqual([
      200,
      { token: await tokenOf({ ...ask, userId: 'the user of the session' }) },
    ])
    const auth = { mode: 'auth', stream: 'news', subscriberId: 's' } as const
    expect(await said(await handler(json(auth)))).toEqual([200, { token: await tokenOf(auth) }])
  })

  test('lets the hook see cookies and headers', async () => {
    const handler = handlerOf((request) => request.headers.get('authorization') === 'Bearer session')
    const headers = { authorization: 'Bearer session' }
    expect((await handler(json(ask, { headers }))).status).toBe(200)
    expect((await handler(json(ask))).status).toBe(403)
  })

  test.each([false, '', undefined, null, 0, 1, {}, [], NaN])(
    'refuses when the hook says %j',
    async (allowed) => {
      for (const hook of [() => allowed, async () => allowed]) {
        const [status, body] = await said(await handlerOf(hook as () => boolean)(json(ask)))
        expect([status, Object.keys(body)]).toEqual([403, ['error']])
      }
    },
  )

  test('says 500 when the hook throws or rejects, and nothing of what it threw', async () => {
    for (const hook of [
      () => {
        throw new Error('MARKER: no database')
      },
      () => Promise.reject(new Error('MARKER')),
      () => Promise.reject(),
    ]) {
      const [status, body] = await said(await handlerOf(hook)(json(ask)))
      expect([status, JSON.stringify(body).includes('MARKER')]).toEqual([500, false])
    }
  })

  test.each<[string, BodyInit | undefined]>([
    ['nothing', undefined],
    ['an empty body', ''],
    ['no JSON', 'mode=auth&stream=news'],
    ['half of JSON', '{"mode":"auth"'],
    ['null', 'null'],
    ['a number', '5'],
    ['a text', '"auth"'],
    ['a list', '["auth","news","s"]'],
    ['an empty object', '{}'],
    ['bytes that are no text', new Uint8Array([0xff, 0xfe])],
    ['deep JSON', `${'['.repeat(5_000)}${']'.repeat(5_000)}`],
    ['10,001 bytes', JSON.stringify({ ...ask, more: 'x'.repeat(10_000) })],
    ['a megabyte', JSON.stringify({ ...ask, userId: 'x'.repeat(1_000_000) })],
    ['no mode', JSON.stringify({ ...ask, mode: undefined })],
    ['an unknown mode', JSON.stringify({ ...ask, mode: 'admin' })],
    ['a mode that is a list', JSON.stringify({ ...ask, mode: ['auth'] })],
    ['a mode that has no text', JSON.stringify({ ...ask, mode: { toString: 1, valueOf: 1 } })],
    ['no stream', JSON.stringify({ ...ask, stream: '' })],
    ['a stream that is a number', JSON.stringify({ ...ask, stream: 5 })],
    ['no subscriber', JSON.stringify({ ...ask, subscriberId: undefined })],
    ['a subscriber that is an object', JSON.stringify({ ...ask, subscriberId: {} })],
    ['no user', JSON.stringify({ ...ask, userId: undefined })],
    ['an empty user', JSON.stringify({ ...ask, userId: '' })],
    ['a user that is null', JSON.stringify({ ...ask, userId: null })],
  ])('says 400 to %s, without asking the hook', async (_, body) => {
    let asked = 0
    const handler = handlerOf(() => {
      asked++
      return true
    })
    const [status, answer] = await said(await handler(post(body)))
    expect([status, Object.keys(answer), asked]).toEqual([400, ['error'], 0])
  })

  test.each(['__proto__', 'constructor'])('is not fooled by fields called %s', async (field) => {
    const handler = handlerOf(() => true)
    const body = `{"${field}":{"mode":"auth","stream":"news","subscriberId":"s"}}`
    expect((await handler(post(body))).status).toBe(400)
    expect(({} as { mode?: unknown }).mode).toBeUndefined()
  })

  test.each<[string, object]>([
    ['a stream with ":"', { stream: 'a:b' }],
    ['a subscriber with ":"', { subscriberId: 'a:b' }],
    ['half a character', { userId: '\ud800' }],
  ])('says 400 to %s: the grant would be ambiguous', async (_, wrong) => {
    const [status, body] = await said(await handlerOf(() => true)(json({ ...ask, ...wrong })))
    expect([status, Object.keys(body)]).toEqual([400, ['error']])
  })

  test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('says 405 to %s', async (method) => {
    const body = method === 'GET' ? undefined : JSON.stringify(ask)
    const [status] = await said(await handlerOf(() => true)(post(body, { method })))
    expect(status).toBe(405)
  })

  test('says 400 to a body that somebody has read already, or that breaks off', async () => {
    const read = json(ask)
    await read.text()
    expect((await handlerOf(() => true)(read)).status).toBe(400)
    const broken = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(JSON.stringify(ask)))
        controller.error(new Error('gone'))
      },
    })
    const request = { method: 'POST', body: broken, headers: new Headers() } as unknown as Request
    expect((await handlerOf(() => true)(request)).status).toBe(400)
  })

  test('never shows the secret', async () => {
    const handler = handlerOf(() => true)
    for (const request of [
      json(ask),
      json({}),
      json({ ...ask, stream: 'a:b' }),
      post(undefined, { method: 'GET' }),
    ]) {
      expect(await (await handler(request)).text()).not.toMatch(/MARKER|s3cret/)
    }
  })

  test('many at once do not mix', async () => {
    const handler = handlerOf(async (_, { userId }) => {
      await Promise.resolve()
      return `really ${userId}`
    })
    const users = Array.from({ length: 50 }, (_, n) => `user-${n}`)
    const tokens = await Promise.all(
      users.map(async (userId) => (await said(await handler(json({ ...ask, userId }))))[1].token),
    )
    expect(tokens).toEqual(
      await Promise.all(users.map((userId) => tokenOf({ ...ask, userId: `really ${userId}` }))),
    )
  })

  test.each([undefined, true, 'allow', {}])('cannot do with %j for a hook', (authorize) => {
    expect(() => handlerOf(authorize as unknown as TamburAuthorize)).toThrow(CONFIG)
  })
})
