// Attempts, and what ends them.
import { type PrismClientOptions, signRequest } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { type Answer, broken, CONFIG, type Gateway, gateway, isSigned, ok, value } from './gateway.ts'

const down = () => Promise.reject(new TypeError('fetch failed'))
const status = (code: number) => () => new Response('', { status: code })
const never = () => new Promise<Response>(() => {})

/** A gateway whose calls have no time limit, so that the only timers are pauses. */
const patient = (answer: Answer, options: Partial<PrismClientOptions> = {}) =>
  gateway(answer, { timeout: 0, ...options })

/** Lets pauses end until the call does; gives how long they were. */
async function pauses({ clock }: Gateway, call: Promise<unknown>): Promise<number[]> {
  const found: number[] = []
  let over = false
  call.then(
    () => (over = true),
    () => (over = true),
  )
  for (;;) {
    await until(() => over || clock.timers > 0)
    if (over) return found
    found.push(clock.untilNext!)
    await clock.advance(clock.untilNext!)
  }
}

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

describe('the timeout', () => {
  test('is 30 seconds by default', async () => {
    const { client, clock } = gateway(never)
    const call = rejection(client.get('x'))
    await clock.advance(29_999)
    expect(clock.timers).toBe(1)
    await clock.advance(1)
    expect(await call).toMatchObject({
      code: 'TIMEOUT',
      retryable: true,
      message: 'prism: no answer within 30000 ms',
    })
    expect(clock.timers).toBe(0)
  })

  test('is the client’s, or the call’s own', async () => {
    const { client, clock } = gateway(never, { timeout: 200 })
    const ends: string[] = []
    const calls = [
      ['client', undefined],
      ['call', 100],
      ['longer', 300],
    ] as const
    for (const [name, timeout] of calls)
      rejection(client.post('x', {}, { timeout })).then(() => ends.push(name))
    await clock.advance(100)
    expect(ends).toEqual(['call'])
    await clock.advance(100)
    expect(ends).toEqual(['call', 'client'])
    await clock.advance(100)
    expect([ends, clock.timers]).toEqual([['call', 'client', 'longer'], 0])
  })

  test('covers all attempts and the pauses between them', async () => {
    const g = gateway(status(500), { random: () => 0.999, timeout: 5_000 })
    const call = rejection(g.client.get('x'))
    await until(() => g.clock.timers === 2)
    await g.clock.advance(g.clock.untilNext!)
    await until(() => g.calls.length === 2 && g.clock.timers === 2)
    expect(g.clock.untilNext).toBeLessThan(1_100)
    await g.clock.advance(5_000)
    expect(await call).toMatchObject({ code: 'TIMEOUT', message: 'prism: no answer within 5000 ms' })
    await g.clock.advance(100_000)
    expect([g.calls.length, g.clock.timers]).toEqual([2, 0])
  })

  test('ends the request, too', async () => {
    const { client, clock, calls } = gateway(never)
    const call = rejection(client.get('x', {}, { timeout: 10 }))
    await until(() => calls.length === 1)
    expect(calls[0]!.init.signal!.aborted).toBe(false)
    await clock.advance(10)
    await call
    expect(calls[0]!.init.signal!.aborted).toBe(true)
  })

  test('ends a body that never ends', async () => {
    const { client, clock } = gateway(
      () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })),
    )
    const call = rejection(client.get('x', {}, { timeout: 10 }))
    await clock.advance(10)
    expect(await call).toMatchObject({ code: 'TIMEOUT' })
    expect(clock.timers).toBe(0)
  })

  test.each<[string, Partial<PrismClientOptions>]>([
    ['a signature', { secret: undefined, sign: () => new Promise<string>(() => {}) }],
    ['an access token', { accessToken: () => new Promise<string>(() => {}) }],
  ])('ends the wait for %s', async (_, options) => {
    const { client, clock, calls } = gateway(undefined, options)
    const call = rejection(client.get('x', {}, { timeout: 10 }))
    await clock.advance(10)
    expect(await call).toMatchObject({ code: 'TIMEOUT' })
    expect([calls.length, clock.timers]).toEqual([0, 0])
  })

  test('0 is none', async () => {
    const { client, clock } = gateway(never)
    let over = false
    rejection(client.get('x', {}, { timeout: 0 })).then(() => {
      over = true
    })
    await clock.advance(10 ** 9)
    expect([over, clock.timers]).toEqual([false, 0])
    await client.close()
    await flush()
    expect(over).toBe(true)
  })

  test.each([-1, Number.NaN])('%d is refused', async (timeout) => {
    const { client, calls } = gateway()
    expect(await rejection(client.get('x', {}, { timeout }))).toEqual(CONFIG)
    expect(calls).toEqual([])
  })
})

