// What becomes of a push: by the server's answer, or without one.
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { rejection } from '../support/events.ts'
import { broken, SECRET } from './bridge.ts'
import { pushing, signed, status, T } from './pushing.ts'

describe('the answer', () => {
  test('202 is the only success', async () => {
    for (const body of ['', 'OK', '{"error":"x"}']) await pushing(status(202, body)).client.push(T, 1)
    const codes = [
      200, 201, 203, 204, 205, 206, 300, 301, 302, 303, 304, 307, 308, 400, 404, 405, 410, 413, 418,
    ]
    for (const code of [...codes, 422, 500, 501, 502, 504, 599]) {
      const empty = /^(204|205|304)$/.test(String(code))
      const { client, requests } = pushing(() => new Response(empty ? null : 'said', { status: code }))
      const error = await rejection(client.push(T, 1))
      expect([code, error.code, (error.details as { status: number }).status]).toEqual([code, 'HTTP', code])
      expect([code, requests.length]).toEqual([code, 1])
    }
  })

  test('200 with an error body is an error that shows the body', async () => {
    const { client } = pushing(status(200, '{"error":"no such topic"}'))
    const error = await rejection(client.push(T, 1))
    expect(error).toMatchObject({
      code: 'HTTP',
      details: { status: 200, body: '{"error":"no such topic"}' },
      message: 'webmq: the server answered with status 200',
    })
  })

  test.each([401, 403])('%d is AUTH_REJECTED, is not tried again, and says what to check', async (code) => {
    const { client, requests } = signed(status(code, 'unknown authkey'))
    const error = await rejection(client.push(T, 1))
    expect(error).toMatchObject({
      code: 'AUTH_REJECTED',
      retryable: false,
      details: { status: code, body: 'unknown authkey' },
    })
    expect(error.message).toContain('unknown authkey')
    expect(error.message).toContain('check key, secret and the clock')
    expect(requests).toHaveLength(1)
  })

  test('of a server with another time says by how much the clock here is wrong', async () => {
    for (const [skew, side] of [
      [-120_000, 'ahead of'],
      [120_000, 'behind'],
    ] as const) {
      const { client } = signed(({ at }) => {
        const date = new Date(at + skew).toUTCString()
        return new Response('', { status: 401, headers: { date } })
      })
      const { message } = await rejection(client.push(T, 1))
      expect(message).toMatch(new RegExp(`the clock here is 1(19|20|21) s ${side} the server's`))
    }
    const near = signed(
      ({ at }) => new Response('', { status: 401, headers: { date: new Date(at).toUTCString() } }),
    )
    expect((await rejection(near.client.push(T, 1))).message).not.toContain('clock here')
  })

  test('is shown only in its beginning, and without secret and signature', async () => {
    for (const code of [200, 401, 500]) {
      const { client } = signed(({ url }) => {
        const signature = url.searchParams.get('signature')!
        const said = `${signature} ${encodeURIComponent(signature)} ${SECRET} ${url.search} ${'x'.repeat(5_000)}`
        return new Response(said, { status: code })
      })
      const error = await rejection(client.push(T, 1))
      const text = everything([error])
      expect(text).not.toContain(SECRET)
      expect(text).not.toMatch(/[\w-]{43}=/)
      expect((error.details as { body: string }).body.length).toBeLessThanOrEqual(200)
    }
  })

  test('that breaks off is CONNECTION_LOST, and the push is not made again', async () => {
    const { client, requests } = signed(() => broken())
    expect(await rejection(client.push(T, 1))).toMatchObject({ code: 'CONNECTION_LOST' })
    expect(requests).toHaveLength(1)
  })

  test('that is endless is LIMIT', async () => {
    const { client, requests } = pushing(
      () => new Response(new Uint8Array(17 * 1024 * 1024), { status: 202 }),
    )
    expect(await rejection(client.push(T, 1))).toMatchObject({ code: 'LIMIT' })
    expect(requests).toHaveLength(1)
  })

  test('a redirect is not followed, but told', async () => {
    const { client, requests } = signed(status(302, '', { location: 'http://evil.test/' }))
    const error = await rejection(client.push(T, 1))
    expect([error.code, requests.length, requests[0]!.init.redirect]).toEqual(['HTTP', 1, 'manual'])
    expect(error.message).toContain('redirect')
  })
})
