// A refresh that fails, that somebody does not wait for any more, or that never ends.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { CONFIG, ok } from './gateway.ts'
import { bearers, user } from './user.ts'

describe('a refresh', () => {
  test('goes on for the others when one of those who wait has had enough', async () => {
    let answer = (_: Response) => {}
    const u = user(0, {
      token: () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    })
    const abort = new AbortController()
    const first = rejection(u.as.get('a', {}, { signal: abort.signal }))
    const late = rejection(u.as.get('a', {}, { timeout: 10 }))
    const explicit = rejection(u.as.refresh({ signal: abort.signal }))
    const patient = u.as.get('a')
    await until(() => u.tokens().length === 1)
    abort.abort()
    await u.clock.advance(10)
    expect([(await first).code, (await late).code, (await explicit).code]).toEqual([
      'ABORTED',
      'TIMEOUT',
      'ABORTED',
    ])
    expect(u.tokens()[0]!.init.signal!.aborted).toBe(false)
    answer(ok({ access_token: 'A2', expires_in: 1_800_000_000 }))
    await patient
    expect([u.tokens().length, bearers(u.others())]).toEqual([1, ['Bearer A2']])
  })

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('disk full')
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full'))],
    ['rejects with a text', () => Promise.reject('disk full')],
  ])(
    'that cannot be kept, since the callback %s, is the failure of all who wait, and nothing is sent',
    async (_, refreshed) => {
      const u = user(0, { refreshed })
      const errors = await Promise.all([u.as.get('a'), u.as.post('a'), u.as.refresh()].map(rejection))
      for (const error of errors) {
        expect(error).toEqual(CONFIG)
        expect(error.cause).toMatchObject({ message: 'disk full' })
      }
      expect([u.tokens().length, u.others().length]).toEqual([1, 0])
    },
  )

  test('that is refused fails the calls, which send nothing, and the next call asks again', async () => {
    let refuse = true
    const u = user(0, {
      token: () =>
        refuse
          ? Response.json({ error: { code: 'invalid_grant', message: 'used' } }, { status: 400 })
          : ok({ access_token: 'A2', expires_in: 1_800_000_000 }),
    })
    const errors = await Promise.all([u.as.get('a'), u.as.get('a'), u.as.post('a')].map(rejection))
    expect(errors.map(({ code }) => code)).toEqual(['PROVIDER', 'PROVIDER', 'PROVIDER'])
    expect([u.tokens().length, u.others().length, u.as.session.accessToken]).toEqual([1, 0, 'A1'])
    refuse = false
    await u.as.get('a')
    expect(bearers(u.others())).toEqual(['Bearer A2'])
  })

  test('ends with the signal or the time of who asked', async () => {
    const u = user(0, { token: () => new Promise(() => {}) })
    const abort = new AbortController()
    const ends = [u.as.refresh({ timeout: 10 }), u.as.refresh({ signal: abort.signal })].map(rejection)
    expect(await rejection(u.as.refresh({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'ABORTED' })
    await u.clock.advance(10)
    abort.abort()
    expect((await Promise.all(ends)).map(({ code }) => code)).toEqual(['TIMEOUT', 'ABORTED'])
    const own = rejection(u.as.refresh())
    await u.clock.advance(30_000)
    expect(await own).toMatchObject({ code: 'TIMEOUT' })
    expect(u.clock.timers).toBe(0)
  })

  test('that never ends, as in Workers with the request that began it, is begun anew after a minute', async () => {
    let hangs = true
    const u = user(0, {
      token: () => (hangs ? new Promise(() => {}) : ok({ access_token: 'A2', expires_in: 1_800_000_000 })),
    })
    u.as.get('a').catch(() => {})
    await until(() => u.tokens().length === 1)
    u.clock.forget()
    u.clock.sleep(59_999)
    const call = rejection(u.as.get('a', {}, { timeout: 10 }))
    await u.clock.advance(10)
    expect([(await call).code, u.tokens().length]).toEqual(['TIMEOUT', 1])
    hangs = false
    await u.as.get('a')
    expect([u.tokens().length, bearers(u.others())]).toEqual([2, ['Bearer A2']])
    await u.client.close()
  })

  test('ends with the client, wherever it is', async () => {
    for (const options of [
      { token: () => new Promise<Response>(() => {}) },
      { refreshed: () => new Promise(() => {}) },
    ]) {
      const u = user(0, options)
      const all = [u.as.get('a'), u.as.refresh(), u.as.post('a')].map(rejection)
      await until(() => u.tokens().length === 1)
      await flush()
      await u.client.close()
      expect((await Promise.all(all)).map(({ code }) => code)).toEqual(['CLOSED', 'CLOSED', 'CLOSED'])
      expect([u.others().length, u.clock.timers]).toEqual([0, 0])
      expect(await rejection(u.as.get('a'))).toMatchObject({ code: 'CLOSED' })
      expect(await rejection(u.as.refresh())).toMatchObject({ code: 'CLOSED' })
    }
  })
})
