import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { type Bench, benchOf, connected, nacksOf } from './harness.ts'
import type { ContractMessage, ContractPlug, ScriptedServer } from './plug.ts'

/** Delivers one message to an iteration. */
async function take(b: Bench, server: ScriptedServer, id: number): Promise<ContractMessage> {
  const next = b.client.messages().next()
  server.deliver(id)
  return (await next).value
}

export function settle(plug: ContractPlug): void {
  const bench = benchOf(plug)
  const failed = nacksOf(plug)

  describe('ack and nack', () => {
    test('the first one counts, and what comes after it changes nothing', async () => {
      const b = bench()
      const server = await connected(b)
      const one = await take(b, server, 1)
      await Promise.all([one.ack(), one.ack(), one.nack('no')])
      const two = await take(b, server, 2)
      await Promise.all([two.nack('no'), two.ack(), two.nack()])
      expect([server.acked, server.nacked]).toEqual([['1'], failed('2')])
      expect(b.client.stats()).toMatchObject({ acked: 1, nacked: 1 })
    })

    if (!plug.traits.nacks) {
      test('a nacked message stays unacknowledged with the server, and nothing is sent for it', async () => {
        const b = bench()
        const server = await connected(b)
        const message = await take(b, server, 1)
        const { frames } = server
        await message.nack('no')
        await message.ack()
        await b.clock.advance(5_000)
        expect([server.frames, server.acked, server.nacked]).toEqual([frames, [], []])
        expect(b.client.stats()).toMatchObject({ acked: 0, nacked: 1 })
        server.socket.drop()
        await b.redial()
        const second = await b.signIn()
        await (await take(b, second, 1)).ack()
        expect(second.acked).toEqual(['1'])
      })
    }

    test('a handler may settle by hand; its end then adds nothing', async () => {
      const b = bench()
      b.client.on('message', async (m) => {
        await (m.id === '1' ? m.nack('by hand') : m.ack())
        if (m.id === '2') throw new Error('too late to fail')
      })
      const server = await connected(b)
      server.deliver(1, 2)
      await flush()
      expect([server.acked, server.nacked]).toEqual([['2'], failed('1')])
    })

    test('A9 · an ack that falls into a drop settles, and the message comes again', async () => {
      const b = bench()
      const first = await connected(b)
      const message = await take(b, first, 1)
      first.socket.drop()
      const error = await rejection(message.ack())
      expect(error).toMatchObject({ code: 'CONNECTION_LOST', provider: plug.name, retryable: true })
      expect(message.signal.aborted).toBe(true)
      await b.redial()
      const second = await b.signIn()
      const again = await take(b, second, 1)
      await again.ack()
      expect([first.acked, second.acked]).toEqual([[], ['1']])
      expect(b.client.stats()).toMatchObject({ acked: 1, lost: 1 })
    })

    test('A9 · neither an ack nor a nack of an old session is ever sent on a new one', async () => {
      const b = bench()
      const first = await connected(b)
      const one = await take(b, first, 1)
      const two = await take(b, first, 2)
      let finish = () => {}
      b.client.on('message', () => new Promise<void>((resolve) => (finish = resolve)))
      first.deliver(3)
      await flush()
      first.socket.drop()
      await b.redial()
      const second = await b.signIn()
      finish()
      await rejection(one.ack())
      await rejection(two.nack('no'))
      await flush()
      expect([second.acked, second.nacked]).toEqual([[], []])
    })

    test('A9 · what waited in the buffer of a lost connection is not handed out', async () => {
      const b = bench()
      const first = await connected(b)
      first.deliver(1, 2)
      first.socket.drop()
      await flush()
      const seen: string[] = []
      b.client.on('message', ({ id }) => seen.push(id))
      await b.redial()
      ;(await b.signIn()).deliver(2)
      await flush()
      expect(seen).toEqual(['2'])
    })

    test('A9 · a message that outlives its deadline is never acked late, and its place is free', async () => {
      const b = bench({ concurrency: 1, handlerTimeout: 1_000 })
      const signals: AbortSignal[] = []
      let finish = () => {}
      b.client.on('message', (m) => {
        signals.push(m.signal)
        return new Promise<void>((resolve) => (finish = resolve))
      })
      const server = await connected(b)
      server.deliver(1)
      await flush()
      const slow = finish
      await b.clock.advance(1_000)
      expect(b.errors).toEqual([expect.objectContaining({ code: 'TIMEOUT' })])
      expect(signals[0]!.reason).toMatchObject({ code: 'TIMEOUT' })
      server.deliver(2)
      await flush()
      slow()
      finish()
      await flush()
      expect([server.acked, server.nacked]).toEqual([['2'], []])
      expect(b.client.stats()).toMatchObject({ expired: 1, acked: 1 })
    })

    test('A9 · an ack that the socket does not take is CONNECTION_LOST, and the line is replaced', async () => {
      const b = bench()
      const server = await connected(b)
      const message = await take(b, server, 1)
      server.socket.sendFails = new Error('I/O on behalf of a different request')
      expect(await rejection(message.ack())).toMatchObject({ code: 'CONNECTION_LOST' })
      await b.redial()
      await b.signIn()
      expect(b.client.state).toBe('open')
    })
  })
}
