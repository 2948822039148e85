import { gunzipSync } from 'node:zlib'
import { describe, expect, inject, test } from 'vitest'
import WebSocket from 'ws'
import { byte, text } from './peer.ts'
import { newRoom, settled, status } from './rooms.ts'

describe('sign-in', () => {
  test('is acknowledged with the same flag and a token', async () => {
    const peer = newRoom().peer()
    const ack = await peer.connect({ intranet_ip: '127.0.0.1', minor_group: 'x' }, 42)
    expect(ack).toMatchObject({ type: 'connectack', flag: 42, statusCode: undefined })
    expect(ack.token).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
  })

  test('without a flag is acknowledged without one, at the root of the server too', async () => {
    const room = newRoom()
    expect((await room.peer().connect({}, 0)).flag).toBeUndefined()
    const socket = new WebSocket(`${inject('playground').replace('http', 'ws')}/`)
    await new Promise((resolve) => socket.on('open', resolve))
    socket.close()
  })

  test.each([
    ['a wrong signature', { sign: 'F'.repeat(32) }, [25, 'invalid signature']],
    ['an unknown app', { app_key: '1' }, [29, 'invalid app key: 1']],
    ['a clock that is off', { timestamp: '1700000000000' }, [31, 'invalid timestamp: 1700000000000']],
    ['no group', { group_name: '' }, [40, 'missing required arguments']],
  ])('with %s is refused', async (_, headers, expected) => {
    const answer = await newRoom().peer().connect(headers)
    expect(answer).toMatchObject({ type: 'connectack', flag: 7, token: undefined })
    expect(status(answer)).toEqual(expected)
  })

  test('to an unknown group is refused in a strict room; to a full group always', async () => {
    const room = newRoom()
    await room.control('settings', { strict: true, maxConnections: 1 })
    expect((await room.peer().connect({ group_name: 'new' })).statusCode).toBe(41)
    await room.control('app', { groups: ['new'] })
    expect((await room.peer().connect({ group_name: 'new' })).statusCode).toBeUndefined()
    expect((await room.peer().connect({ group_name: 'new' })).statusCode).toBe(7)
  })

  test('comes first, and its token goes with every frame', async () => {
    const room = newRoom()
    const peer = room.peer()
    await peer.request(1)
    expect(status(await peer.frames.next())).toEqual([26, 'not signed in'])
    await peer.connect()
    await peer.send({ type: 'send', token: 'stale', flag: 9, headers: [['__kind', byte(1)]] })
    expect(await peer.frames.next()).toMatchObject({ type: 'sendack', flag: 9, statusCode: 27 })
    expect(await room.stats()).toMatchObject({ unauthorized: 2, pulls: 0 })
  })

  test('malformed frames are reported and counted, text is counted; the connection goes on', async () => {
    const room = newRoom()
    const peer = await room.signedIn()
    await peer.raw('hello')
    await peer.raw(Uint8Array.of(2, 2, 1))
    const notice = await peer.frames.next()
    expect([notice.statusCode, notice.flag]).toEqual([43, undefined])
    expect(await room.stats()).toMatchObject({ malformed: 1, textFrames: 1, connections: 1 })
  })
})

