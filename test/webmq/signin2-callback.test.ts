// The sign-in of version 2 by a callback.
import type { WampChallenge } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { CHALLENGE, challenged, greeted, signing } from './signin2.ts'

describe('a callback', () => {
  test('gets what the router asks for, by either method', async () => {
    for (const [method, extra, expected] of [
      ['wampcra', { challenge: CHALLENGE }, { challenge: CHALLENGE, salt: undefined }],
      [
        'wampcra',
        { challenge: CHALLENGE, salt: 's' },
        { challenge: CHALLENGE, salt: { salt: 's', iterations: 1_000, keylen: 32 } },
      ],
      ['ticket', {}, { challenge: '', salt: undefined }],
    ] as const) {
      const asks: WampChallenge[] = []
      const b = signing({ id: 'joe', sign: async (asked) => `for ${asks.push(asked)}` })
      const script = await greeted(b)
      expect(await challenged(script, method, extra)).toEqual([5, 'for 1', {}])
      expect(asks).toEqual([{ method, ...expected, signal: expect.any(AbortSignal) }])
    }
  })

  test.each(['', undefined, null, 5, {}])('that gives %j is CONFIG, for good', async (given) => {
    const b = signing({ id: 'joe', sign: () => given as string })
    const connecting = rejection(b.session.connect())
    await flush()
    b.script.open()
    b.script.send(4, 'wampcra', { challenge: CHALLENGE })
    expect(await connecting).toMatchObject({ code: 'CONFIG' })
    expect([b.session.state, b.script.of(5)]).toEqual(['closed', []])
  })

  test('that throws costs an attempt, and is asked again with the next one', async () => {
    let calls = 0
    const sign = () => {
      if (++calls === 1) throw new Error('hsm down')
      return 'SIGNED'
    }
    const b = signing({ id: 'joe', sign })
    await challenged(await greeted(b), 'wampcra', { challenge: CHALLENGE })
    expect(b.errors[0]).toMatchObject({ code: 'CONNECT_FAILED', cause: { message: 'hsm down' } })
    const script = await b.redial()
    script.open()
    expect(await challenged(script, 'wampcra', { challenge: CHALLENGE })).toEqual([5, 'SIGNED', {}])
  })

  test('that throws an IsomqError of its own is what the user sees', async () => {
    const { IsomqError } = await import('isomq/errors')
    const own = new IsomqError('webmq', 'AUTH_REJECTED', 'log in again')
    const b = signing({ id: 'joe', sign: () => Promise.reject(own) })
    const connecting = rejection(b.session.connect())
    await flush()
    b.script.open()
    b.script.send(4, 'wampcra', { challenge: CHALLENGE })
    expect(await connecting).toBe(own)
  })

  test('that hangs is given up with the attempt, whose signal tells it; what it gives then is dropped', async () => {
    const asks: { signal: AbortSignal; give: (signature: string) => void }[] = []
    const sign = ({ signal }: WampChallenge) => new Promise<string>((give) => asks.push({ signal, give }))
    const b = signing({ id: 'joe', sign }, { connectTimeout: 5_000 })
    const first = await greeted(b)
    first.send(4, 'wampcra', { challenge: CHALLENGE })
    await b.clock.advance(5_000)
    expect(b.errors[0]).toMatchObject({ code: 'CONNECT_TIMEOUT' })
    expect(asks[0]!.signal.aborted).toBe(true)
    const second = await b.redial()
    second.open()
    second.send(4, 'wampcra', { challenge: CHALLENGE })
    await flush()
    asks[0]!.give('stale')
    await flush()
    expect([first.of(5), second.of(5)]).toEqual([[], []])
    asks[1]!.give('fresh')
    await flush()
    expect(second.of(5)).toEqual([['fresh', {}]])
  })
})

test('a router that lets the client in before it has answered gets no answer any more', async () => {
  let give = (_: string) => {}
  const sign = () =>
    new Promise<string>((resolve) => {
      give = resolve
    })
  const b = signing({ id: 'joe', sign })
  const script = await greeted(b)
  script.send(4, 'wampcra', { challenge: CHALLENGE })
  await flush()
  script.welcome()
  give('late')
  await flush()
  expect([b.session.state, script.of(5)]).toEqual(['open', []])
})
