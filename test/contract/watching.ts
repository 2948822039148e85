import { IsomqError } from 'isomq/errors'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { benchOf, connected } from './harness.ts'
import type { ContractOptions, ContractPlug } from './plug.ts'
import { everything } from './reveal.ts'

const SECRET = 'MARKER-secret'
const SIGNATURE = 'MARKER-signature'

export function watching(plug: ContractPlug): void {
  const bench = benchOf(plug)

  describe('watching', () => {
    test('debug records and a logger tell the same, with provider, time and event', async () => {
      const logged: object[] = []
      const told: object[] = []
      const b = bench({ logger: (record) => logged.push(record) })
      b.client.on('debug', (record) => told.push(record))
      b.client.on('message', () => {})
      ;(await connected(b)).deliver(1)
      await flush()
      expect(logged.length).toBeGreaterThan(3)
      expect(told).toEqual(logged)
      for (const record of logged) {
        expect(record).toMatchObject({ provider: plug.name, at: b.clock.now(), event: expect.any(String) })
      }
    })

    if (plug.traits.acks) {
      test('the counters add up', async () => {
        const b = bench({ maxBuffered: 2 })
        const server = await connected(b)
        const messages = b.client.messages({ concurrency: 2 })
        server.deliver(1, 2, 3)
        await (await messages.next()).value.ack()
        await (await messages.next()).value.nack()
        server.deliver(4)
        expect(b.client.stats()).toMatchObject({
          received: 4,
          acked: 1,
          nacked: 1,
          overflowed: 1,
          buffered: 1,
        })
      })
    }

    if (plug.traits.answers && plug.traits.messages) {
      test('the last round trip is how long the server took to answer', async () => {
        const b = bench()
        const server = await connected(b)
        expect(b.client.stats().lastRoundTrip).toBeUndefined()
        const call = plug.call(b.client, 'x')
        await b.clock.advance(70)
        server.answer('x')
        await call
        expect(b.client.stats().lastRoundTrip).toBe(70)
      })
    }

    test('`on` returns its own off, for every event', async () => {
      const b = bench()
      let calls = 0
      for (const type of ['state', 'status', 'error', 'debug', 'message'] as const) {
        b.client.on(type, () => calls++)()
      }
      const server = await connected(b)
      server.deliver(1)
      server.socket.drop()
      await flush()
      expect(calls).toBe(0)
    })
  })

  describe('errors', () => {
    test('are IsomqErrors that say what failed, then what to do', async () => {
      const b = bench({ reconnect: false })
      b.network.onDial = (socket) => queueMicrotask(() => socket.drop())
      const error = await rejection(b.client.connect())
      expect(error).toBeInstanceOf(IsomqError)
      expect(error).toMatchObject({
        name: 'IsomqError',
        provider: plug.name,
        code: 'CONNECT_FAILED',
        retryable: true,
      })
      expect(error.message).toMatch(/failed while opening the socket .*; check/)
      expect((error.cause as Error).message).toBe('the network failed')
    })

    test('A23 · no secret or signature in any error, event, record or log, on any way to fail', async () => {
      const seen: unknown[] = []
      const own = plug.traits.signs ? [{ sign: () => SIGNATURE }] : []
      for (const credentials of [{ secret: SECRET }, ...own]) {
        const b = bench({
          ...credentials,
          url: 'ws://contract.test/?token=MARKER-query',
          connectTimeout: 5_000,
          reconnect: { refused: true },
          logger: (record) => seen.push(record),
        })
        for (const type of ['state', 'status', 'error', 'debug'] as const) {
          b.client.on(type, (event) => seen.push(event))
        }
        const messages = plug.traits.messages ? b.client.messages() : undefined
        // It keeps the client connecting.
        if (!messages) b.client.on('message', () => {})
        const keep = (promise: Promise<unknown>) => promise.catch((error) => seen.push(error))
        keep(b.client.connect({ timeout: 60_000 }))
        await flush()
        // Refused, dropped while it opens, dropped when it has, garbage in the handshake, no answer at all.
        if (plug.traits.refusals) {
          await b.refuse()
          await b.redial()
        }
        b.network.last.drop()
        await b.redial()
        b.network.last.open()
        b.network.last.drop(1008, 'policy')
        await b.redial()
        if (plug.traits.handshake) {
          b.network.last.open()
          b.network.last.bytes(b.server.garbage())
          await b.redial()
        }
        await b.clock.advance(6_000)
        await b.redial()
        let server = await b.signIn()
        // Signed in: garbage, a call that times out, one that is cut, a lost ack, a deadline.
        server.socket.bytes(server.garbage())
        if (!plug.traits.framed) {
          await b.redial()
          server = await b.signIn()
        }
        keep(plug.call(b.client, 'x', { timeout: 10 }))
        await b.clock.advance(10)
        const next = messages?.next()
        server.deliver(1)
        const message = (await next)?.value
        keep(plug.call(b.client, 'y'))
        await flush()
        server.socket.drop()
        if (plug.traits.acks) await keep(message!.ack())
        await keep(b.client.connect({ signal: AbortSignal.abort() }))
        await b.client.close()
        await keep(plug.call(b.client, 'z'))
        await flush()
      }
      const errors = seen.map((it) =>
        it instanceof Error ? it : (it as { error?: unknown } | undefined)?.error,
      )
      const codes = new Set(errors.flatMap((it) => (it instanceof IsomqError ? [it.code] : [])))
      for (const code of [
        ...(plug.traits.refusals ? ['AUTH_REJECTED'] : []),
        'CONNECT_FAILED',
        'CONNECT_TIMEOUT',
        'CONNECTION_LOST',
        'PROTOCOL',
      ]) {
        expect([...codes], 'ways to fail').toContain(code)
      }
      const text = everything(seen)
      expect(text).toContain('CONNECTION_LOST')
      expect(text).not.toMatch(/MARKER/)
    })

    test('A23 · an option that is wrong is named, and its value is not shown', () => {
      const wrong = [
        { secret: 'MARKER', sign: () => 'MARKER' },
        { url: 'MARKER://x' },
        { clock: 'MARKER' },
        { random: 'MARKER' },
        { logger: 'MARKER' },
        { WebSocket: 'MARKER' },
        { connectTimeout: 'MARKER' },
        { idleTimeout: -1 },
        { handlerTimeout: 1.5 },
        { concurrency: 0 },
        { maxBuffered: '7' },
        { maxPending: Number.NaN },
        { reconnect: { minDelay: 'MARKER' } },
        { reconnect: { minDelay: '500' } },
        { reconnect: { maxDelay: Number.POSITIVE_INFINITY } },
        { reconnect: { retries: null } },
        { reconnect: { unknown: 1 } },
        { reconnect: true },
        { MARKER: 1, unheard: 'MARKER' },
      ]
      for (const options of wrong) {
        let error: Partial<IsomqError> = {}
        try {
          plug.create(options as object)
        } catch (thrown) {
          error = thrown as IsomqError
        }
        const [name] = Object.keys(options)
        expect([name, error.code]).toEqual([name, 'CONFIG'])
        if (name === 'MARKER') continue
        expect(everything([error])).not.toContain('MARKER')
        const told = plug.optionNames?.[name as keyof ContractOptions] ?? name
        if (name !== 'secret') expect(error.message).toContain(`"${told}"`)
      }
    })
  })
}
