// Calls that nobody waits for any more, and how the router hears of it.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench2 } from './bench.ts'

describe('a call of version 2 that is given up', () => {
  const CANCELING = { roles: { dealer: { features: { call_canceling: true } } } }
  const connect = async (details: object) => {
    const b = bench2({ idleTimeout: 0 })
    const script = await b.dial()
    script.open()
    script.send(2, 7, details)
    await flush()
    return { b, script }
  }

  test.each(['timeout', 'signal'])('is cancelled where the router can: by its %s', async (how) => {
    const { b, script } = await connect(CANCELING)
    const abort = new AbortController()
    const other = b.session.call('other', [], { timeout: 0 })
    const call = rejection(
      b.session.call('p', [], how === 'signal' ? { signal: abort.signal } : { timeout: 300 }),
    )
    await flush()
    if (how === 'signal') abort.abort()
    await b.clock.advance(300)
    expect(await call).toMatchObject({ code: how === 'signal' ? 'ABORTED' : 'TIMEOUT' })
    expect(script.of(49)).toEqual([[2, {}]])
    // The router confirms it by an error, which is nobody's.
    script.send(8, 48, 2, {}, 'wamp.error.canceled')
    script.result('other', 1)
    expect(await other).toBe(1)
    expect(b.session.stats().malformed).toBe(0)
  })

  test.each([
    {},
    { roles: null },
    { roles: { dealer: {} } },
    { roles: { dealer: { features: [] } } },
    { roles: { dealer: { features: { call_canceling: 'yes' } } } },
  ])('is not where it does not say so: %j', async (details) => {
    const { b, script } = await connect(details)
    const call = rejection(b.session.call('p', [], { timeout: 10 }))
    await b.clock.advance(10)
    await call
    expect(script.of(49)).toEqual([])
  })

  test('is not when it was answered, refused or lost, or never sent', async () => {
    const { b, script } = await connect(CANCELING)
    const answered = b.session.call('a', [], { timeout: 10 })
    const refused = rejection(b.session.call('b', [], { timeout: 10 }))
    await flush()
    script.result('a', 1)
    script.fail('b', 'com.example.no', 'x')
    await Promise.all([answered, refused])
    await b.clock.advance(10)
    const lost = rejection(b.session.call('c', [], { timeout: 10 }))
    await flush()
    script.socket.drop()
    await lost
    await b.clock.advance(10)
    const never = rejection(b.session.call('d', [], { timeout: 10 }))
    await b.clock.advance(10)
    await never
    expect(
      b.network.sockets.flatMap(({ sent }) => sent.filter((frame) => /^\[49/.test(String(frame)))),
    ).toEqual([])
  })

  test('on a socket that takes no more rejects all the same', async () => {
    const { b, script } = await connect(CANCELING)
    const call = rejection(b.session.call('p', [], { timeout: 10 }))
    await flush()
    script.socket.sendFails = new Error('gone')
    await b.clock.advance(10)
    expect(['TIMEOUT', 'CONNECTION_LOST']).toContain((await call).code)
  })
})
