import { afterEach, describe, expect, test } from 'vitest'
import { FakeClock, flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { seeded } from '../support/random.ts'
import { fakeNetwork } from '../support/socket.ts'
import { benchOf, connected, nextOf } from './harness.ts'
import type { ContractClient, ContractPlug } from './plug.ts'

export function reconnect(plug: ContractPlug): void {
  const bench = benchOf(plug)

  describe('A1 · reconnection storms', () => {
    test('A1 · 1,000 clients that lose the server at once come back spread out', async () => {
      const clock = new FakeClock()
      const clients: ContractClient[] = []
      const dials: number[][] = []
      let up = true
      for (let i = 0; i < 1_000; i++) {
        const mine: number[] = []
        dials.push(mine)
        const network = fakeNetwork()
        network.onDial = (socket) => {
          mine.push(clock.now())
          queueMicrotask(() => (up ? plug.serve(socket).accept() : socket.drop()))
        }
        const client = plug.create({ clock, random: seeded(i + 1), WebSocket: network.WebSocket })
        clients.push(client)
        client.connect().catch(() => {})
        await flush(20)
        dropAll.push(() => network.last.drop())
      }
      expect(clients.every(({ state }) => state === 'open')).toBe(true)
      await clock.advance(20_000)
      up = false
      const lostAt = clock.now()
      for (const drop of dropAll.splice(0)) drop()
      await clock.advance(10_000)
      const buckets = new Map<number, number>()
      for (const mine of dials) {
        expect(mine[1]).toBe(lostAt)
        const bucket = Math.floor((mine[2]! - lostAt) / 100)
        buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1)
      }
      expect(Math.max(...buckets.values())).toBeLessThanOrEqual(50)
      await Promise.all(clients.map((client) => client.close()))
      expect(clock.timers).toBe(0)
    })
    const dropAll: (() => void)[] = []

    test('A1 · a server that accepts and then hangs up sees at most 2 attempts in 500 ms', async () => {
      for (const signsIn of [true, false]) {
        const b = bench({ idleTimeout: 600_000 })
        const server = await connected(b)
        await b.clock.advance(60_000)
        const dials: number[] = []
        b.network.onDial = (socket) => {
          dials.push(b.clock.now())
          queueMicrotask(() => {
            if (signsIn) plug.serve(socket).accept()
            else socket.open()
            socket.drop(1000)
          })
        }
        server.socket.drop()
        await b.clock.advance(20_000)
        expect(dials.length).toBeGreaterThan(2)
        for (const from of dials) {
          expect(dials.filter((at) => at >= from && at < from + 500).length).toBeLessThanOrEqual(2)
        }
      }
    })
  })

  describe('A2 · the backoff', () => {
    test('A2 · open-then-close twenty times: the delays keep growing up to the longest', async () => {
      const b = bench({ random: () => 0.999 })
      let server = await connected(b)
      for (let i = 0; i < 20; i++) {
        server.socket.drop()
        await flush()
        await b.redial()
        server = await b.signIn()
      }
      const growing = b.delays.filter((delay) => delay < 29_000)
      expect(growing).toEqual([...growing].sort((x, y) => x - y))
      expect(b.delays.at(-1)).toBeGreaterThan(29_000)
      expect(Math.max(...b.delays)).toBeLessThanOrEqual(30_000)
    })

    test('A2 · a connection that stayed up starts anew: the first retry comes at once', async () => {
      const b = bench()
      let server = await connected(b)
      for (let i = 0; i < 4; i++) {
        server.socket.drop()
        await flush()
        await b.redial()
        server = await b.signIn()
      }
      await b.clock.advance(10_000)
      server.socket.drop()
      await flush()
      expect(b.delays.at(-1)).toBe(0)
    })

    test('never shorter than 500 ms or longer than 30 s, whatever the random source says', async () => {
      for (const random of [() => 0, () => 0.999_999]) {
        const b = bench({ random })
        b.network.onDial = (socket) => queueMicrotask(() => socket.drop())
        b.client.on('message', () => {})
        await b.clock.advance(300_000)
        expect(b.delays.length).toBeGreaterThan(5)
        expect(Math.min(...b.delays)).toBeGreaterThanOrEqual(500)
        expect(Math.max(...b.delays)).toBeLessThanOrEqual(30_000)
      }
    })
  })

  describe('A5 · offline and online', () => {
    const target = new EventTarget()
    const stubs = { ononline: null, addEventListener: 0, removeEventListener: 0 }
    const before = Object.keys(stubs).map(
      (key) => [key, Object.getOwnPropertyDescriptor(globalThis, key)] as const,
    )
    const stub = () => {
      for (const key of Object.keys(stubs)) {
        const method = target[key as 'addEventListener']
        const value = method ? method.bind(target) : null
        Object.defineProperty(globalThis, key, { configurable: true, writable: true, value })
      }
    }
    afterEach(() => {
      for (const [key, descriptor] of before) {
        if (descriptor) Object.defineProperty(globalThis, key, descriptor)
        else delete (globalThis as Record<string, unknown>)[key]
      }
    })

    test('A5 · `online` during a pause dials at once', async () => {
      stub()
      const b = bench({ random: () => 0.9 })
      ;(await connected(b)).socket.drop()
      await flush()
      expect(b.network.sockets).toHaveLength(1)
      target.dispatchEvent(new Event('online'))
      await flush()
      expect(b.network.sockets).toHaveLength(2)
      await b.signIn()
      expect(b.client.state).toBe('open')
      target.dispatchEvent(new Event('online'))
      await b.clock.advance(100)
      expect(b.network.sockets).toHaveLength(2)
    })

    test('A5 · `offline` while connecting gives the attempt up, and `online` makes the next', async () => {
      stub()
      const b = bench()
      const connecting = b.client.connect()
      await flush()
      target.dispatchEvent(new Event('offline'))
      await flush()
      expect(b.network.last.isOver).toBe(true)
      target.dispatchEvent(new Event('online'))
      await flush()
      expect(b.network.sockets).toHaveLength(2)
      await b.signIn()
      await connecting
    })

    test('A5 · nobody listens any more after close()', async () => {
      stub()
      const b = bench()
      await connected(b)
      await b.client.close()
      target.dispatchEvent(new Event('online'))
      await b.clock.advance(60_000)
      expect([b.network.sockets.length, b.client.state]).toEqual([1, 'closed'])
    })
  })

  describe('A12 · an end, and a new beginning', () => {
    test('A12 · limited retries end in a typed terminal state; connect() works after it', async () => {
      const b = bench({ reconnect: { retries: 2 } })
      b.network.onDial = (socket) => queueMicrotask(() => socket.drop())
      const iterating = nextOf(plug, b.client).map(rejection)
      const connecting = rejection(b.client.connect({ timeout: 0 }))
      await b.clock.advance(120_000)
      expect(await connecting).toMatchObject({ code: 'CONNECT_FAILED', retryable: true })
      for (const error of await Promise.all(iterating))
        expect(error).toMatchObject({ code: 'CONNECT_FAILED' })
      expect([b.client.state, b.network.sockets.length, b.clock.timers]).toEqual(['closed', 3, 0])
      expect(await rejection(plug.call(b.client, 'x'))).toMatchObject({ code: 'CLOSED' })
      b.network.onDial = undefined
      await connected(b)
      expect(b.client.state).toBe('open')
    })

    test('A12 · `reconnect: false` never tries again, neither at first nor after a loss', async () => {
      const failing = bench({ reconnect: false })
      failing.network.onDial = (socket) => queueMicrotask(() => socket.drop())
      expect(await rejection(failing.client.connect())).toMatchObject({ code: 'CONNECT_FAILED' })
      const losing = bench({ reconnect: false })
      ;(await connected(losing)).socket.drop()
      await losing.clock.advance(60_000)
      expect([losing.client.state, losing.network.sockets.length]).toEqual(['closed', 1])
      expect(losing.states.at(-1)!.reason).toMatchObject({ code: 'CONNECTION_LOST' })
    })

    test('A12 · connect() inside the handler that hears of the end revives the client', async () => {
      const b = bench({ reconnect: false })
      let again: Promise<void> | undefined
      b.client.on('state', ({ to }) => {
        if (to === 'closed') again ??= b.client.connect()
      })
      ;(await connected(b)).socket.drop()
      await flush()
      await b.signIn()
      await again
      expect(b.client.state).toBe('open')
    })

    test('A12 · an attempt that takes too long is CONNECT_TIMEOUT, and says at what', async () => {
      const b = bench({ reconnect: false, connectTimeout: 3_000 })
      const connecting = rejection(b.client.connect())
      await b.clock.advance(3_000)
      const error = await connecting
      expect(error).toMatchObject({ code: 'CONNECT_TIMEOUT', retryable: true })
      expect(error.message).toContain('opening the socket')
    })
  })
}
