// How long a call may take, and who may end it.
import type { PrismClientOptions } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { never, patient, status } from './attempts.ts'
import { CONFIG, gateway } from './gateway.ts'

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
