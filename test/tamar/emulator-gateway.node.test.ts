// The gateway between the three services and the users, seen from both of its ends: its messages.
import { describe, expect, test } from 'vitest'
import { tamarRoom } from '../support/emulator.ts'
import type { TamarRoom } from '../support/room.ts'
import {
  counted,
  DESTINATION,
  database,
  insert,
  type NewRow,
  UserPeer as Peer,
  redisOf,
  rowOf,
  type StompPeer,
  stomp,
  type UserPeer,
  user,
} from '../support/tamar.ts'
import { dispatch, status } from './emulator-shared.ts'

/** Writes a row and names it to the gateway, as the SDKs do. */
async function send(room: TamarRoom, peer: StompPeer, row: NewRow = {}): Promise<string> {
  const id = await insert(room, row)
  await dispatch(peer, id)
  return id
}

describe('a realtime message', () => {
  test('reaches every socket of a user who is there, and nobody else', async () => {
    const room = tamarRoom()
    const [one, two, bob] = [await user(room, 'a:*'), await user(room, 'a:*'), await user(room, 'bob')]
    const redis = redisOf(room)
    await redis.publish('realtime:user:a:*', '{"n":12345678901234567000,"t":"ä"}')
    for (const peer of [one, two]) {
      expect(await peer.frames.next()).toEqual({
        type: 'realtime',
        payload: { n: 12345678901234567000, t: 'ä' },
      })
    }
    await redis.publish('realtime:user:nobody', '1')
    await redis.publish('realtime:user:bob', 'no JSON')
    await bob.settled()
    expect(await room.stats()).toMatchObject({ realtime: 3, realtimeDelivered: 1, malformedRealtime: 1 })
  })
})

describe('a reliable message', () => {
  test('goes from PENDING over DELIVERING to FINISHED when it is acknowledged', async () => {
    const room = tamarRoom()
    const [ann, peer] = [await user(room, 'ann'), await stomp(room.url)]
    const id = await insert(room, { seq: '9007199254740993', payload: { a: [1, 'ä'] } })
    expect(await rowOf(room, id)).toMatchObject({ status: 'PENDING', delivering_at: null })
    await dispatch(peer, id)
    const frame = await ann.frames.next()
    expect(frame).toMatchObject({ type: 'reliable', id, payload: { a: [1, 'ä'] } })
    expect(await rowOf(room, id)).toMatchObject({ status: 'DELIVERING', delivering_at: expect.any(String) })
    ann.ack(id)
    await status(room, id, 'FINISHED')
    expect(await rowOf(room, id)).toMatchObject({
      request_delivered_at: expect.any(String),
      finished_at: expect.any(String),
      tally: { dispatched: 1, delivered: 1, acks: 1, replies: 0 },
    })
    ann.ack(id)
    await counted(room, 'lateAcks', 1)
  })

  test('waits for a user who is away, and then all come in order of their numbers', async () => {
    const room = tamarRoom()
    const peer = await stomp(room.url)
    const ids = new Map<number, string>()
    for (const seq of [10, 2, 9, 1]) ids.set(seq, await send(room, peer, { seq }))
    await send(room, peer, { userId: 'Ann', seq: 5 })
    await counted(room, 'dispatched', 5)
    expect(await room.stats()).toMatchObject({ deliveries: 0, statuses: { PENDING: 5 } })
    const ann = await user(room, 'ann')
    const seqs = []
    for (let i = 0; i < 4; i++) seqs.push((await ann.frames.next()).seq)
    expect(seqs).toEqual([1, 2, 9, 10])
    for (const id of ids.values()) ann.ack(id)
    await counted(room, 'acks', 4)
    expect(await room.stats()).toMatchObject({ statuses: { FINISHED: 4, PENDING: 1 } })
  })

  test('comes again while nobody acknowledges it, and when the user comes back', async () => {
    const room = tamarRoom()
    await room.control('settings', { redeliverAfter: 30 })
    const peer = await stomp(room.url)
    const ann = await user(room, 'ann')
    const id = await send(room, peer)
    for (let i = 0; i < 3; i++) expect((await ann.frames.next()).id).toBe(id)
    await room.control('settings', { redeliverAfter: 60_000 })
    ann.close()
    await ann.closed
    const again = await user(room, 'ann')
    expect((await again.frames.next()).id).toBe(id)
    again.ack(id)
    await status(room, id, 'FINISHED')
    expect((await room.stats()).redeliveries).toBeGreaterThanOrEqual(3)
  })

  test('that is named twice is not pushed twice at once, nor once more when it is done', async () => {
    const room = tamarRoom()
    const [ann, peer] = [await user(room, 'ann'), await stomp(room.url)]
    const id = await send(room, peer)
    await dispatch(peer, id)
    await counted(room, 'repeated', 1)
    ann.ack(id)
    await status(room, id, 'FINISHED')
    await dispatch(peer, id)
    await counted(room, 'repeated', 2)
    await ann.settled()
    expect(await room.stats()).toMatchObject({ deliveries: 1, acks: 1 })
  })

  test('goes to every socket of its user, also to one that comes later; the first ack counts', async () => {
    const room = tamarRoom()
    const [one, two, peer] = [await user(room, 'ann'), await user(room, 'ann'), await stomp(room.url)]
    const id = await send(room, peer)
    expect([(await one.frames.next()).id, (await two.frames.next()).id]).toEqual([id, id])
    const three = await user(room, 'ann')
    expect((await three.frames.next()).id).toBe(id)
    three.ack(id)
    await status(room, id, 'FINISHED')
    one.ack(id)
    await counted(room, 'lateAcks', 1)
    expect(await room.stats()).toMatchObject({ deliveries: 1, redeliveries: 0, acks: 1 })
  })

  test.each([
    ['{"message_id":"none"}', 'unknownRows'],
    ['{"message_id":7}', 'malformedDispatches'],
    ['no JSON', 'malformedDispatches'],
  ])('of the name %s is dropped and counted', async (body, count) => {
    const room = tamarRoom()
    const peer = await stomp(room.url)
    await peer.confirmed('SEND', { destination: DESTINATION }, body)
    await counted(room, count, 1)
    expect((await room.stats()).queues).toContainEqual({
      name: 'ws.message.direct.queue',
      ready: 0,
      unconfirmed: 0,
      consumers: 1,
    })
  })
})

