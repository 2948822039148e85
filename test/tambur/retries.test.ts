// When a publish is tried again, and what ends it.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { CONFIG, watch } from './bench.ts'
import { type Answer, isSigned, pauses, type Service, service, taken } from './service.ts'

const status = (code: number) => () => new Response('', { status: code })
const unreachable = (code: string) => () =>
  Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('connect'), { code }) }))
const brokenOff: Answer = () =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"half'))
        controller.error(new TypeError('terminated'))
      },
    }),
  )

/** A service whose calls have no time limit, so that the only timers are pauses. */
const patient = (answer: Answer, options: object = {}): Service => service(answer, { timeout: 0, ...options })

describe('publish() is tried again', () => {
  test.each<[string, Answer, string]>([
    ['says that it is busy (503)', status(503), 'HTTP'],
    ['says that there is too much (429)', status(429), 'HTTP'],
    ['is not there (ECONNREFUSED)', unreachable('ECONNREFUSED'), 'CONNECT_FAILED'],
    ['is not there, in Bun (ConnectionRefused)', unreachable('ConnectionRefused'), 'CONNECT_FAILED'],
    ['has no address (ENOTFOUND)', unreachable('ENOTFOUND'), 'CONNECT_FAILED'],
    ['has none for now (EAI_AGAIN)', unreachable('EAI_AGAIN'), 'CONNECT_FAILED'],
  ])('twice when the service %s: it has certainly not taken it', async (_, answer, code) => {
    const s = patient(answer)
    const publishing = rejection(s.publisher.publish('news', 'x'))
    expect(await pauses(s.clock, publishing)).toEqual([500, 500])
    expect([(await publishing).code, s.calls.length]).toEqual([code, 3])
  })

  test.each<[string, Answer, string]>([
    ['an error (500)', status(500), 'HTTP'],
    ['a bad gateway (502)', status(502), 'HTTP'],
    ['a gateway’s timeout (504)', status(504), 'HTTP'],
    ['a refusal (400)', status(400), 'HTTP'],
    ['a refused signature (401)', status(401), 'AUTH_REJECTED'],
    ['a redirect (302)', status(302), 'HTTP'],
    ['an answer that breaks off', brokenOff, 'CONNECTION_LOST'],
    ['a connection that breaks', unreachable('ECONNRESET'), 'CONNECT_FAILED'],
    ['a socket that times out', unreachable('ETIMEDOUT'), 'CONNECT_FAILED'],
    ['a broken pipe', unreachable('EPIPE'), 'CONNECT_FAILED'],
    ['a failure without a reason', () => Promise.reject(new TypeError('fetch failed')), 'CONNECT_FAILED'],
  ])('never after %s: it may have been taken', async (_, answer, code) => {
    const s = patient(answer, { retries: 5 })
    expect(await rejection(s.publisher.publish('news', 'x'))).toMatchObject({ code })
    expect([s.calls.length, s.clock.timers]).toEqual([1, 0])
  })

  test('never after a timeout', async () => {
    const s = service(() => new Promise(() => {}), { timeout: 3_000, retries: 5 })
    const publishing = rejection(s.publisher.publish('news', 'x'))
    while (s.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 0))
    await s.clock.advance(3_000)
    expect(await publishing).toMatchObject({ code: 'TIMEOUT' })
    await s.clock.advance(600_000)
    expect([s.calls.length, s.calls[0]!.init.signal?.aborted, s.clock.timers]).toEqual([1, true, 0])
  })

  test('with a nonce, a time and a signature of its own each time', async () => {
    const s = patient(status(503), { retries: 4, random: () => 0.9 })
    const publishing = rejection(s.publisher.publish('news', 'x'))
    await pauses(s.clock, publishing)
    expect(new Set(s.calls.map(({ form }) => form.get('oauth_nonce'))).size).toBe(5)
    expect(new Set(s.calls.map(({ form }) => form.get('oauth_signature'))).size).toBe(5)
    expect(s.calls.map(({ form }) => Number(form.get('oauth_timestamp')))).toEqual(
      s.calls.map(({ at }) => Math.floor(at / 1000)),
    )
    expect((await Promise.all(s.calls.map((call) => isSigned(call)))).every(Boolean)).toBe(true)
  })

  test('until it is taken', async () => {
    const answers = [status(503), unreachable('ECONNREFUSED'), taken]
    const s = patient(() => answers.shift()!())
    const publishing = s.publisher.publish('news', 'x')
    expect(await pauses(s.clock, publishing)).toHaveLength(2)
    await publishing
    expect([s.calls.length, s.clock.timers]).toEqual([3, 0])
  })

  test('but not when what comes then may have been taken', async () => {
    const answers = [status(503), status(500), taken]
    const s = patient(() => answers.shift()!(), { retries: 9 })
    const publishing = rejection(s.publisher.publish('news', 'x'))
    await pauses(s.clock, publishing)
    expect([await publishing, s.calls.length]).toMatchObject([{ details: { status: 500 } }, 2])
  })

  test('as often as the option says', async () => {
    for (const [retries, times] of [
      [0, 1],
      [1, 2],
      [5, 6],
    ] as const) {
      const s = patient(status(503), { retries })
      await pauses(s.clock, rejection(s.publisher.publish('news', 'x')))
      expect(s.calls.length).toBe(times)
    }
  })

  test('after ever longer pauses, and never longer than 30 seconds', async () => {
    const s = patient(status(503), { retries: 8, random: () => 1 - 2 ** -32 })
    expect(await pauses(s.clock, rejection(s.publisher.publish('news', 'x')))).toEqual([
      4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000,
    ])
  })
})

