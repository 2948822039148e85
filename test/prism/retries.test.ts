// Attempts.
import { signRequest } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { rejection } from '../support/events.ts'
import { down, patient, pauses, status } from './attempts.ts'
import { type Answer, broken, CONFIG, gateway, isSigned, ok, value } from './gateway.ts'

describe('trying again', () => {
  test.each<[string, Answer, string]>([
    ['status 500', status(500), 'HTTP'],
    ['status 502', status(502), 'HTTP'],
    ['status 429', status(429), 'HTTP'],
    ['status 503 with an error', () => Response.json({ error: 'busy' }, { status: 503 }), 'PROVIDER'],
    ['no network', down, 'CONNECT_FAILED'],
    ['half a body', broken, 'CONNECTION_LOST'],
  ])('a GET is made 3 times when there is %s, and nothing else is', async (_, answer, code) => {
    const g = patient(answer)
    const call = rejection(g.client.get('x'))
    expect(await pauses(g, call)).toEqual([500, 500])
    expect([(await call).code, g.calls.length]).toEqual([code, 3])
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'HEAD']) {
      const other = patient(answer)
      expect((await rejection(other.client.request(method, 'x'))).name).toBe('IsomqError')
      expect([method, other.calls.length, other.clock.timers]).toEqual([method, 1, 0])
    }
  })

  test('everything is made as often as its caller wants', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      for (const [retries, times] of [
        [0, 1],
        [1, 2],
        [4, 5],
      ] as const) {
        const g = patient(status(500))
        const call = rejection(g.client.request(method, 'x', {}, { retries }))
        await pauses(g, call)
        expect([method, g.calls.length]).toEqual([method, times])
      }
    }
  })

  test('a GET is made as often as the client’s options say', async () => {
    const g = patient(down, { retries: 0 })
    await rejection(g.client.get('x'))
    expect(g.calls).toHaveLength(1)
    const call = rejection(g.client.get('x', {}, { retries: 1 }))
    await pauses(g, call)
    expect(g.calls).toHaveLength(3)
  })

  test.each<[string, Answer]>([
    ['status 400', status(400)],
    ['status 401', status(401)],
    ['status 403', status(403)],
    ['status 404', status(404)],
    ['a redirect', status(302)],
    ['an error of the server', () => Response.json({ error: { code: 1 } })],
    ['an error with status 400', () => Response.json({ error: 'e' }, { status: 400 })],
    ['what is not JSON', () => new Response('<html>')],
    ['17 MiB', () => new Response(new Uint8Array(17 * 1024 * 1024))],
  ])('is no use after %s', async (_, answer) => {
    const g = patient(answer)
    for (const method of ['GET', 'POST']) {
      await rejection(g.client.request(method, 'x', {}, { retries: 5 }))
    }
    expect([g.calls.length, g.clock.timers]).toEqual([2, 0])
  })

  test('ends with the first answer', async () => {
    const answers = [status(500), broken, down, () => ok({ a: 1 })]
    const g = patient(() => answers.shift()!())
    const call = g.client.post<object>('x', {}, { retries: 9 })
    expect(await pauses(g, call)).toHaveLength(3)
    expect((await call).data).toEqual({ a: 1 })
    expect([g.calls.length, g.clock.timers]).toEqual([4, 0])
  })

  test('waits ever longer, and never longer than 30 seconds', async () => {
    for (const [random, expected] of [
      [0, [500, 500, 500, 500, 500, 500]],
      [0.5, [2250, 4250, 8250, 15250, 15250, 15250]],
      [1 - 2 ** -32, [4000, 8000, 16000, 30000, 30000, 30000]],
    ] as const) {
      const g = patient(status(500), { random: () => random })
      expect(await pauses(g, rejection(g.client.get('x', {}, { retries: 6 })))).toEqual(expected)
    }
  })

  test('has one signature for each attempt, with the time of that attempt', async () => {
    const g = patient(status(500), { random: () => 0.9 })
    for (const method of ['GET', 'POST']) {
      await pauses(
        g,
        rejection(g.client.request(method, 'x?q=1', { a: '1' }, { retries: 3, headers: { 'x-api-a': '1' } })),
      )
    }
    expect(g.calls).toHaveLength(8)
    expect(g.calls.every((call) => isSigned(call))).toBe(true)
    expect(new Set(g.calls.map((call) => value(call, 'sign'))).size).toBe(8)
    const times = g.calls.slice(0, 4).map(({ at }) => at)
    expect(times.map((time) => time - times[0]!)).toEqual([0, 3650, 3650 + 7250, 3650 + 7250 + 14450])
  })

  test('asks for the signature and the token once for each attempt', async () => {
    let signed = 0
    let tokens = 0
    const g = patient(status(500), {
      secret: undefined,
      sign: async (request) => {
        signed++
        return signRequest({ ...request, secret: 'marker-secret' })
      },
      accessToken: () => `token${++tokens}`,
    })
    await pauses(g, rejection(g.client.get('x')))
    expect(g.calls.map(({ headers }) => headers.get('authorization'))).toEqual([
      'Bearer token1',
      'Bearer token2',
      'Bearer token3',
    ])
    expect([signed, g.calls.every((call) => isSigned(call))]).toEqual([3, true])
  })

  test('a signature that cannot be had is asked for again with the next attempt', async () => {
    let asked = 0
    const g = patient(() => ok(), {
      secret: undefined,
      sign: () => (++asked < 3 ? Promise.reject(new Error('hsm down')) : 'S'),
    })
    const call = g.client.get('x')
    await pauses(g, call)
    await call
    expect([asked, g.calls.length]).toEqual([3, 1])
  })

  test('a callback’s own IsomqError is what the caller sees', async () => {
    const { IsomqError } = await import('isomq/errors')
    const own = new IsomqError('prism', 'AUTH_REJECTED', 'log in again')
    for (const options of [
      { secret: undefined, sign: () => Promise.reject(own) },
      { accessToken: () => Promise.reject(own) },
    ]) {
      const { client, calls } = patient(() => ok(), options)
      expect(await rejection(client.get('x'))).toBe(own)
      expect(calls).toEqual([])
    }
  })

  test('keeps what the caller gave, whatever becomes of it meanwhile', async () => {
    const g = patient(status(500))
    const headers: Record<string, string> = { 'x-api-a': '1' }
    const params: Record<string, unknown> = { a: 1 }
    const call = rejection(g.client.get('x', params, { headers }))
    headers['x-api-a'] = '2'
    params.a = 2
    await pauses(g, call)
    expect(g.calls.map((one) => [one.headers.get('x-api-a'), value(one, 'a')])).toEqual(
      Array.from({ length: 3 }, () => ['1', '1']),
    )
  })

  test.each([-1, Number.NaN, 'many', {}])('%j times is refused', async (retries) => {
    const { client, calls } = gateway()
    expect(await rejection(client.get('x', {}, { retries: retries as number }))).toEqual(CONFIG)
    expect(calls).toEqual([])
  })
})