describe('the gateway', () => {
  test('takes nothing while it is stopped, and all of it afterwards', async () => {
    const room = tamarRoom()
    const [ann, peer] = [await user(room, 'ann'), await stomp(room.url)]
    await room.control('pause')
    const id = await send(room, peer)
    expect(await redisOf(room).publish('realtime:user:ann', '1')).toBe(0)
    await ann.settled()
    expect(await room.stats()).toMatchObject({ dispatched: 0, gateway: false })
    await room.control('resume')
    expect((await ann.frames.next()).id).toBe(id)
    await counted(room, 'dispatched', 1)
  })

  test('loses nothing of what is written and named when the machine dies', async () => {
    const room = tamarRoom()
    await room.control('pause')
    const peer = await stomp(room.wire)
    const id = await send(room, peer)
    await redisOf(room).incr('seq:user:ann')
    await room.control('crash')
    await peer.closed
    const ann: UserPeer = await user(room, 'ann')
    expect((await ann.frames.next()).id).toBe(id)
    await counted(room, 'dispatched', 1)
    expect(await redisOf(room).incr('seq:user:ann')).toBe(2)
  })

  test('tells a user what it cannot read, and lets in nobody without a name', async () => {
    const room = tamarRoom()
    const ann = await user(room, 'ann')
    for (const frame of [{ type: 'ack' }, { type: 'response', id: 'x' }, null, 7]) {
      ann.send(frame)
      expect((await ann.frames.next()).type).toBe('error')
    }
    expect(await room.stats()).toMatchObject({ malformed: 4 })
    await expect(user(room, '')).rejects.toThrow('400')
    await room.control('refuse', { what: 'user' })
    await expect(user(room, 'ann')).rejects.toThrow('403')
    await new Peer(room.user('ann')).opened
  })

  test('brings three hundred messages to ten users, each once', async () => {
    const room = tamarRoom()
    const users = await Promise.all(Array.from({ length: 10 }, (_, i) => user(room, `u${i}`)))
    const peer = await stomp(room.url)
    const COUNT = 300
    const ids = Array.from({ length: COUNT }, () => crypto.randomUUID())
    const db = database(room)
    for (let i = 0; i < COUNT; i += 500) {
      const values = ids
        .slice(i, i + 500)
        .map((id, n) => `('${id}', 'u${n % 10}', 1, ${i + n}, '{}', 'PENDING')`)
      await db.execute(
        `INSERT INTO push_messages (id, target_user_id, push_type, seq, payload, status) VALUES ${values}`,
      )
    }
    for (const id of ids)
      peer.send('SEND', { destination: DESTINATION, persistent: 'true' }, `{"message_id":"${id}"}`)
    const got = await Promise.all(
      users.map(async (one) => {
        const mine = []
        for (let i = 0; i < COUNT / 10; i++) {
          const { id } = await one.frames.next()
          mine.push(id)
          one.ack(id)
        }
        return mine
      }),
    )
    expect(got.flat().sort()).toEqual([...ids].sort())
    await Promise.all(users.map((one) => one.settled()))
    await counted(room, 'acks', COUNT)
    expect(await room.stats()).toMatchObject({ redeliveries: 0, statuses: { FINISHED: COUNT } })
  })
})
