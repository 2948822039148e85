// The faults of sockets and of whole rooms that can be asked for, and what a room tells of itself.
import { describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { TAMAR, tamarRoom } from '../support/emulator.ts'
import { rejection } from '../support/events.ts'
import { Inbox } from '../support/inbox.ts'
import { counted, DESTINATION, insert, redisOf, StompPeer, stomp, UserPeer, user } from '../support/tamar.ts'

const QUEUE = { destination: '/queue/a' }

describe('sockets', () => {
  test('drop: of one kind or of all, with a close code or without a goodbye', async () => {
    const { control, ...room } = tamarRoom()
    const [one, two] = [await stomp(room.url), await stomp(room.wire)]
    const ann = await user({ control, ...room }, 'ann')
    expect(await control('drop', { code: 1012, reason: 'soon back', connection: 1 })).toMatchObject({
      dropped: 1,
    })
    expect(await one.closed).toEqual({ code: 1012, reason: 'soon back' })
    await control('drop', { abrupt: true })
    expect((await two.closed).code).toBe(1006)
    await control('drop', { line: 'user' })
    expect(await ann.closed).toBe(1001)
    const [three, bob] = [await stomp(room.url), await user({ control, ...room }, 'bob')]
    expect(await control('drop', { line: 'all' })).toMatchObject({ dropped: 2 })
    await Promise.all([three.closed, bob.closed])
    expect(await room.stats()).toMatchObject({ dropped: 5, connections: 0, online: [] })
  })

  test('dropAfter: so many frames still go out', async () => {
    const room = tamarRoom()
    await room.control('dropAfter', { frames: 2 })
    const peer = await stomp(room.wire)
    peer.send('SEND', { ...QUEUE, receipt: '1' })
    expect((await peer.closed).code).toBe(1006)
    const next = await stomp(room.wire)
    await next.confirmed('SEND', QUEUE)
  })

  test.each(['delivery', 'send', 'frame'])(
    'killEvery %s: the same seed kills at the same counts',
    async (on) => {
      const run = async (): Promise<number[]> => {
        const room = tamarRoom()
        await room.control('settings', { redeliverAfter: 60_000 })
        await room.control('killEvery', { frames: 4, on, seed: 7, kills: 3 })
        const counts = []
        for (let kill = 0; kill < 3; kill++) {
          const peer = new StompPeer(room.wire)
          await peer.opened
          peer.send('CONNECT', { login: TAMAR.username, passcode: TAMAR.password, 'accept-version': '1.2' })
          peer.send('SUBSCRIBE', { id: '1', destination: `/queue/q${kill}` })
          for (let i = 0; i < 30; i++) peer.send('SEND', { destination: `/queue/q${kill}` }, String(i))
          await peer.closed
          counts.push((await room.stats()).sent!)
        }
        expect(await room.stats()).toMatchObject({ killsLeft: 0, dropped: 3 })
        await (await stomp(room.wire)).confirmed('SEND', QUEUE)
        return counts
      }
      expect(await run()).toEqual(await run())
    },
  )

  test('killEvery answer: a user is cut off as it acknowledges; nothing is lost', async () => {
    const room = tamarRoom()
    await room.control('killEvery', { line: 'user', on: 'answer', frames: 1, kills: 2 })
    const peer = await stomp(room.url)
    const id = await insert(room)
    await peer.confirmed('SEND', { destination: DESTINATION }, JSON.stringify({ message_id: id }))
    for (let i = 0; i < 3; i++) {
      const ann = new UserPeer(room.userWire('ann'))
      await ann.opened
      ann.ack(id)
      if (i < 2) await ann.closed
    }
    await counted(room, 'acks', 1)
  })

  test('mute and unmute: what comes meanwhile is not read', async () => {
    const room = tamarRoom()
    const peer = await stomp(room.url)
    await room.control('mute')
    peer.send('SEND', { ...QUEUE, receipt: 'lost' })
    const ann = await user(room, 'ann')
    await ann.settled()
    await room.control('unmute')
    await peer.confirmed('SEND', QUEUE)
    expect(await room.stats()).toMatchObject({ sent: 1 })
  })

  test('duplicate, truncate, corrupt and garbage', async () => {
    const room = tamarRoom()
    const peer = await stomp(room.url)
    await room.control('duplicate')
    peer.send('SEND', { ...QUEUE, receipt: '1' })
    expect([await peer.frames.next(), await peer.frames.next()]).toMatchObject([
      { headers: { 'receipt-id': '1' } },
      { headers: { 'receipt-id': '1' } },
    ])
    for (const op of ['truncate', 'corrupt']) {
      await room.control(op)
      const before = peer.raw.length
      peer.send('SEND', { ...QUEUE, receipt: '1' })
      peer.send('SEND', { ...QUEUE, receipt: '1' })
      while (peer.raw.length < before + 2) await new Promise((resolve) => setTimeout(resolve, 1))
      const [bad, good] = peer.raw.slice(before)
      expect(good!.toString()).toBe('RECEIPT\nreceipt-id:1\n\n\0\n')
      expect(bad).not.toEqual(good)
    }
    await room.control('garbage', { hex: '00ff' })
    await room.control('garbage', { text: 'MESSAGE\n' })
    while (peer.raw.length < 9) await new Promise((resolve) => setTimeout(resolve, 1))
    expect([peer.raw[7], peer.raw[8]]).toEqual([Buffer.of(0, 255), 'MESSAGE\n'])
  })

  test('delay keeps back what goes out, on one kind of line', async () => {
    const room = tamarRoom()
    const peer = await stomp(room.url)
    await room.control('delay', { ms: 50 })
    const before = performance.now()
    await peer.confirmed('SEND', QUEUE)
    expect(performance.now() - before).toBeGreaterThan(45)
    await room.control('delay', { ms: 0, line: 'all' })
    await room.control('delay', { ms: 50, line: 'http' })
    const then = performance.now()
    await redisOf(room).incr('n')
    expect(performance.now() - then).toBeGreaterThan(45)
  })

  test('noReceipt: what was sent is taken, and not confirmed', async () => {
    const room = tamarRoom()
    const peer = await stomp(room.url)
    await room.control('noReceipt')
    peer.send('SEND', { ...QUEUE, receipt: 'lost' })
    await peer.confirmed('SEND', QUEUE)
    expect(await room.stats()).toMatchObject({ sent: 2, receipts: 1 })
  })
})

test('credentials: other ones count from now on', async () => {
  const room = tamarRoom()
  await room.control('credentials', { redisToken: 'new', rabbitPassword: 'new' })
  await rejection(redisOf(room).incr('n'))
  expect(await redisOf(room, { token: 'new' }).incr('n')).toBe(1)
  await expect(stomp(room.url)).rejects.toThrow('ERROR')
  await stomp(room.url, { passcode: 'new' })
})

test('reset forgets rows, keys, queues, settings, faults, counters and connections', async () => {
  const { control, ...room } = tamarRoom()
  const all = { control, ...room }
  const [peer, ann] = [await stomp(room.url), await user(all, 'ann')]
  await insert(all)
  await redisOf(all).incr('n')
  await peer.confirmed('SEND', { ...QUEUE, persistent: 'true' }, 'x')
  await control('settings', { redeliverAfter: 7 })
  await control('failHttp', { count: 9 })
  await control('loseExchange')
  await control('reset')
  expect(await peer.closed).toEqual({ code: 1012, reason: 'the room was reset' })
  expect(await ann.closed).toBe(1012)
  expect(await room.stats()).toMatchObject({
    rows: 0,
    sent: 0,
    connections: 0,
    exchanges: [TAMAR.exchange],
    queues: [{ name: 'ws.message.direct.queue', ready: 0, unconfirmed: 0, consumers: 1 }],
    settings: { redeliverAfter: 5000 },
    gateway: true,
  })
  expect(await redisOf(all).incr('n')).toBe(1)
})

test('crash: connections break; rows, keys, durable queues and settings stay', async () => {
  const { control, ...room } = tamarRoom()
  const all = { control, ...room }
  const peer = await stomp(room.url)
  const id = await insert(all)
  await redisOf(all).incr('n')
  await peer.confirmed('SEND', { ...QUEUE, persistent: 'true' }, 'kept')
  await peer.confirmed('SEND', QUEUE, 'lost')
  await control('settings', { redeliverAfter: 7 })
  // What has changed is written a little later.
  await new Promise((resolve) => setTimeout(resolve, 100))
  await control('crash')
  expect((await peer.closed).code).toBe(1006)
  expect(await room.stats()).toMatchObject({ rows: 1, inserted: 1, settings: { redeliverAfter: 7 } })
  expect((await control('rows')).rows).toMatchObject([{ id, status: 'PENDING' }])
  expect(await redisOf(all).incr('n')).toBe(2)
  const again = await stomp(room.url)
  again.send('SUBSCRIBE', { id: 's', ...QUEUE })
  expect((await again.frames.next()).body).toBe('kept')
  await again.confirmed('SEND', { destination: '/queue/b' })
  expect(again.frames.rest).toEqual([])
})

test('tells on its events what happens, and no secret', async () => {
  const room = tamarRoom()
  const socket = new WebSocket(room.events)
  const types = new Inbox<string>()
  const texts: string[] = []
  socket.on('message', (data) => {
    texts.push(String(data))
    for (const { type } of JSON.parse(String(data)) as { type: string }[]) types.push(type)
  })
  expect(await types.next()).toBe('hello')
  const [ann, peer] = [await user(room, 'ann'), await stomp(room.url)]
  const id = await insert(room, { payload: { secret: 'payload' } })
  await peer.confirmed('SEND', { destination: DESTINATION }, JSON.stringify({ message_id: id }))
  ann.ack((await ann.frames.next()).id)
  for (const seen: string[] = []; !seen.includes('acked'); ) {
    seen.push(await types.next())
    if (seen.at(-1) === 'acked') {
      expect(seen).toEqual(
        expect.arrayContaining(['connected', 'frame', 'sent', 'request', 'dispatched', 'delivered']),
      )
    }
  }
  for (const secret of [TAMAR.token, TAMAR.mysqlPassword, TAMAR.password, 'payload']) {
    expect(texts.join()).not.toContain(secret)
  }
  socket.close()
})

test.each([
  ['explode', {}, 'unknown op "explode"'],
  ['settings', { redeliverAfter: '1' }, 'redeliverAfter'],
  ['settings', { wsFrame: 'blob' }, 'wsFrame'],
  ['settings', { timeZone: 0.5 }, 'timeZone'],
  ['drop', { line: 'other' }, '"line" must be one of "stomp", "user", "http", "all"'],
  ['killEvery', { on: 'never' }, '"on" must be one of "delivery", "send"'],
  ['failHttp', { endpoint: 'page' }, '"endpoint" must be one of'],
  ['failHttp', { status: 42 }, '"status" must be'],
  ['refuse', { what: 'all' }, '"what" must be one of'],
  ['replies', { how: 'never' }, '"how" must be one of'],
  ['credentials', { other: 'x' }, 'there is no credential "other"'],
])('%s %j is refused with what is wrong', async (op, args, text) => {
  await expect(tamarRoom().control(op, args)).rejects.toThrow(text)
})

test('below a room there is nothing else', async () => {
  const { site } = tamarRoom()
  for (const path of ['ws', 'user', 'none']) expect((await fetch(`${site}/${path}`)).status).toBe(404)
})
