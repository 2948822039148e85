import { describe, expect, test } from 'vitest'
import { once, rejection, until } from '../support/events.ts'
import { Tally } from '../support/tally.ts'
import type { ContractMessage, ContractPlug } from './plug.ts'

/** The same promises on a real socket, against the provider's emulator. */
export function live(plug: ContractPlug): void {
  describe('on a real socket', () => {
    if (plug.traits.acks) {
      test('A9 · messages come through breaks of both kinds, none lost', async () => {
        const room = await plug.room()
        await using client = plug.create(room.options)
        const seen = new Set<string>()
        client.on('message', async (message) => {
          await Promise.resolve()
          seen.add(plug.nameOf(message))
        })
        await client.connect()
        for (let round = 0; round < 4; round++) {
          await room.produce(100)
          const lost = once(client, 'state', ({ to }: { to: string }) => to === 'reconnecting')
          await room.drop(round % 2 === 0)
          await lost
          await until(() => client.state === 'open')
        }
        await until(() => seen.size === 400)
        await until(async () => (await room.left()) === 0)
        expect(client.stats().reconnects).toBe(4)
      })

      test('A16 · a reader that sleeps through 2,000 messages gets each of them in the end', async () => {
        const room = await plug.room()
        await using client = plug.create({ ...room.options, maxBuffered: 50, handlerTimeout: 0 })
        const tally = new Tally(2_000)
        const numbers = new Map<string, number>()
        let peak = 0
        client.on('status', (status) => {
          if (status.type === 'slow') peak = Math.max(peak, status.buffered)
        })
        // The reader that sleeps: it wants messages, and takes none.
        client.messages()
        await client.connect()
        const full = once(client, 'status', ({ type }: { type: string }) => type === 'slow')
        await room.produce(2_000)
        await full
        const done = (message: ContractMessage) => {
          const name = plug.nameOf(message)
          const number = numbers.get(name) ?? numbers.size + 1
          numbers.set(name, number)
          tally.done(number)
        }
        client.on('message', done)
        // What did not fit is held by the server for this session: it comes again on the next one.
        while (tally.handled < 2_000) {
          const { received } = client.stats()
          await new Promise((resolve) => setTimeout(resolve, 20))
          if (client.stats().received === received && client.state === 'open') await room.drop(false)
        }
        await until(async () => (await room.left()) === 0)
        expect([tally.lost, peak]).toEqual([0, 50])
      })
    } else if (plug.traits.messages) {
      test('A9 · messages come through breaks of both kinds: what comes while the line is up comes once, in order', async () => {
        const room = await plug.room()
        await using client = plug.create(room.options)
        const seen: string[] = []
        client.on('message', (message) => seen.push(plug.nameOf(message)))
        await client.connect()
        for (let round = 0; round < 4; round++) {
          await until(async () => (await room.listeners!()) === 1)
          await room.produce(100)
          await until(() => seen.length === 100 * (round + 1))
          const lost = once(client, 'state', ({ to }: { to: string }) => to === 'reconnecting')
          await room.drop(round % 2 === 0)
          await lost
          await until(() => client.state === 'open')
        }
        expect(new Set(seen).size).toBe(400)
        expect(client.stats().reconnects).toBe(4)
      })
    } else {
      test('A8 · calls go through breaks of both kinds: each ends, and what was answered has arrived', async () => {
        const room = await plug.room()
        await using client = plug.create(room.options)
        const answered = new Set<string>()
        const codes = new Set<string>()
        for (let round = 0; round < 4; round++) {
          await client.connect()
          const before = answered.size
          const calls = Array.from({ length: 100 }, (_, n) => `${round}-${n}`).map((text) =>
            plug.call(client, text).then(
              () => void answered.add(text),
              ({ code }) => void codes.add(code),
            ),
          )
          if (round > 0) await until(() => answered.size > before)
          const lost = once(client, 'state', ({ to }: { to: string }) => to === 'reconnecting')
          await room.drop(round % 2 === 0)
          await Promise.all([...calls, lost])
        }
        codes.delete('CONNECTION_LOST')
        const left = await room.left()
        expect([[...codes], left >= answered.size, left <= 400]).toEqual([[], true, true])
      })
    }

    if (plug.traits.refusals) {
      test('a refused sign-in ends the client with what the server said', async () => {
        const room = await plug.room()
        await room.refuseNext()
        const client = plug.create(room.options)
        expect(await rejection(client.connect())).toMatchObject({ code: 'AUTH_REJECTED' })
        expect(client.state).toBe('closed')
        await client.connect()
        await client.close()
      })
    }

    test('A18 · works with the runtime’s own WebSocket and classes', async () => {
      const room = await plug.room()
      await using client = plug.create(room.options)
      if (!plug.traits.messages) {
        await plug.call(client, 'x')
        return expect(await room.left()).toBe(1)
      }
      const messages = client.messages()
      await client.connect()
      if (room.listeners) await until(async () => (await room.listeners!()) === 1)
      await room.produce(1)
      const { value: message } = await messages.next()
      if (plug.traits.acks) await message.ack()
      await until(async () => (await room.left()) === 0)
    })
  })
}
