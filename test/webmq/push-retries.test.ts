// When a push is tried again, and what ends it.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { type Answer, pauses, refusedBySystem } from './bridge.ts'
import { isSigned, signed, status, T } from './pushing.ts'

describe('a push is tried again', () => {
  test.each<[string, Answer, string]>([
    ['the server says 503', status(503), 'HTTP'],
    ['the server says 429', status(429), 'HTTP'],
    ['nobody listens', () => refusedBySystem(), 'CONNECT_FAILED'],
    ['there is no such host', () => refusedBySystem('ENOTFOUND'), 'CONNECT_FAILED'],
  ])('twice when %s: it was certainly not taken', async (_, answer, code) => {
    const server = signed(answer)
    const call = rejection(server.client.push(T, { a: 1 }))
    expect(await pauses(server, call)).toEqual([500, 500])
    expect([(await call).code, server.requests.length, server.clock.timers]).toEqual([code, 3, 0])
  })

  test.each<[string, Answer]>([
    ['the server says 500', status(500)],
    ['the server says 502', status(502)],
    ['the server says 504', status(504)],
    [
      'the request did not get through, nobody knows how far',
      () => Promise.reject(new TypeError('fetch failed')),
    ],
    ['the connection was reset', () => refusedBySystem('ECONNRESET')],
    ['it timed out underneath', () => refusedBySystem('ETIMEDOUT')],
  ])('never when %s: it may have been taken', async (_, answer) => {
    const { client, requests, clock } = signed(answer)
    await rejection(client.push(T, 1))
    expect([requests.length, clock.timers]).toEqual([1, 0])
  })

  test('signed anew, with the time of each attempt, and the same event whatever becomes of it', async () => {
    const server = signed(status(503), { random: () => 0.5 })
    const event = { a: 1 }
    const call = rejection(server.client.push(T, event))
    await until(() => server.requests.length === 1)
    event.a = 2
    await pauses(server, call)
    const times = server.requests.map(({ url }) => url.searchParams.get('timestamp'))
    expect(new Set(times).size).toBe(3)
    expect(await Promise.all(server.requests.map((request) => isSigned(request)))).toEqual([true, true, true])
    expect(server.requests.map(({ body }) => body)).toEqual(Array(3).fill('{"a":1}'))
  })

  test('until it is taken', async () => {
    const answers = [status(503), () => refusedBySystem(), status(202)]
    const server = signed((request) => answers.shift()!(request))
    const call = server.client.push(T, 1)
    expect(await pauses(server, call)).toEqual([500, 500])
    await call
    expect(server.requests).toHaveLength(3)
  })

  test.each([0, 1, 4])('%d times, if the options say so', async (retries) => {
    const server = signed(status(503), { retries })
    await pauses(server, rejection(server.client.push(T, 1)))
    expect(server.requests).toHaveLength(retries + 1)
  })
})

describe('limits', () => {
  const never = () => new Promise<Response>(() => {})

  test('the timeout is 30 seconds by default, and covers everything', async () => {
    const { client, clock, requests } = signed(never)
    const call = rejection(client.push(T, 1))
    await until(() => requests.length === 1)
    await clock.advance(29_999)
    expect(clock.timers).toBe(1)
    await clock.advance(1)
    expect(await call).toMatchObject({ code: 'TIMEOUT', message: 'webmq: no answer within 30000 ms' })
    expect([clock.timers, requests[0]!.init.signal!.aborted]).toEqual([0, true])
  })

  test('the timeout is the client’s, or the push’s own; 0 is none', async () => {
    const { client, clock, requests } = signed(never, { timeout: 200 })
    const ends: string[] = []
    for (const [name, timeout] of [
      ['client', undefined],
      ['own', 100],
      ['never', 0],
    ] as const) {
      rejection(client.push(T, 1, { timeout })).then(({ code }) => ends.push(`${name} ${code}`))
    }
    await until(() => requests.length === 3)
    await clock.advance(100)
    expect(ends).toEqual(['own TIMEOUT'])
    await clock.advance(86_400_000)
    expect([ends, clock.timers]).toEqual([['own TIMEOUT', 'client TIMEOUT'], 0])
  })

  test('a pause counts, too: no attempt follows the timeout', async () => {
    const server = signed(status(503), { timeout: 300 })
    const call = rejection(server.client.push(T, 1))
    await until(() => server.clock.timers === 2)
    await server.clock.advance(60_000)
    expect(await call).toMatchObject({ code: 'TIMEOUT' })
    expect([server.requests.length, server.clock.timers]).toEqual([1, 0])
  })

  test('the signal ends it: before, during a request, during a pause', async () => {
    const ended = signed()
    const error = await rejection(ended.client.push(T, 1, { signal: AbortSignal.abort('enough') }))
    expect([error.code, error.cause, ended.requests.length]).toEqual(['ABORTED', 'enough', 0])
    for (const answer of [never, status(503)]) {
      const { client, requests, clock } = signed(answer, { timeout: 0 })
      const abort = new AbortController()
      const call = rejection(client.push(T, 1, { signal: abort.signal }))
      await until(() => requests.length === 1 && (answer === never || clock.timers === 1))
      abort.abort('enough')
      expect(await call).toMatchObject({ code: 'ABORTED', cause: 'enough' })
      await flush()
      expect([requests.length, clock.timers]).toEqual([1, 0])
    }
  })
})
