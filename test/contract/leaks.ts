import { describe, expect, test } from 'vitest'
import { FakeClock, flush } from '../support/clock.ts'
import { once, until } from '../support/events.ts'
import { seeded } from '../support/random.ts'
import { fakeNetwork } from '../support/socket.ts'
import { benchOf, connected, nextOf } from './harness.ts'
import type { ContractMessage, ContractPlug } from './plug.ts'

export function leaks(plug: ContractPlug): void {
  const bench = benchOf(plug)

  describe('A6 · leaks', () => {
    test('A6 · 1,000 connect/close cycles leave no timer, no socket and no handler', async () => {
      const clock = new FakeClock()
      const network = fakeNetwork()
      network.onDial = (socket) => queueMicrotask(() => plug.serve(socket).accept())
      const abort = new AbortController()
      let listeners = 0
      const { signal } = abort
      for (const [method, step] of [
        ['addEventListener', 1],
        ['removeEventListener', -1],
      ] as const) {
        const original = signal[method].bind(signal) as (...given: unknown[]) => void
        Object.defineProperty(signal, method, {
          value: (...given: unknown[]) => {
            listeners += step
            original(...given)
          },
        })
      }
      const client = plug.create({ clock, random: seeded(1), WebSocket: network.WebSocket })
      for (let cycle = 0; cycle < 1_000; cycle++) {
        const messages = client.on('message', () => {})
        await client.connect({ signal })
        const next = nextOf(plug, client, { signal })
        await client.close({ signal })
        for (const ended of next) expect((await ended).done).toBe(true)
        messages()
      }
      expect([clock.timers, listeners]).toEqual([0, 0])
      expect(network.sockets).toHaveLength(1_000)
      expect(network.sockets.filter(({ isOver, handlers }) => !isOver || handlers > 0)).toEqual([])
    })
  })

  // The run fails on every rejection that nobody handles.
  describe('A10 · unhandled rejections', () => {
    if (plug.traits.acks) {
      test('A10 · an ack that nobody awaits, on a connection that is gone', async () => {
        const b = bench()
        const kept: ContractMessage[] = []
        b.client.on('message', (m) => void kept.push(m))
        const messages = b.client.messages()
        const next = messages.next()
        const server = await connected(b)
        server.deliver(1)
        const { value: message } = await next
        server.socket.drop()
        message.ack()
        message.nack()
        await flush()
        server.socket.drop()
      })
    }

    test('A10 · connect(), calls and iterations that nobody awaits any more, when the client is closed', async () => {
      const b = bench()
      const abort = new AbortController()
      const all = [
        b.client.connect(),
        b.client.connect({ signal: abort.signal }),
        plug.call(b.client, 'x'),
        ...nextOf(plug, b.client, { signal: abort.signal }),
      ].map((promise) =>
        promise.then(
          () => undefined,
          () => undefined,
        ),
      )
      await flush()
      await b.client.close()
      abort.abort()
      await Promise.all(all)
    })

    test('A10 · an unreachable host', async () => {
      const client = plug.create({ url: 'ws://127.0.0.1:1/', reconnect: { minDelay: 5, maxDelay: 5 } })
      const failed = once<Error>(client, 'error')
      client.on('message', () => {})
      expect(await failed).toMatchObject({ code: 'CONNECT_FAILED' })
      await once(client, 'error')
      await client.close()
    })

    test('A10 · closing while the connection is made', async () => {
      const { options } = await plug.room()
      for (let i = 0; i < 5; i++) {
        const client = plug.create(options)
        // In a later turn it may have got through already.
        const connecting = client.connect().catch((error: unknown) => error)
        for (let turn = 0; turn < i; turn++) await new Promise((resolve) => setTimeout(resolve, 0))
        await client.close()
        const ended = await connecting
        if (ended !== undefined) expect(ended).toMatchObject({ code: 'CLOSED' })
        await until(() => client.state === 'closed')
      }
    })
  })
}
