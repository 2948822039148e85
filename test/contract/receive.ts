import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { benchOf, connected, nacksOf } from './harness.ts'
import type { ContractMessage, ContractPlug } from './plug.ts'

const upTo = (count: number, from = 1) => Array.from({ length: count }, (_, i) => from + i)

export function receive(plug: ContractPlug): void {
  if (plug.traits.messages) everyWay(plug)
  throwing(plug)
  if (plug.traits.acks) acknowledged(plug)
}

function everyWay(plug: ContractPlug): void {
  const bench = benchOf(plug)

  describe('two ways to receive', () => {
    test('a handler that is taken off gets nothing more; one added twice runs twice', async () => {
      const b = bench()
      let calls = 0
      const handler = () => void calls++
      const off = b.client.on('message', handler)
      b.client.on('message', handler)
      const server = await connected(b)
      server.deliver(1)
      await flush()
      expect(calls).toBe(2)
      off()
      server.deliver(2)
      await flush()
      expect(calls).toBe(3)
    })

    test('a signal ends an iteration with ABORTED, close() just ends it', async () => {
      const b = bench()
      await connected(b)
      const abort = new AbortController()
      const aborted = rejection(b.client.messages({ signal: abort.signal }).next())
      const closed = b.client.messages().next()
      abort.abort('done here')
      expect(await aborted).toMatchObject({ code: 'ABORTED', cause: 'done here' })
      await b.client.close()
      expect(await closed).toEqual({ done: true, value: undefined })
    })
  })
}

function throwing(plug: ContractPlug): void {
  const bench = benchOf(plug)
  const { messages } = plug.traits

  describe('A7 · handlers that throw', () => {
    test('A7 · a message handler, a state handler, an error handler: messages and retries go on', async () => {
      const b = bench({
        logger: () => {
          throw new Error('logger')
        },
      })
      const seen: string[] = []
      for (const type of ['state', 'status', 'error', 'debug'] as const) {
        b.client.on(type, () => {
          throw new Error(type)
        })
        b.client.on(type, () => Promise.reject(new Error(type)))
      }
      b.client.on('message', ({ id }) => {
        seen.push(id)
        if (messages) throw new Error('message')
      })
      const first = await connected(b)
      first.deliver(1, 2)
      await flush()
      first.socket.drop()
      await flush()
      expect(b.client.state).toBe('reconnecting')
      await b.redial()
      ;(await b.signIn()).deliver(3)
      await flush()
      expect(seen).toEqual(['1', '2', '3'])
      const thrown = b.errors.filter(({ code }) => code === undefined).map(({ message }) => message)
      const all = ['state', 'status', 'debug', 'logger', ...(messages ? ['message'] : [])]
      expect(new Set(thrown)).toEqual(new Set(all))
    })

    test('A7 · a logger whose promise rejects is reported like one that throws', async () => {
      const b = bench({ logger: () => Promise.reject(new Error('the log is full')) })
      await connected(b)
      await flush()
      expect(b.errors[0]?.message).toBe('the log is full')
    })
  })
}

