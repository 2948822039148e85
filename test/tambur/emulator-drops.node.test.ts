import { describe, expect, test } from 'vitest'
import { tamburRoom } from '../support/emulator.ts'
import { until } from '../support/events.ts'
import type { Controlled } from '../support/room.ts'
import { publish } from './publisher.ts'
import { subscribed } from './raw.ts'

interface Handed {
  readonly subscriber: string
  readonly ended: number | 'abrupt' | null
  readonly messages: readonly [first: number, last: number][]
}

/** The numbers of the messages that were handed to each subscriber. */
async function handed({ control }: Controlled, subscriber?: string): Promise<Map<string, number[]>> {
  const { deliveries } = (await control('deliveries', { subscriber })) as { deliveries: Handed[] }
  const numbers = ([first, last]: readonly [number, number]) =>
    Array.from({ length: last - first + 1 }, (_, n) => first + n)
  return new Map(deliveries.map(({ subscriber: id, messages }) => [id, messages.flatMap(numbers)]))
}

describe('a connection', () => {
  test('is dropped with a code, and on a wire without a goodbye', async () => {
    const room = tamburRoom()
    const peers = [await subscribed(room), await subscribed(room)]
    expect(await room.control('drop', { connection: 2, code: 4000 })).toMatchObject({ dropped: 1 })
    expect(await peers[1]!.closed).toBe(4000)
    expect(await room.control('drop', { code: 1012 })).toMatchObject({ dropped: 1 })
    expect(await peers[0]!.closed).toBe(1012)
    const wired = await subscribed(room, [], room.wire)
    await room.control('drop', { abrupt: true })
    expect(await wired.closed).toBe(1006)
    expect(await room.stats()).toMatchObject({ accepted: 3, dropped: 3, connections: 0 })
  })

  test('without a wire falls silent and breaks at its next frame', async () => {
    const { control, ...room } = tamburRoom()
    const peer = await subscribed(room, ['demo'])
    await control('drop', { connection: 'random', abrupt: true })
    await control('publish', { message: 'unheard' })
    expect(await room.stats()).toMatchObject({ delivered: 0, streams: [] })
    peer.send('["subscribe",2,"x"]')
    expect(await peer.closed).toBe(1006)
    expect(peer.messages.rest).toEqual([])
  })

  test('is dropped after so many frames', async () => {
    const { control, ...room } = tamburRoom()
    const peer = await subscribed(room, ['demo'], room.wire)
    await control('dropAfter', { frames: 3 })
    await control('publish', { count: 5, message: '{n}' })
    expect(await peer.closed).toBe(1006)
    expect(await peer.texts(3)).toEqual(['1', '2', '3'])
    expect([...(await handed({ ...room, control })).values()]).toEqual([[1, 2, 3]])
  })

  test.each(['subscribe', 'command'])('dies of a %s, which is carried out or not', async (on) => {
    const room = tamburRoom()
    const watcher = await subscribed(room, ['s'])
    await watcher.setMode('presence', 's', 'watcher')
    await room.control('killEvery', { frames: 1, on, seed: 3, kills: 8 })
    for (let n = 0; n < 8; n++) {
      const peer = await subscribed(room, [], room.wire)
      void peer.command('subscribe', 's')
      expect(await peer.closed).toBe(1006)
    }
    const { commands, acks, dropped, killsLeft } = await room.stats()
    expect([commands, dropped, killsLeft]).toEqual([10, 8, 0])
    expect(acks).toBeGreaterThan(2)
    expect(acks).toBeLessThan(10)
  })

  test.each([
    ['a goodbye', 1012],
    ['none', undefined],
  ])(
    'dies of every so many messages with %s; each message is handed over once, in order',
    async (_, code) => {
      const { control, ...room } = tamburRoom()
      const total = 2000
      await control('killEvery', { frames: 60, seed: 7, kills: 20, code })
      const received = new Map<string, number[]>()
      let published = 0
      while (published < total) {
        const peer = await subscribed(room, ['demo'], room.wire)
        const numbers: number[] = []
        received.set(peer.id, numbers)
        const closed = peer.closed.then(() => 'closed' as const)
        for (let open = true; open && published < total; ) {
          const { last } = await control('publish', { count: 25, message: '{n}' })
          published = Number(last)
          const settled = await Promise.race([peer.settled(), closed])
          open = settled !== 'closed'
        }
        for (const message of peer.messages.rest) numbers.push(Number(message[2]))
        peer.close()
      }
      const { dropped, killsLeft, delivered } = await room.stats()
      expect(dropped! + killsLeft!).toBe(20)
      expect(dropped).toBeGreaterThan(10)
      const all = await handed({ ...room, control })
      const counts = (lists: Map<string, number[]>) => [...lists].map(([id, list]) => [id, list.length])
      expect(counts(received)).toEqual(counts(all))
      expect([...all.values()].flat().length).toBe(delivered)
      // A text is the number within its batch of 25.
      for (const [id, numbers] of all) {
        expect(received.get(id)).toEqual(numbers.map((number) => ((number - 1) % 25) + 1))
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
      }
    },
  )
})

test('deliveries tells what each subscriber was handed, by the numbers of publications', async () => {
  const room = tamburRoom()
  const peer = await subscribed(room, ['a'])
  const other = await subscribed(room, ['a', 'b'])
  await room.control('publish', { stream: 'a', count: 3 })
  await publish(room, 'b', 'x')
  expect((await publish(room, 'a', 'x')).headers.get('x-message')).toBe('5')
  await publish(room, `private:${peer.id}`, 'x')
  await publish(room, 'auth:a', 'x')
  other.close()
  await until(async () => (await room.stats()).connections === 1)
  expect((await room.control('deliveries')).deliveries).toEqual([
    {
      subscriber: peer.id,
      connection: 1,
      ended: null,
      messages: [
        [1, 3],
        [5, 6],
      ],
    },
    { subscriber: other.id, connection: 2, ended: 1005, messages: [[1, 5]] },
  ])
  expect([...(await handed(room, peer.id)).keys()]).toEqual([peer.id])
  expect(await room.stats()).toMatchObject({ published: 7, delivered: 10 })
})
