// Calls in the name of a user.
import { type PrismSession, signRequest } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { until } from '../support/events.ts'
import { type Call, CONFIG, gateway, isSigned, ok, value } from './gateway.ts'
import { bearers, user } from './user.ts'

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
