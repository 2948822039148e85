import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { acksOf, benchOf, connected, nextOf } from './harness.ts'
import type { ContractPlug } from './plug.ts'

export function lifecycle(plug: ContractPlug): void {
  const bench = benchOf(plug)
  const acked = acksOf(plug)

  describe('lifecycle', () => {
    test('making a client opens no socket and starts no timer', async () => {
      const { client, clock, network } = bench()
      await clock.advance(600_000)
      expect([client.state, network.sockets.length, clock.timers]).toEqual(['idle', 0, 0])
    })

    if (plug.traits.handshake) {
      test('connect() resolves after the sign-in, not when the socket opens', async () => {
        const { client, network, signIn } = bench()
        let done = false
        const connecting = client.connect().then(() => {
          done = true
        })
        await flush()
        expect(client.state).toBe('connecting')
        network.last.open()
        await flush()
        expect(done).toBe(false)
        await signIn()
        await connecting
        expect(client.state).toBe('open')
      })
    } else {
      test('connect() resolves when the socket is open, and not before', async () => {
        const { client, network } = bench()
        let done = false
        const connecting = client.connect().then(() => {
          done = true
        })
        await flush()
        expect([client.state, done]).toEqual(['connecting', false])
        network.last.open()
        await connecting
        expect([client.state, network.last.sent]).toEqual(['open', []])
      })
    }

    test('connect() of an open client resolves at once; two at a time share one socket', async () => {
      const { client, network, signIn } = bench()
      const both = Promise.all([client.connect(), client.connect()])
      await signIn()
      await both
      await client.connect()
      expect(network.sockets).toHaveLength(1)
    })

    test('using the client connects it: a handler, an iteration, a call', async () => {
      type Use = (b: ReturnType<typeof bench>) => void
      const uses: Use[] = [
        (b) => b.client.on('message', () => {}),
        (b) => plug.call(b.client, 'x').catch(() => {}),
      ]
      if (plug.traits.messages) uses.push((b) => b.client.messages())
      for (const use of uses) {
        const b = bench()
        use(b)
        await flush()
        expect([b.client.state, b.network.sockets.length]).toEqual(['connecting', 1])
      }
    })

    test('the states and their reasons are told in order', async () => {
      const b = bench()
      const server = await connected(b)
      server.socket.drop()
      await flush()
      await b.redial()
      await b.signIn()
      await b.client.close()
      expect(b.states.map(({ from, to }) => `${from} → ${to}`)).toEqual([
        'idle → connecting',
        'connecting → open',
        'open → reconnecting',
        'reconnecting → open',
        'open → closed',
      ])
      expect(b.states[2]!.reason).toMatchObject({ code: 'CONNECTION_LOST' })
      expect(b.states[4]!.reason).toMatchObject({ code: 'CLOSED' })
      expect(b.client.stats().reconnects).toBe(1)
    })

    test('connect() ends by its signal or its timeout, and says which', async () => {
      const { client, clock, network } = bench({ connectTimeout: 60_000 })
      const abort = new AbortController()
      const bySignal = rejection(client.connect({ signal: abort.signal }))
      await flush()
      abort.abort('enough')
      expect(await bySignal).toMatchObject({ code: 'ABORTED', cause: 'enough' })
      const byTime = rejection(client.connect({ timeout: 700 }))
      await clock.advance(700)
      expect(await byTime).toMatchObject({ code: 'TIMEOUT' })
      // With nobody waiting any more nothing is left behind.
      expect([client.state, clock.timers]).toEqual(['idle', 0])
      expect(network.sockets.every(({ isOver }) => isOver)).toBe(true)
    })

    test('a signal that has ended already opens nothing', async () => {
      const { client, network } = bench()
      expect(await rejection(client.connect({ signal: AbortSignal.abort() }))).toMatchObject({
        code: 'ABORTED',
      })
      for (const next of nextOf(plug, client, { signal: AbortSignal.abort() })) {
        expect(await rejection(next)).toMatchObject({ code: 'ABORTED' })
      }
      await flush()
      expect(network.sockets).toEqual([])
    })

    test('close() may be called twice at once, again later, and by `await using`', async () => {
      const b = bench()
      await connected(b)
      await Promise.all([b.client.close(), b.client.close()])
      await b.client.close()
      await b.client[Symbol.asyncDispose]()
      expect(b.states.filter(({ to }) => to === 'closed')).toHaveLength(1)
    })

    test('a closed client says so to every call, and connect() opens it again', async () => {
      const b = bench()
      const seen: string[] = []
      b.client.on('message', (m) => seen.push(m.id))
      await connected(b)
      await b.client.close()
      expect(await rejection(plug.call(b.client, 'x'))).toMatchObject({ code: 'CLOSED' })
      for (const next of nextOf(plug, b.client)) {
        expect(await rejection(next)).toMatchObject({ code: 'CLOSED' })
      }
      const server = await connected(b)
      server.deliver(5)
      await flush()
      expect([seen, server.acked]).toEqual([['5'], acked('5')])
    })
  })
  if (!plug.traits.acks) return

  describe('close() and running handlers', () => {
    test('close() is graceful: running handlers end and ack, and nothing more is taken', async () => {
      const b = bench({ concurrency: 1 })
      let finish = () => {}
      const seen: string[] = []
      b.client.on('message', (m) => {
        seen.push(m.id)
        return new Promise<void>((resolve) => {
          finish = resolve
        })
      })
      const server = await connected(b)
      server.deliver(1, 2)
      const closed = b.client.close()
      await flush()
      server.deliver(3)
      await flush()
      expect([seen, server.socket.isOver]).toEqual([['1'], false])
      finish()
      await closed
      expect([seen, server.acked, b.client.state]).toEqual([['1'], ['1'], 'closed'])
    })

    test('close() gives handlers that hang up after its timeout, or when its signal ends', async () => {
      for (const limit of ['timeout', 'signal'] as const) {
        const b = bench()
        b.client.on('message', () => new Promise(() => {}))
        const server = await connected(b)
        server.deliver(1)
        await flush()
        const abort = new AbortController()
        const closed = b.client.close(limit === 'timeout' ? { timeout: 50 } : { signal: abort.signal })
        await b.clock.advance(50)
        abort.abort()
        await closed
        expect([b.client.state, server.acked]).toEqual(['closed', []])
      }
    })

    test('what is asked of a client while it closes does not stretch the closing', async () => {
      const b = bench()
      let finish = () => {}
      b.client.on('message', () => new Promise<void>((resolve) => (finish = resolve)))
      const server = await connected(b)
      server.deliver(1)
      await flush()
      const closed = b.client.close()
      const late = b.client.messages()
      expect(await rejection(late.next())).toMatchObject({ code: 'CLOSED' })
      expect(await rejection(b.client.connect())).toMatchObject({ code: 'CLOSED' })
      expect(await rejection(plug.call(b.client, 'x'))).toMatchObject({ code: 'CLOSED' })
      finish()
      // No timer has to fire for it.
      await closed
      expect(server.acked).toEqual(['1'])
    })

    test('a client whose handler hung through a close() works again after connect()', async () => {
      const b = bench({ concurrency: 1 })
      const seen: string[] = []
      b.client.on('message', (m) => {
        seen.push(m.id)
        return m.id === '1' ? new Promise(() => {}) : undefined
      })
      const first = await connected(b)
      first.deliver(1)
      await flush()
      const closed = b.client.close({ timeout: 10 })
      await b.clock.advance(10)
      await closed
      const second = await connected(b)
      second.deliver(2)
      await flush()
      expect([seen, second.acked]).toEqual([['1', '2'], ['2']])
    })
  })
}