describe('the signal', () => {
  test('that has ended sends nothing and asks for nothing', async () => {
    let asked = 0
    const { client, calls, clock } = gateway(undefined, { accessToken: () => `${++asked}` })
    const signal = AbortSignal.abort(new Error('enough'))
    expect(await rejection(client.get('x', {}, { signal }))).toMatchObject({
      code: 'ABORTED',
      retryable: false,
      cause: { message: 'enough' },
    })
    expect([calls.length, asked, clock.timers]).toEqual([0, 0, 0])
  })

  test('ends a request', async () => {
    const { client, calls, clock } = gateway(never)
    const abort = new AbortController()
    const call = rejection(client.post('x', {}, { signal: abort.signal }))
    await until(() => calls.length === 1)
    abort.abort(new Error('enough'))
    expect(await call).toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } })
    expect([calls[0]!.init.signal!.aborted, clock.timers]).toEqual([true, 0])
  })

  test('ends a request of a fetch that tells so itself', async () => {
    const { client, calls } = gateway(
      ({ init }) =>
        new Promise((_, reject) => init.signal!.addEventListener('abort', () => reject(init.signal!.reason))),
    )
    const abort = new AbortController()
    const call = rejection(client.get('x', {}, { signal: abort.signal }))
    await until(() => calls.length === 1)
    abort.abort()
    expect(await call).toMatchObject({ code: 'ABORTED' })
    expect(calls).toHaveLength(1)
  })

  test('ends a pause, and no attempt follows', async () => {
    const g = patient(status(500))
    const abort = new AbortController()
    const call = rejection(g.client.get('x', {}, { signal: abort.signal }))
    await until(() => g.clock.timers === 1)
    abort.abort(new Error('enough'))
    expect(await call).toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } })
    await flush()
    expect([g.calls.length, g.clock.timers]).toEqual([1, 0])
  })

  test('that ends while a signature is made sends nothing', async () => {
    let give = (_: string) => {}
    const { client, calls, records } = gateway(undefined, {
      secret: undefined,
      sign: () =>
        new Promise((resolve) => {
          give = resolve
        }),
    })
    const abort = new AbortController()
    const call = rejection(client.get('x', {}, { signal: abort.signal }))
    await flush()
    abort.abort()
    expect(await call).toMatchObject({ code: 'ABORTED' })
    give('S')
    await flush()
    expect([calls, records]).toEqual([[], []])
  })

  test('that ends after the answer changes nothing, and is let go', async () => {
    const abort = new AbortController()
    const { signal } = abort
    let listeners = 0
    for (const [method, step] of [
      ['addEventListener', 1],
      ['removeEventListener', -1],
    ] as const) {
      const original = signal[method].bind(signal) as (...given: unknown[]) => void
      Object.defineProperty(signal, method, {
        value: (...given: unknown[]) => {
          listeners += step
          original(...given)
        },
      })
    }
    const g = gateway()
    await Promise.all(Array.from({ length: 9 }, () => g.client.get('x', {}, { signal })))
    expect([listeners, g.clock.timers]).toEqual([0, 0])
    abort.abort()
    expect((await g.client.get('x')).data).toEqual({})
  })

  test('says so before the timeout does, and the timeout before the signal, whichever comes first', async () => {
    const { client, clock } = gateway(never)
    const abort = new AbortController()
    const late = rejection(client.get('x', {}, { signal: abort.signal, timeout: 10 }))
    const long = rejection(client.get('x', {}, { signal: abort.signal, timeout: 20 }))
    await clock.advance(10)
    abort.abort()
    expect([(await late).code, (await long).code]).toEqual(['TIMEOUT', 'ABORTED'])
  })
})