describe('publish() ends', () => {
  test('with TIMEOUT after 30 seconds, its retries included', async () => {
    const s = service(status(503), { retries: 1_000 })
    const publishing = watch(s.publisher.publish('news', 'x'))
    while (publishing.state === 'pending') {
      await new Promise((resolve) => setTimeout(resolve, 0))
      if (s.clock.untilNext !== undefined) await s.clock.advance(Math.min(s.clock.untilNext, 500))
    }
    expect(publishing.state).toBe('TIMEOUT')
    const { length } = s.calls
    await s.clock.advance(600_000)
    expect([s.calls.length, s.clock.timers]).toEqual([length, 0])
  })

  test('by the timeout of its call or of the options', async () => {
    for (const [options, call, after] of [
      [{ timeout: 700 }, {}, 700],
      [{ timeout: 700 }, { timeout: 90 }, 90],
    ] as const) {
      const s = service(() => new Promise(() => {}), options)
      const publishing = watch(s.publisher.publish('news', 'x', call))
      while (s.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 0))
      await s.clock.advance(after - 1)
      expect(publishing.state).toBe('pending')
      await s.clock.advance(1)
      expect([publishing.state, s.clock.timers]).toEqual(['TIMEOUT', 0])
    }
  })

  test('never by itself with timeout 0', async () => {
    const s = service(() => new Promise(() => {}))
    const publishing = watch(s.publisher.publish('news', 'x', { timeout: 0 }))
    await s.clock.advance(86_400_000)
    expect([publishing.state, s.clock.timers]).toEqual(['pending', 0])
  })

  test('by its signal, which breaks off the request', async () => {
    const s = service(() => new Promise(() => {}))
    const abort = new AbortController()
    const publishing = rejection(s.publisher.publish('news', 'x', { signal: abort.signal }))
    while (s.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 0))
    abort.abort('enough')
    expect(await publishing).toMatchObject({ code: 'ABORTED', cause: 'enough' })
    expect([s.calls[0]!.init.signal?.aborted, s.clock.timers]).toEqual([true, 0])
  })

  test('by its signal during a pause, after which nothing is sent', async () => {
    const s = service(status(503))
    const abort = new AbortController()
    const publishing = rejection(s.publisher.publish('news', 'x', { signal: abort.signal }))
    while (s.clock.timers < 2) await new Promise((resolve) => setTimeout(resolve, 0))
    abort.abort()
    expect(await publishing).toMatchObject({ code: 'ABORTED' })
    await s.clock.advance(600_000)
    expect([s.calls.length, s.clock.timers]).toEqual([1, 0])
  })

  test('by a signal that has ended before anything is sent', async () => {
    const s = service()
    const error = await rejection(s.publisher.publish('news', 'x', { signal: AbortSignal.abort('no') }))
    await flush()
    expect([error.code, error.cause, s.calls]).toEqual(['ABORTED', 'no', []])
  })

  test.each([-1, Number.NaN])('at once with a timeout of %d', async (timeout) => {
    const s = service()
    await expect(s.publisher.publish('news', 'x', { timeout })).rejects.toEqual(CONFIG)
    expect(s.calls).toEqual([])
  })

  test('and an answer that comes after it changes nothing', async () => {
    let answer = (_: Response) => {}
    const s = service(() => new Promise((resolve) => (answer = resolve)))
    const publishing = rejection(s.publisher.publish('news', 'x', { timeout: 100 }))
    while (s.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 0))
    await s.clock.advance(100)
    await publishing
    answer(new Response('', { status: 503 }))
    await s.clock.advance(600_000)
    expect([s.calls.length, s.clock.timers]).toEqual([1, 0])
  })
})
