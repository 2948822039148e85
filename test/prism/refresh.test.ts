// A user's session, refreshed ahead of its end.
import type { PrismSession } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { CONFIG, isSigned, ok, value } from './gateway.ts'
import { bearers, user } from './user.ts'

describe('a refresh', () => {
  test.each([
    [3_600_000, 0],
    [60_000, 0],
    [59_999, 1],
    [0, 1],
    [-86_000_000, 1],
  ])('with %d ms left is made %d times', async (left, times) => {
    const u = user(left)
    await u.as.get('a')
    expect(u.tokens()).toHaveLength(times)
    expect(bearers(u.others())).toEqual([times ? 'Bearer A2' : 'Bearer A1'])
  })

  test('is a signed form without the old access token', async () => {
    const u = user(0)
    await u.as.get('a')
    const [call] = u.tokens()
    expect([value(call!, 'refresh_token'), value(call!, 'grant_type'), isSigned(call!)]).toEqual([
      'R1',
      'refresh_token',
      true,
    ])
    expect(call!.headers.has('authorization')).toBe(false)
  })

  test('is made once for 50 calls at once, and the next one with the next token', async () => {
    const told: string[] = []
    const u = user(0, { refreshed: ({ accessToken }) => void told.push(accessToken) })
    for (const [token, refresh] of [
      ['A2', 'R1'],
      ['A3', 'R2'],
    ]) {
      u.calls.length = 0
      await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 ? u.as.get('a') : u.as.post('a'))))
      expect(u.tokens().map((call) => value(call, 'refresh_token'))).toEqual([refresh])
      expect(new Set(bearers(u.others()))).toEqual(new Set([`Bearer ${token}`]))
      expect([u.others().length, u.as.session.accessToken]).toEqual([50, token])
      u.clock.sleep(3_600_000)
    }
    expect(told).toEqual(['A2', 'A3'])
    expect(u.session.accessToken).toBe('A1')
  })

  test('is told before anything uses it, and its keeping is waited for', async () => {
    const told: PrismSession[] = []
    let kept = () => {}
    const u = user(0, {
      refreshed(session) {
        told.push(session)
        return new Promise<void>((resolve) => {
          kept = resolve
        })
      },
    })
    const calls = Promise.all([u.as.get('a'), u.as.post('a'), u.as.refresh()])
    await until(() => told.length === 1)
    await flush()
    expect(u.others()).toEqual([])
    const late = u.as.get('a')
    await flush()
    expect(u.others()).toEqual([])
    kept()
    await calls
    await late
    expect(told).toEqual([
      {
        accessToken: 'A2',
        expiresAt: 1_700_003_600_000,
        refreshToken: 'R2',
        refreshExpiresAt: 1_700_086_400_000,
        sessionId: 'S',
        data: { n: 2 },
      },
    ])
    expect(u.as.session).toEqual(told[0])
    expect(bearers(u.others())).toEqual(['Bearer A2', 'Bearer A2', 'Bearer A2'])
  })

  test('is not tried without a refresh token: the server says what it thinks of the old one', async () => {
    for (const fields of [{ refreshToken: undefined }, { refreshExpiresAt: 1_700_000_000_000 }]) {
      const u = user(-1, { ...fields, answer: () => Response.json({ error: 'expired' }, { status: 401 }) })
      expect(await rejection(u.as.get('a'))).toMatchObject({ code: 'AUTH_REJECTED' })
      expect([u.tokens().length, bearers(u.calls)]).toEqual([0, ['Bearer A1']])
    }
    const u = user(3_600_000, { refreshToken: undefined })
    expect(await rejection(u.as.refresh())).toEqual(CONFIG)
    expect(u.calls).toEqual([])
  })

  test('is tried once when the server refuses the token before its time, and the call goes out again', async () => {
    const refuseFirst = (expected: number) => {
      let refusals = 0
      return user(3_600_000, {
        answer: () =>
          refusals++ < expected
            ? Response.json({ error: 'expired' }, { status: 401 })
            : Response.json({ ok: true }),
      })
    }
    const once = refuseFirst(1)
    expect((await once.as.post('a')).data).toEqual({ ok: true })
    expect(bearers(once.others())).toEqual(['Bearer A1', 'Bearer A2'])
    const always = refuseFirst(9)
    expect(await rejection(always.as.get('a'))).toMatchObject({ code: 'AUTH_REJECTED' })
    expect([always.tokens().length, bearers(always.others())]).toEqual([1, ['Bearer A1', 'Bearer A2']])
  })

  test('is tried when nobody knows when the refresh token ends', async () => {
    const u = user(0, { refreshExpiresAt: undefined })
    await u.as.get('a')
    expect(bearers(u.others())).toEqual(['Bearer A2'])
  })

  test('can be asked for, is shared, and calls that begin meanwhile wait for it', async () => {
    let answer = (_: Response) => {}
    const u = user(3_600_000, {
      token: () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    })
    const both = Promise.all([u.as.refresh(), u.as.refresh()])
    const call = u.as.get('a')
    await until(() => u.tokens().length === 1)
    await flush()
    expect(u.others()).toEqual([])
    answer(ok({ access_token: 'A2', expires_in: 1_800_000_000 }))
    const [one, two] = await both
    await call
    expect([one, u.tokens().length, bearers(u.others())]).toEqual([two, 1, ['Bearer A2']])
    expect([one!.accessToken, u.clock.timers]).toEqual(['A2', 0])
  })
})
