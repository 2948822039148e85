import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { benchOf, connected } from './harness.ts'
import type { ContractPlug } from './plug.ts'

const IDLE = 120_000
const GRACE = 10_000
const MINUTE = 60_000

export function idle(plug: ContractPlug): void {
  const bench = benchOf(plug)
  const { answers } = plug.traits

  describe('A3 · a socket that is open while nothing flows', () => {
    test('A3 · is replaced within the idle limit and its grace', async () => {
      const b = bench({ idleTimeout: IDLE })
      const { socket } = await connected(b)
      await b.clock.advance(IDLE - 1)
      expect(b.client.state).toBe('open')
      await b.clock.advance(1)
      // A line that can be asked for a sign of life gets its time for it.
      if (!socket.isOver) await b.clock.advance(GRACE)
      expect([socket.isOver, b.network.sockets.length]).toEqual([true, 2])
      await b.signIn()
      expect(b.client.state).toBe('open')
      const told = b.statuses.flatMap((status) => (status.type === 'disconnected' ? [status.error] : []))
      expect(told[0]).toMatchObject({ code: 'CONNECTION_LOST' })
    })

    test('A3 · is replaced by the next minute when timers fire only once a minute', async () => {
      const b = bench({ idleTimeout: IDLE })
      const { socket } = await connected(b)
      b.clock.throttled = true
      await b.clock.advance(IDLE + GRACE + MINUTE)
      expect([socket.isOver, b.network.sockets.length]).toEqual([true, 2])
    })

    test('A3 · stays when anything arrives, throttled or not', async () => {
      for (const throttled of [false, true]) {
        const b = bench({ idleTimeout: IDLE })
        b.client.on('message', () => {})
        const server = await connected(b)
        b.clock.throttled = throttled
        for (let n = 1; n <= 20; n++) {
          await b.clock.advance(IDLE - MINUTE)
          server.deliver(n)
        }
        expect([b.client.state, b.network.sockets.length]).toEqual(['open', 1])
      }
    })

    if (!plug.traits.watched) {
      test('A3 · is trusted for ever with idleTimeout 0', async () => {
        const b = bench({ idleTimeout: 0 })
        await connected(b)
        await b.clock.advance(86_400_000)
        expect(b.network.sockets).toHaveLength(1)
      })
    }
  })

  describe('A4 · the machine sleeps for ten minutes', () => {
    test(`A4 · with data waiting to be read, the connection ${answers ? 'and a pending call survive' : 'survives'}`, async () => {
      const b = bench({ idleTimeout: IDLE })
      const seen: string[] = []
      b.client.on('message', ({ id }) => seen.push(id))
      const server = await connected(b)
      const call = answers ? plug.call(b.client, 'x') : undefined
      await flush()
      b.clock.sleep(600_000)
      // Timers that are due run before the socket's data is read.
      await b.clock.advance(0)
      server.deliver(1)
      if (call) server.answer('x')
      await call
      await b.clock.advance(5_000)
      expect([b.client.state, b.network.sockets.length, seen]).toEqual(['open', 1, ['1']])
    })

    test('A4 · with nothing waiting, the dead line is replaced soon after', async () => {
      const b = bench({ idleTimeout: IDLE })
      const { socket } = await connected(b)
      b.clock.sleep(600_000)
      await b.clock.advance(GRACE + 2_000)
      expect([socket.isOver, b.network.sockets.length > 1]).toEqual([true, true])
    })

    test('A4 · a sleep during a pause delays the retry by a moment only', async () => {
      const b = bench()
      ;(await connected(b)).socket.drop()
      await flush()
      b.clock.sleep(600_000)
      await b.clock.advance(1_000)
      expect(b.network.sockets).toHaveLength(2)
    })

    test('A4 · a clock that is set back neither kills the line nor keeps a dead one for ever', async () => {
      const b = bench({ idleTimeout: IDLE })
      await connected(b)
      b.clock.sleep(-3_600_000)
      await b.clock.advance(1_000)
      expect(b.client.state).toBe('open')
      await b.clock.advance(3_600_000 + IDLE + GRACE)
      expect(b.network.sockets.length).toBeGreaterThanOrEqual(2)
    })
  })

  describe('A20 · timers that ended with the request that made them', () => {
    test('A20 · a retry that was never made is made by the next who needs the connection', async () => {
      const b = bench()
      ;(await connected(b)).socket.drop()
      await flush()
      b.clock.forget()
      b.clock.sleep(5_000)
      const call = plug.call(b.client, 'x')
      const server = await b.signIn()
      server.answer('x')
      await call
      expect(b.network.sockets).toHaveLength(2)
    })

    test('A20 · an attempt that nobody gave up is given up by the next who needs the connection', async () => {
      const b = bench()
      b.client.connect().catch(() => {})
      await flush()
      b.clock.forget()
      b.clock.sleep(60_000)
      const connecting = b.client.connect({ timeout: 0 })
      await b.redial()
      await b.signIn()
      await connecting
      expect(b.errors[0]).toMatchObject({ code: 'CONNECT_TIMEOUT' })
    })

    test('A20 · and says so when no further attempt may be made', async () => {
      const b = bench({ reconnect: false })
      const first = rejection(b.client.connect())
      await flush()
      b.clock.forget()
      b.clock.sleep(60_000)
      for (const error of [await rejection(b.client.connect()), await first]) {
        expect(error).toMatchObject({ code: 'CONNECT_TIMEOUT' })
      }
      expect(b.client.state).toBe('closed')
    })

    test('A20 · and says so to a call, too', async () => {
      const b = bench({ reconnect: false })
      const first = rejection(plug.call(b.client, 'x', { timeout: 0 }))
      await flush()
      b.clock.forget()
      b.clock.sleep(60_000)
      const second = await rejection(plug.call(b.client, 'y', { timeout: 0 }))
      expect(await first).toMatchObject({ code: 'CONNECT_TIMEOUT' })
      expect(JSON.stringify([second.code, (second.cause as { code?: string })?.code])).toContain(
        'CONNECT_TIMEOUT',
      )
    })
  })
}