describe('close()', () => {
  const CLOSED = { code: 'CLOSED', provider: 'prism', retryable: false }

  test('ends the calls that are under way, and their requests', async () => {
    const { client, clock, calls } = gateway(never)
    const all = [
      client.get('x'),
      client.post('x'),
      client.oauth.exchange('c'),
      client.oauth.checkSession('s'),
    ].map(rejection)
    await until(() => calls.length === 4)
    await client.close()
    for (const error of await Promise.all(all)) expect(error).toMatchObject(CLOSED)
    expect(calls.every(({ init }) => init.signal!.aborted)).toBe(true)
    expect(clock.timers).toBe(0)
  })

  test('ends pauses', async () => {
    const g = patient(status(500))
    const call = rejection(g.client.get('x'))
    await until(() => g.clock.timers === 1)
    await g.client.close()
    expect(await call).toMatchObject(CLOSED)
    await g.clock.advance(60_000)
    expect([g.calls.length, g.clock.timers]).toEqual([1, 0])
  })

  test.each<[string, Partial<PrismClientOptions>]>([
    ['a signature', { secret: undefined, sign: () => new Promise<string>(() => {}) }],
    ['an access token', { accessToken: () => new Promise<string>(() => {}) }],
  ])('does not wait for %s', async (_, options) => {
    const { client, clock } = gateway(undefined, options)
    let error: unknown
    client.get('x').catch((reason) => {
      error = reason
    })
    await flush()
    await client.close()
    await flush()
    expect(error).toMatchObject(CLOSED)
    expect(clock.timers).toBe(0)
  })

  test('lets no call begin afterwards', async () => {
    const { client, calls, clock } = gateway()
    await client.close()
    for (const call of [
      () => client.get('x'),
      () => client.post('x'),
      () => client.request('PATCH', 'x'),
      () => client.oauth.exchange('c'),
      () => client.oauth.refresh('r'),
      () => client.oauth.checkSession('s'),
    ]) {
      expect(await rejection(call())).toMatchObject({
        ...CLOSED,
        message: expect.stringContaining('make another'),
      })
    }
    expect(() => client.notify()).toThrow(expect.objectContaining(CLOSED))
    expect([calls.length, clock.timers]).toEqual([0, 0])
  })

  test('may be called twice, by `await using`, and before anything else', async () => {
    const { client } = gateway()
    await Promise.all([client.close(), client.close(), client[Symbol.asyncDispose]()])
    await client.close()
  })

  test('of one client leaves another alone', async () => {
    const [one, two] = [gateway(), gateway()]
    await one.client.close()
    expect((await two.client.get('x')).status).toBe(200)
  })
})

test('a hundred calls at once are a hundred requests, and leave nothing', async () => {
  const { client, calls, clock } = gateway(({ query }) => ok(Object.fromEntries(query).n))
  const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => client.get('x', { n })))
  expect(answers.map(({ data }) => data)).toEqual(Array.from({ length: 100 }, (_, n) => String(n)))
  expect([calls.length, clock.timers]).toEqual([100, 0])
})

test('calls that nobody awaits are no unhandled rejections', async () => {
  const g = gateway(never)
  const abort = new AbortController()
  const all = [
    g.client.get('x', {}, { signal: abort.signal }),
    g.client.get('x', {}, { timeout: 10 }),
    g.client.get('x'),
  ].map((call) => call.catch((error) => error))
  await flush()
  abort.abort('enough')
  await g.clock.advance(10)
  await g.client.close()
  const errors = await Promise.all(all)
  expect(errors.map(({ code }) => code)).toEqual(['ABORTED', 'TIMEOUT', 'CLOSED'])
  expect(everything(errors)).not.toContain('marker-')
})