function acknowledged(plug: ContractPlug): void {
  const bench = benchOf(plug)
  const failed = nacksOf(plug)

  describe('two ways to receive, one source', () => {
    test('a handler acks when it resolves; when it throws or rejects that is told, and the message not acked', async () => {
      const b = bench()
      b.client.on('message', async ({ id }) => {
        await flush(1)
        if (id === '2') throw new Error('handler two')
      })
      b.client.on('message', ({ id }) => {
        if (id === '3') throw new Error('handler three')
      })
      const server = await connected(b)
      server.deliver(1, 2, 3)
      await flush()
      expect([server.acked, server.nacked]).toEqual([['1'], failed('2', '3')])
      expect(b.errors.map(({ message }) => message).sort()).toEqual(['handler three', 'handler two'])
      expect(b.client.stats()).toMatchObject({ received: 3, acked: 1, nacked: 2 })
    })

    test('what is thrown and is no Error arrives as an Error', async () => {
      const b = bench()
      b.client.on('message', () => {
        throw 'a text'
      })
      b.client.on('message', () => Promise.reject())
      const server = await connected(b)
      server.deliver(1)
      await flush()
      expect(b.errors[0]).toBeInstanceOf(Error)
      expect([server.acked, server.nacked]).toEqual([[], failed('1')])
      expect(b.client.stats().nacked).toBe(1)
    })

    test('an iteration hands messages out one by one; each is acked by hand', async () => {
      const b = bench()
      const messages = b.client.messages()
      const server = await connected(b)
      server.deliver(1, 2)
      for (const id of ['1', '2']) {
        const { value } = await messages.next()
        expect([value.id, server.acked.includes(id)]).toEqual([id, false])
        await value.ack()
      }
      expect(server.acked).toEqual(['1', '2'])
    })

    test('every message goes to one consumer: an iteration, or all handlers together', async () => {
      const b = bench()
      const seen: string[] = []
      b.client.on('message', ({ id }) => seen.push(`a${id}`))
      b.client.on('message', ({ id }) => seen.push(`b${id}`))
      const messages = b.client.messages()
      const server = await connected(b)
      const first = messages.next()
      server.deliver(1, 2)
      expect((await first).value.id).toBe('1')
      await flush()
      expect(seen).toEqual(['a2', 'b2'])
      await (await first).value.ack()
    })

    test('messages that come before anybody listens wait for the first who does', async () => {
      const b = bench()
      const server = await connected(b)
      server.deliver(1, 2)
      await flush()
      expect(b.client.stats().buffered).toBe(2)
      b.client.on('message', () => {})
      await flush()
      expect(server.acked).toEqual(['1', '2'])
    })

    test('no more handlers run at once than `concurrency`, and each place is filled again', async () => {
      const b = bench({ concurrency: 2 })
      const running: (() => void)[] = []
      b.client.on('message', () => new Promise<void>((resolve) => running.push(resolve)))
      const server = await connected(b)
      server.deliver(...upTo(5))
      await flush()
      expect(running).toHaveLength(2)
      running[1]!()
      await flush()
      expect([running.length, server.acked]).toEqual([3, ['2']])
      for (let i = 0; i < 5; i++) {
        running[i]!()
        await flush()
      }
      expect([...server.acked].sort()).toEqual(['1', '2', '3', '4', '5'])
    })

    test('an iteration hands out no more unsettled messages than its `concurrency`', async () => {
      const b = bench()
      const messages = b.client.messages({ concurrency: 2 })
      const server = await connected(b)
      server.deliver(1, 2, 3)
      const [one] = [(await messages.next()).value, (await messages.next()).value]
      let third: ContractMessage | undefined
      const next = messages.next().then(({ value }) => {
        third = value
      })
      await flush()
      expect(third).toBeUndefined()
      await one.ack()
      await next
      expect(third?.id).toBe('3')
    })

    test('`break` ends an iteration and leaves what was not handed out to the next', async () => {
      const b = bench()
      const server = await connected(b)
      server.deliver(1, 2)
      for await (const message of b.client.messages()) {
        await message.ack()
        break
      }
      for await (const message of b.client.messages()) {
        expect(message.id).toBe('2')
        await message.ack()
        break
      }
      expect(server.acked).toEqual(['1', '2'])
    })
  })

  describe('A16 · backpressure', () => {
    test('A16 · 100,000 messages against a sleeping reader: bounded, one `slow` per crossing', async () => {
      const b = bench({ maxBuffered: 500 })
      const server = await connected(b)
      let peak = 0
      for (let n = 0; n < 100_000; n += 1_000) {
        server.deliver(...upTo(1_000, n + 1))
        peak = Math.max(peak, b.client.stats().buffered)
      }
      expect(peak).toBe(500)
      const slow = () => b.statuses.filter(({ type }) => type === 'slow').length
      expect(slow()).toBe(1)
      expect(b.client.stats()).toMatchObject({ received: 100_000, overflowed: 99_500 })
      expect(server.acked).toEqual([])
      // The reader wakes: what was kept is handed out in order, and the next crossing is told again.
      const off = b.client.on('message', () => {})
      await flush()
      expect(server.acked).toEqual(upTo(500).map(String))
      expect(b.statuses.filter(({ type }) => type === 'relieved')).toHaveLength(1)
      off()
      server.deliver(...upTo(600, 200_000))
      expect([slow(), b.client.stats().buffered]).toEqual([2, 500])
    })

    test('A16 · a drop while the buffer is full relieves it, and says so', async () => {
      const b = bench({ maxBuffered: 10 })
      const server = await connected(b)
      server.deliver(...upTo(10))
      server.socket.drop()
      await flush()
      const told = b.statuses.map(({ type }) => type).filter((type) => /slow|relieved/.test(type))
      expect([told, b.client.stats().buffered]).toEqual([['slow', 'relieved'], 0])
    })

    if (plug.traits.pulls) {
      test('A16 · while the buffer is full nothing is asked for; when it is relieved, at once', async () => {
        const b = bench({ maxBuffered: 10 })
        const server = await connected(b)
        server.deliver(...upTo(10))
        await b.clock.advance(plug.asksAfter)
        expect(server.asks).toBe(0)
        b.client.on('message', () => {})
        await flush()
        expect(server.asks).toBe(1)
      })
    } else {
      test('A16 · messages are asked for when somebody wants them, and not again when the buffer is relieved', async () => {
        const b = bench({ maxBuffered: 10 })
        const server = await connected(b)
        await plug.call(b.client, 'x')
        await b.clock.advance(60_000)
        expect(server.asks).toBe(0)
        const messages = b.client.messages()
        await flush()
        expect(server.asks).toBe(1)
        server.deliver(...upTo(10))
        for (const id of upTo(10)) {
          const { value: message } = await messages.next()
          expect(message.id).toBe(String(id))
          await message.ack()
        }
        await b.clock.advance(60_000)
        expect(b.statuses.map(({ type }) => type)).toEqual(['connected', 'slow', 'relieved'])
        expect(server.asks).toBe(1)
      })
    }
  })
}
