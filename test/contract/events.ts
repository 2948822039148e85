import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { benchOf, connected } from './harness.ts'
import type { ContractPlug } from './plug.ts'

const upTo = (count: number, from = 1) => Array.from({ length: count }, (_, i) => from + i)

/** What holds where messages are events that nobody acknowledges. */
export function events(plug: ContractPlug): void {
  const bench = benchOf(plug)

  describe('messages without acks', () => {
    test('every handler and every iteration gets each message, in order', async () => {
      const b = bench()
      const seen: string[] = []
      b.client.on('message', ({ id }) => seen.push(`a${id}`))
      b.client.on('message', ({ id }) => seen.push(`b${id}`))
      const loops = [b.client.messages(), b.client.messages()]
      const server = await connected(b)
      server.deliver(1, 2)
      await flush()
      expect(seen).toEqual(['a1', 'b1', 'a2', 'b2'])
      for (const loop of loops) {
        expect([(await loop.next()).value.id, (await loop.next()).value.id]).toEqual(['1', '2'])
      }
      expect(b.client.stats().received).toBe(2)
    })

    test('a handler that throws or rejects is reported, and harms no other', async () => {
      const b = bench()
      const seen: string[] = []
      b.client.on('message', () => {
        throw 'a text'
      })
      b.client.on('message', () => Promise.reject())
      b.client.on('message', ({ id }) => seen.push(id))
      const server = await connected(b)
      server.deliver(1, 2)
      await flush()
      expect(seen).toEqual(['1', '2'])
      expect(b.errors.map((error) => error instanceof Error)).toEqual([true, true, true, true])
    })

    test('`break` ends an iteration and no other', async () => {
      const b = bench()
      const server = await connected(b)
      const [one, two] = [b.client.messages(), b.client.messages()]
      await flush()
      server.deliver(1, 2)
      for await (const { id } of one) {
        expect(id).toBe('1')
        break
      }
      expect(await one.next()).toEqual({ done: true, value: undefined })
      const rest = [(await two.next()).value.id, (await two.next()).value.id]
      expect([rest, b.client.stats().dropped]).toEqual([['1', '2'], 0])
    })

    test('what was received before close() is still handed out, and then the iteration ends', async () => {
      const b = bench()
      const messages = b.client.messages()
      const server = await connected(b)
      server.deliver(1, 2)
      await flush()
      await b.client.close()
      const ids = [(await messages.next()).value.id, (await messages.next()).value.id]
      expect([ids, await messages.next()]).toEqual([['1', '2'], { done: true, value: undefined }])
    })

    test('close() waits for no handler, since nothing is to be told of its message', async () => {
      const b = bench()
      b.client.on('message', () => new Promise(() => {}))
      const server = await connected(b)
      server.deliver(1)
      await flush()
      // No timer has to fire for it.
      await b.client.close()
      expect(b.client.state).toBe('closed')
    })

    test('handlers and iterations go on over lost connections', async () => {
      const b = bench()
      const seen: string[] = []
      b.client.on('message', ({ id }) => seen.push(id))
      const messages = b.client.messages()
      let server = await connected(b)
      for (let n = 1; n <= 4; n++) {
        server.deliver(n)
        await flush()
        expect((await messages.next()).value.id).toBe(String(n))
        server.socket.drop()
        await flush()
        await b.redial()
        server = await b.signIn()
      }
      expect(seen).toEqual(['1', '2', '3', '4'])
    })

    test('A16 · 100,000 messages against a sleeping iteration: bounded, and what it misses is counted', async () => {
      const b = bench()
      const messages = b.client.messages()
      const server = await connected(b)
      for (let n = 0; n < 100_000; n += 1_000) server.deliver(...upTo(1_000, n + 1))
      const { received, dropped } = b.client.stats()
      expect([received, dropped! > 90_000]).toEqual([100_000, true])
      // It wakes: the newest are there, in order.
      const ids: number[] = []
      while (ids.at(-1) !== 100_000) ids.push(Number((await messages.next()).value.id))
      expect(ids).toEqual(upTo(100_000 - dropped!, dropped! + 1))
    })
  })
}
