// What is left of calls when their client is closed, or nobody waits for them.
import type { PrismClientOptions } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { never, patient, status } from './attempts.ts'
import { gateway, ok } from './gateway.ts'

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