describe('delivery', () => {
  test('has the headers of the production service, in its order', async () => {
    const room = newRoom()
    const peer = await room.signedIn()
    await room.control('produce', { content: '{"n":"中"}', userId: '720999999' })
    const frame = await peer.frames.next()
    const shape = Array.from(frame.headers, ([key, { type }]) => `${key} ${type}`)
    expect(shape.join(', ')).toBe(
      'topic string, userid int64, __kind byte, publisher string, retried byte, content string, id int64, ' +
        'data_id int64, time date, nick string, dataid int64, born_time int64, outtime date',
    )
    expect([frame.type, frame.flag, frame.token]).toEqual(['send', undefined, peer.token])
    expect(frame.headers.get('id')!.value).toBeGreaterThan(2n ** 53n)
    expect(frame.headers.get('content')!.value).toBe('{"n":"中"}')
  })

  test('of long content is a gzip byte[]', async () => {
    const room = newRoom()
    const peer = await room.signedIn()
    await room.control('produce', { size: 5000, content: '{"a":"中"}' })
    const content = (await peer.frames.next()).headers.get('content')!
    expect(gunzipSync(content.value as Uint8Array).toString()).toBe('{"a":"中"}'.padEnd(5000))
  })

  test('a confirmed message is gone, a failed one comes again with its tries', async () => {
    const room = newRoom()
    await room.control('settings', { redeliverAfter: 20 })
    const peer = await room.signedIn()
    await room.control('produce', { count: 2 })
    const [a, b] = [await peer.nextId(), await peer.nextId()]
    await peer.confirm(a)
    await peer.fail(b, 'no')
    const again = await peer.frames.next()
    expect(again.headers.get('id')!.value).toBe(b)
    expect(again.headers.get('retried')!.value).toBe(1)
    await peer.confirm(b)
    await settled(peer)
    expect(await room.stats()).toMatchObject({
      confirmed: 2,
      failed: 1,
      redelivered: 1,
      waiting: 0,
      unconfirmed: 0,
    })
  })

  test('an unconfirmed message comes again after the timeout, and after its connection is lost', async () => {
    const room = newRoom()
    await room.control('settings', { confirmTimeout: 30, redeliverAfter: 10 })
    const first = await room.signedIn()
    await room.control('produce')
    const id = await first.nextId()
    expect(await first.nextId()).toBe(id)
    first.break()
    const second = await room.signedIn()
    expect(await second.nextId()).toBe(id)
  })

  test('several connections share the messages; a message goes to one of them', async () => {
    const room = newRoom()
    const peers = [await room.signedIn(), await room.signedIn()]
    const other = await room.signedIn('other')
    await room.control('produce', { count: 10, group: 'default' })
    const ids = await Promise.all(peers.flatMap((peer) => Array.from({ length: 5 }, () => peer.nextId())))
    expect(new Set(ids).size).toBe(10)
    await Promise.all([...peers, other].map(settled))
    expect([...peers, other].map((peer) => peer.frames.rest.length)).toEqual([0, 0, 0])
  })

  test('stops at the window; a pull request or a confirm brings more', async () => {
    const room = newRoom()
    await room.control('settings', { window: 2, pullBatch: 3 })
    const peer = await room.signedIn()
    await room.control('produce', { count: 10 })
    const id = await peer.nextId()
    await peer.nextId()
    await settled(peer)
    expect(peer.frames.rest.length).toBe(0)
    await peer.request(1)
    for (let i = 0; i < 3; i++) await peer.nextId()
    expect(await room.stats()).toMatchObject({ pulls: 1, unconfirmed: 5, waiting: 5 })
    await peer.confirm(id)
    await settled(peer)
    expect(peer.frames.rest.length).toBe(0)
  })

  test('ids of any integer width are understood', async () => {
    const room = newRoom()
    await room.control('settings', { idBase: '0' })
    const peer = await room.signedIn()
    await room.control('produce', { count: 4 })
    const types = ['byte', 'int16', 'int32'] as const
    for (const type of types) await peer.request(2, [['id', { type, value: Number(await peer.nextId()) }]])
    await peer.confirm(await peer.nextId())
    await settled(peer)
    expect(await room.stats()).toMatchObject({ confirmed: 4, confirmsUnknown: 0 })
  })

  test('a queue longer than what is held in memory is delivered whole, and only in its room', async () => {
    const room = newRoom()
    await room.control('produce', { count: 1200 })
    const peer = await room.signedIn()
    for (let i = 0; i < 1200; i++) await peer.confirm(await peer.nextId())
    await settled(peer)
    expect(await room.stats()).toMatchObject({ confirmed: 1200, waiting: 0 })
    expect(await newRoom().stats()).toMatchObject({ published: 0 })
  })

  test('messages survive a crash of the server', async () => {
    const room = newRoom()
    await room.control('produce', { count: 3 })
    const peer = await room.signedIn()
    const ids = [await peer.nextId(), await peer.nextId(), await peer.nextId()]
    await room.control('crash')
    expect(await peer.closed).toBe(1006)
    const next = await room.signedIn()
    expect([await next.nextId(), await next.nextId(), await next.nextId()]).toEqual(ids)
  })
})

describe('produce', () => {
  test('is answered with its flag and delivered to every group', async () => {
    const room = newRoom()
    const peers = [await room.signedIn('a'), await room.signedIn('b')]
    const fields = [['topic', text('t')] as const, ['content', text('{}')] as const]
    await peers[0]!.request(
      3,
      fields.map(([key, value]) => [key, value]),
      11,
    )
    const answers = [await peers[0]!.frames.next(), await peers[0]!.frames.next()]
    expect(answers.find(({ type }) => type === 'sendack')).toMatchObject({ flag: 11, statusCode: undefined })
    expect((await peers[1]!.frames.next()).headers.get('topic')!.value).toBe('t')
  })

  test('without a topic, or with one that is not allowed, is an error with its flag', async () => {
    const room = newRoom()
    await room.control('settings', { topics: ['allowed'] })
    const peer = await room.signedIn()
    await peer.request(3, [['content', text('{}')]], 3)
    expect(await peer.frames.next()).toMatchObject({ type: 'sendack', flag: 3, statusCode: 40 })
    await peer.request(3, [['topic', text('t')]], 4)
    expect(await peer.frames.next()).toMatchObject({ type: 'sendack', flag: 4, statusCode: 11 })
  })
})

test('the event stream tells what happens', async () => {
  const room = newRoom()
  const socket = new WebSocket(`${room.url.replace('http', 'ws')}/events`)
  const types: string[] = []
  const confirmed = new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      for (const { type } of JSON.parse(String(data)) as { type: string }[]) types.push(type)
      if (types.includes('confirmed')) resolve()
    })
  })
  await new Promise((resolve) => socket.on('open', resolve))
  const peer = await room.signedIn()
  await room.control('produce')
  await peer.confirm(await peer.nextId())
  await confirmed
  socket.close()
  expect(types).toEqual(['hello', 'connected', 'signedIn', 'produced', 'delivered', 'confirmed'])
})
