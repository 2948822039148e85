// The commands that the gateway brings to users, and their answers, seen from both of its ends.
import { describe, expect, test } from 'vitest'
import { tamarRoom } from '../support/emulator.ts'
import type { TamarRoom } from '../support/room.ts'
import {
  counted,
  insert,
  type NewRow,
  rowOf,
  type StompFrame,
  type StompPeer,
  stomp,
  user,
} from '../support/tamar.ts'
import { dispatch, status } from './emulator-shared.ts'

const soon = (): number => Math.floor(Date.now() / 1000) + 1800

describe('a command', () => {
  const REPLY = { 'reply-to': '/temp-queue/replies' }

  async function command(
    room: TamarRoom,
    peer: StompPeer,
    row: NewRow = {},
  ): Promise<[id: string, request: string]> {
    const requestId = crypto.randomUUID()
    const payload = { type: 'open', data: { door: 1 } }
    const id = await insert(room, {
      pushType: 2,
      requestId,
      payload,
      expires: soon(),
      retryInterval: 60_000,
      ...row,
    })
    await dispatch(peer, id, { ...REPLY, 'correlation-id': requestId })
    return [id, requestId]
  }

  test('is acknowledged, answered, stored, and answered to whoever sent it', async () => {
    const room = tamarRoom()
    const [ann, peer] = [await user(room, 'ann'), await stomp(room.url)]
    const expires = soon()
    const [id, request] = await command(room, peer, { expires })
    expect(await ann.frames.next()).toEqual({
      type: 'command',
      id,
      seq: 1,
      command: 'open',
      data: { door: 1 },
      expiresAt: expires * 1000,
    })
    ann.ack(id)
    await status(room, id, 'REQUEST_DELIVERED')
    ann.respond(id, { ok: 'ä' })
    expect(await peer.frames.next()).toMatchObject({
      command: 'MESSAGE',
      headers: {
        subscription: '/temp-queue/replies',
        'correlation-id': request,
        'content-type': 'application/json',
        persistent: 'true',
      },
      body: '{"ok":"ä"}',
    })
    expect(await rowOf(room, id)).toMatchObject({
      status: 'FINISHED',
      command_response: '{"ok": "ä"}',
      tally: { dispatched: 1, delivered: 1, acks: 1, replies: 1 },
    })
    ann.respond(id, 'again')
    await counted(room, 'lateAcks', 1)
    await dispatch(peer, id, REPLY)
    // Named again, it is answered again: the first answer may have been lost.
    expect(await room.stats()).toMatchObject({ responses: 1, deliveries: 1 })
  })

  test('that was acknowledged and not answered is there again for a user who comes back', async () => {
    const room = tamarRoom()
    const [ann, peer] = [await user(room, 'ann'), await stomp(room.url)]
    const [id] = await command(room, peer, { retryInterval: 10 })
    await ann.frames.next()
    ann.ack(id)
    await status(room, id, 'REQUEST_DELIVERED')
    ann.close()
    await ann.closed
    const again = await user(room, 'ann')
    expect((await again.frames.next()).id).toBe(id)
    again.respond(id, null)
    expect((await peer.frames.next()).body).toBe('null')
  })

  test('comes again after its own interval', async () => {
    const room = tamarRoom()
    const [ann, peer] = [await user(room, 'ann'), await stomp(room.url)]
    const [id] = await command(room, peer, { retryInterval: 20 })
    for (let i = 0; i < 3; i++) expect((await ann.frames.next()).id).toBe(id)
  })

  test('whose time is over is TIMED_OUT, and its answer comes too late', async () => {
    const room = tamarRoom()
    const [ann, peer] = [await user(room, 'ann'), await stomp(room.url)]
    const [id] = await command(room, peer)
    await ann.frames.next()
    const [other] = await command(room, peer, { userId: 'away' })
    await room.control('skew', { ms: 1_801_000 })
    await status(room, id, 'TIMED_OUT')
    await status(room, other, 'TIMED_OUT')
    ann.respond(id, 1)
    await counted(room, 'lateAcks', 1)
    const away = await user(room, 'away')
    await away.settled()
    expect(await room.stats()).toMatchObject({ timedOut: 2, deliveries: 1, replies: 0 })
  })

  test('times out by the clock of the gateway alone', async () => {
    const room = tamarRoom()
    const peer = await stomp(room.url)
    const [id] = await command(room, peer, { expires: Math.floor(Date.now() / 1000) })
    await status(room, id, 'TIMED_OUT')
  })

  test('cannot be acknowledged or answered by another user', async () => {
    const room = tamarRoom()
    const [ann, bob, peer] = [await user(room, 'ann'), await user(room, 'bob'), await stomp(room.url)]
    const [id] = await command(room, peer)
    await ann.frames.next()
    bob.ack(id)
    bob.respond(id, 'mine')
    bob.ack('none')
    await counted(room, 'foreignAcks', 3)
    expect(await rowOf(room, id)).toMatchObject({ status: 'DELIVERING', command_response: null })
  })

  test('whose reply queue is gone has its answer in the table', async () => {
    const room = tamarRoom()
    const [ann, peer] = [await user(room, 'ann'), await stomp(room.url)]
    const [id] = await command(room, peer)
    await ann.frames.next()
    peer.break()
    await counted(room, 'connections', 0)
    ann.respond(id, { late: true })
    await status(room, id, 'FINISHED')
    expect(await rowOf(room, id)).toMatchObject({ command_response: '{"late": true}' })
    expect(await room.stats()).toMatchObject({ unroutable: 1, replies: 1 })
  })

  test.each([
    ['foreign', 2],
    ['doubled', 2],
    ['late', 1],
    ['malformed', 1],
  ])('can be answered in a way that is %s', async (how, count) => {
    const room = tamarRoom()
    const [ann, peer] = [await user(room, 'ann'), await stomp(room.url)]
    await room.control('replies', { how, ms: 10 })
    const [id, request] = await command(room, peer)
    await ann.frames.next()
    ann.respond(id, { a: 1 })
    const frames: StompFrame[] = []
    for (let i = 0; i < count; i++) frames.push(await peer.frames.next())
    expect(frames.at(-1)!.headers['correlation-id']).toBe(request)
    expect(frames[0]!.headers['correlation-id'] === request).toBe(how !== 'foreign')
    if (how === 'malformed') expect(() => JSON.parse(frames[0]!.body)).toThrow()
    else expect(JSON.parse(frames.at(-1)!.body)).toEqual({ a: 1 })
  })

  test('can go without its answer, which is then in the table', async () => {
    const room = tamarRoom()
    const [ann, peer] = [await user(room, 'ann'), await stomp(room.url)]
    await room.control('replies', { how: 'none' })
    const [id] = await command(room, peer)
    await ann.frames.next()
    ann.respond(id, 1)
    await status(room, id, 'FINISHED')
    await peer.confirmed('SEND', { destination: '/queue/a' })
    expect(await rowOf(room, id)).toMatchObject({ command_response: '1' })
  })
})
