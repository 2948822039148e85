import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { type Bench, benchOf, connected, nextOf } from './harness.ts'
import type { ContractPlug } from './plug.ts'

export function credentials(plug: ContractPlug): void {
  if (plug.traits.signs) fresh(plug)
  if (plug.traits.refusals) refused(plug)
}

function fresh(plug: ContractPlug): void {
  const bench = benchOf(plug)
  /** Goes on to where the credentials are asked for. */
  const challenge = async (b: Bench) => {
    await flush()
    if (plug.traits.challenges) b.server.accept()
    await flush()
  }

  describe('A13 · fresh credentials', () => {
    test('A13 · the signer is called once per attempt, with the time of that attempt', async () => {
      const asked: number[] = []
      const b = bench({
        sign: async (timestamp) => {
          asked.push(timestamp)
          return `S${asked.length}`
        },
      })
      const times: number[] = []
      let server = await connected(b)
      for (let attempt = 1; attempt <= 4; attempt++) {
        times.push(server.signIns[0]!.timestamp)
        expect(server.signIns).toEqual([{ signature: `S${attempt}`, timestamp: asked[attempt - 1] }])
        const now = b.clock.now()
        expect(asked[attempt - 1]).toBe(now - (now % plug.timeStep))
        await b.clock.advance(plug.timeStep)
        server.socket.drop()
        await flush()
        await b.redial()
        server = await b.signIn()
      }
      expect(new Set(times).size).toBe(4)
      expect(asked).toHaveLength(5)
    })

    test('A13 · with a secret, too, every attempt signs its own time', async () => {
      const b = bench()
      const first = await connected(b)
      await b.clock.advance(60_000)
      first.socket.drop()
      await b.redial()
      const second = await b.signIn()
      const [one, two] = [first.signIns[0]!, second.signIns[0]!]
      expect(two.timestamp - one.timestamp).toBeGreaterThanOrEqual(60_000)
      expect(two.signature).not.toBe(one.signature)
    })

    test('A13 · everybody who waits shares one signature', async () => {
      let calls = 0
      const b = bench({ sign: async () => `S${++calls}` })
      const all = Promise.all([b.client.connect(), b.client.connect(), b.client.connect()])
      b.client.on('message', () => {})
      await b.signIn()
      await all
      expect(calls).toBe(1)
    })

    test('A13 · what an attempt that is over signed is dropped', async () => {
      const waiting: ((signature: string) => void)[] = []
      const b = bench({
        connectTimeout: 1_000,
        sign: () => new Promise((resolve) => waiting.push(resolve)),
      })
      const connecting = b.client.connect()
      await challenge(b)
      await b.clock.advance(1_000)
      expect(b.errors[0]).toMatchObject({ code: 'CONNECT_TIMEOUT' })
      await b.clock.advance(b.clock.untilNext!)
      const before = b.network.sockets.length
      await challenge(b)
      waiting[0]!('stale')
      await flush()
      expect([b.network.sockets.length, b.client.state]).toEqual([before, 'connecting'])
      waiting[1]!('fresh')
      const server = await b.signIn()
      await connecting
      expect(server.signIns.map(({ signature }) => signature)).toEqual(['fresh'])
      expect(b.network.sockets).toHaveLength(plug.traits.challenges ? 2 : 1)
    })

    test('A13 · a signer that throws or rejects costs an attempt, and the next one asks it again', async () => {
      let calls = 0
      const b = bench({
        sign: () => {
          calls++
          if (calls === 1) throw new Error('thrown')
          if (calls === 2) return Promise.reject(new Error('rejected'))
          return 'S'
        },
      })
      const connecting = b.client.connect()
      if (plug.traits.challenges) {
        await challenge(b)
        await b.redial()
        await challenge(b)
      }
      await flush()
      await b.redial()
      await b.signIn()
      await connecting
      expect(b.errors.map(({ code, cause }) => [code, (cause as Error).message])).toEqual([
        ['CONNECT_FAILED', 'thrown'],
        ['CONNECT_FAILED', 'rejected'],
      ])
    })
  })
}

function refused(plug: ContractPlug): void {
  const bench = benchOf(plug)

  describe('a sign-in that is refused', () => {
    test('is terminal: AUTH_REJECTED to whoever waits, no further attempt, connect() tries again', async () => {
      const b = bench()
      const waits = [b.client.connect(), ...nextOf(plug, b.client), plug.call(b.client, 'x')].map(rejection)
      await flush()
      await b.refuse()
      for (const error of await Promise.all(waits)) {
        expect(error).toMatchObject({ code: 'AUTH_REJECTED', provider: plug.name, retryable: false })
      }
      await b.clock.advance(3_600_000)
      expect([b.client.state, b.network.sockets.length]).toEqual(['closed', 1])
      expect(b.states.at(-1)!.reason).toMatchObject({ code: 'AUTH_REJECTED' })
      await connected(b)
      expect(b.client.state).toBe('open')
    })

    test('is terminal on a reconnect as well', async () => {
      const b = bench()
      ;(await connected(b)).socket.drop()
      await b.redial()
      await b.refuse()
      await b.clock.advance(3_600_000)
      expect([b.client.state, b.network.sockets.length]).toEqual(['closed', 2])
    })

    test('is tried again, but never at full speed, with `reconnect: { refused: true }`', async () => {
      const b = bench({ reconnect: { refused: true } })
      const connecting = b.client.connect({ timeout: 0 })
      await flush()
      for (let i = 0; i < 5; i++) {
        await b.refuse()
        await b.redial()
      }
      await b.signIn()
      await connecting
      expect(Math.min(...b.delays)).toBeGreaterThanOrEqual(500)
    })
  })
}
