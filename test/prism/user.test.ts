// Calls in the name of a user, whose session is refreshed ahead of its end.
import { type PrismSession, signRequest } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { type Answer, type Call, CONFIG, gateway, isSigned, ok, value } from './gateway.ts'

const isToken = ({ url }: Call) => url.pathname === '/oauth/token'

/** A user whose access token has so many milliseconds left. The server gives new ones of an hour each. */
function user(
  left: number,
  {
    token,
    answer = () => ok(),
    refreshed,
    ...fields
  }: Partial<PrismSession> & {
    token?: Answer
    answer?: Answer
    refreshed?: (session: PrismSession) => unknown
  } = {},
) {
  let given = 1
  const g = gateway((call) => {
    if (!isToken(call)) return answer(call)
    if (token) return token(call)
    given++
    const seconds = Math.floor(g.clock.now() / 1000)
    return ok({
      access_token: `A${given}`,
      expires_in: seconds + 3600,
      refresh_token: `R${given}`,
      refresh_expires: seconds + 86_400,
      session_id: 'S',
      data: { n: given },
    })
  })
  const session: PrismSession = Object.freeze({
    accessToken: 'A1',
    expiresAt: g.clock.now() + left,
    refreshToken: 'R1',
    refreshExpiresAt: g.clock.now() + 86_400_000,
    sessionId: 'S',
    data: {},
    ...fields,
  })
  const as = g.client.as(session, refreshed)
  return {
    ...g,
    session,
    as,
    tokens: () => g.calls.filter(isToken),
    others: () => g.calls.filter((call) => !isToken(call)),
  }
}

const bearers = (calls: readonly Call[]) => calls.map(({ headers }) => headers.get('authorization'))

describe('calls as a user', () => {
  test('carry the access token, and it is signed', async () => {
    const u = user(3_600_000)
    await u.as.get('a', { p: 1 })
    await u.as.post('a', { p: 1 })
    await u.as.put('a')
    await u.as.delete('a')
    await u.as.request('PATCH', 'a')
    expect(bearers(u.calls)).toEqual(Array.from({ length: 5 }, () => 'Bearer A1'))
    expect(u.calls.every((call) => isSigned(call))).toBe(true)
    const [{ method, url, query }] = u.calls as [Call]
    expect(signRequest({ method, path: url.pathname, query, secret: 'marker-secret' })).not.toBe(
      value(u.calls[0]!, 'sign'),
    )
  })

  test('leave those of the client and of other users alone', async () => {
    const u = user(3_600_000)
    const other = u.client.as({ ...u.session, accessToken: 'B1' })
    await u.client.get('a')
    await other.get('a')
    await u.as.get('a')
    expect(bearers(u.calls)).toEqual([null, 'Bearer B1', 'Bearer A1'])
  })

  test('are tried again with the token of that moment', async () => {
    let failed = false
    const u = user(60_300, {
      answer: () => {
        if (failed) return ok()
        failed = true
        return new Response('', { status: 500 })
      },
    })
    const call = u.as.get('a')
    await until(() => u.clock.timers === 2)
    await u.clock.advance(500)
    await call
    expect(bearers(u.others())).toEqual(['Bearer A1', 'Bearer A2'])
    expect(u.others().every((one) => isSigned(one))).toBe(true)
  })
})

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

describe('a session that is none', () => {
  test.each([undefined, null, 'A1', {}, { accessToken: 5 }, { access_token: 'A1' }])(
    'such as %j is refused',
    (session) => {
      expect(() => gateway().client.as(session as unknown as PrismSession)).toThrow(CONFIG)
    },
  )

  test('is one thing, a callback that is none another', () => {
    const { client } = gateway()
    const session = { accessToken: 'A1' } as PrismSession
    expect(() => client.as(session, 5 as unknown as () => void)).toThrow(CONFIG)
  })
})
