import { describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { prismRoom as room } from '../support/emulator.ts'
import { until } from '../support/events.ts'
import { call, connected, NotifyPeer, now } from './raw.ts'

describe('the socket', () => {
  test.each([
    ['with a wrong signature', { sign: 'X' }, 'invalid_signature'],
    ['that is old', { time: now() - 400 }, 'expired_signature'],
    ['of an unknown client', { key: 'nobody' }, 'unknown_client'],
    ['with a token that is unknown', { headers: { Authorization: 'Bearer x' } }, 'invalid_token'],
  ])('%s is refused before it opens', async (_, init, code) => {
    const { baseUrl, wire, stats } = room()
    for (const url of [baseUrl, wire]) {
      const { status, body } = await new NotifyPeer(url, init).answer
      expect([status, JSON.parse(body).error.code]).toEqual([401, code])
    }
    expect(await stats()).toMatchObject({ refused: 2, accepted: 0, connections: 0 })
  })

  test('opens at the base URL, at the sandbox, on the wire', async () => {
    const { baseUrl, wire, stats } = room()
    for (const url of [baseUrl, `${baseUrl}-sandbox`, wire]) await connected(url)
    expect(await stats()).toMatchObject({ accepted: 3, connections: 3, calls: 3 })
  })
})

describe('a message', () => {
  test('has all its fields, with a tag that no double can hold', async () => {
    const { baseUrl, stats } = room()
    const peer = await connected(baseUrl)
    peer.publish('order.new', '{"a":"中 😀\\u0000"}', 'application/json')
    const { text, tag } = await peer.deliveries.next()
    expect(text).toMatch(/,"time":\d{10},"tag":9007199254740993\}$/)
    const { time, ...rest } = JSON.parse(text)
    expect(rest).toEqual({
      client_id: 'isomq-key',
      app: 'isomq',
      key: 'order.new',
      type: 'application/json',
      body: '{"a":"中 😀\\u0000"}',
      tag: 9007199254740992,
    })
    expect(Math.abs(time - now())).toBeLessThan(5)
    peer.ack(tag)
    await peer.settled()
    expect(await stats()).toMatchObject({
      published: 1,
      publishesTaken: 1,
      delivered: 1,
      acked: 1,
      acksUnknown: 0,
      waiting: 0,
      unacked: 0,
    })
  })

  test('can have a tag as text, and tags that go on over connections', async () => {
    const { baseUrl, control } = room()
    await control('settings', { tagType: 'string', tagBase: '5', uniqueTags: true })
    await control('produce', { count: 2 })
    const first = await connected(baseUrl)
    expect((await first.deliveries.next()).text).toContain('"tag":"5"}')
    expect((await first.deliveries.next()).tag).toBe('6')
    first.close()
    await first.closed
    const second = await connected(baseUrl)
    expect([(await second.deliveries.next()).tag, (await second.deliveries.next()).tag]).toEqual(['7', '8'])
  })

  test('comes and goes in text frames too, as Go sends them', async () => {
    const { baseUrl, stats } = room()
    const peer = await connected(baseUrl, null)
    const text = (frame: Buffer) => peer.sendText(frame)
    peer.send('\x02')
    peer.publish('订单.新', '消息 😀', 'text/plain', text)
    const { body, key, tag } = await peer.deliveries.next()
    expect([key, body]).toEqual(['订单.新', '消息 😀'])
    peer.send(`\x03${tag}`)
    await peer.settled()
    expect(await stats()).toMatchObject({ acked: 1, textFrames: 3, malformed: 1 })
  })

  test('has a body of up to 65,536 bytes, a key of up to 256', async () => {
    const { baseUrl, stats } = room()
    const peer = await connected(baseUrl)
    peer.publish('k'.repeat(256), 'x'.repeat(65_536))
    expect((await peer.deliveries.next()).body.length).toBe(65_536)
    peer.publish('k', 'x'.repeat(65_537))
    expect(await peer.errors.next()).toBe('limit_exceeded')
    peer.publish('中'.repeat(86), 'x')
    expect(await peer.errors.next()).toBe('limit_exceeded')
    peer.publish('', '', '')
    expect((await peer.deliveries.next()).text).not.toContain('"type"')
    expect(await stats()).toMatchObject({ limited: 2, publishesTaken: 2, connections: 1 })
  })

  test('by HTTP is the same', async () => {
    const { baseUrl } = room()
    const form = [['data', 'hello world'] as const, ['key', 'a.b'] as const]
    expect(await (await call(`${baseUrl}/platform/notify/write`, { method: 'POST', form })).text()).toBe(
      '{"result":true,"error":null}',
    )
    const peer = await connected(baseUrl)
    expect(await peer.deliveries.next()).toMatchObject({ key: 'a.b', body: 'hello world' })
    const status = await (await call(`${baseUrl}/platform/notify/status`)).json()
    expect(status.result.queues).toEqual([{ queue: '', keys: ['#'], waiting: 0, unacked: 1, consumers: 1 }])
  })
})

describe('a command', () => {
  test.each([
    ['', 'nothing'],
    ['00', 'an unknown command'],
    ['0100', 'half a length'],
    ['01000161', 'no body'],
    ['0100016100000001620001', 'half a content type'],
    ['010001610000000162000063', 'something behind the end'],
    ['010001ff00000001620000', 'a key that is not UTF-8'],
    ['0200', 'half a name'],
    ['02000161ff', 'something behind the name'],
    ['03', 'no tag'],
    ['03786f', 'a tag of letters'],
    ['03312e30', 'a tag with a point'],
  ])('%s is malformed: %s', async (hex) => {
    const { baseUrl, stats } = room()
    const peer = await connected(baseUrl, null)
    peer.send(Buffer.from(hex, 'hex'))
    expect(await peer.errors.next()).toBe('malformed')
    expect(await stats()).toMatchObject({ malformed: 1, connections: 1, published: 0, consumes: 0 })
  })

  test('consume means the default queue with and without an empty name, and counts once', async () => {
    const { baseUrl, control, stats } = room()
    const peer = await connected(baseUrl, '')
    peer.consume()
    await control('produce', { count: 3 })
    expect(await peer.bodies(3)).toEqual(['{"order":1}', '{"order":2}', '{"order":3}'])
    await peer.settled()
    expect(await stats()).toMatchObject({ consumes: 2, delivered: 3 })
  })

  test('ack of an unknown tag is counted; so is the second of the same', async () => {
    const { baseUrl, control, stats } = room()
    const peer = await connected(baseUrl)
    await control('produce')
    const { tag } = await peer.deliveries.next()
    // What a client sends that takes the tag for a double.
    peer.ack(String(Number(tag)))
    peer.ack(tag)
    peer.ack(tag)
    peer.ack('18446744073709551615')
    await peer.settled()
    expect(await stats()).toMatchObject({ acked: 1, acksUnknown: 3, malformed: 1 })
  })
})

describe('queues', () => {
  test('a named queue gets everything that comes after it was first consumed', async () => {
    const { baseUrl, control } = room()
    await control('produce', { key: 'before' })
    const peer = await connected(baseUrl, 'orders')
    await peer.settled()
    await control('produce', { key: 'after' })
    expect((await peer.deliveries.next()).key).toBe('after')
    const rest = await connected(baseUrl)
    expect([(await rest.deliveries.next()).key, (await rest.deliveries.next()).key]).toEqual([
      'before',
      'after',
    ])
  })

  test('bindings choose by patterns', async () => {
    const { baseUrl, control, stats } = room()
    expect(await control('bind', { queue: 'new', key: '*.new' })).toMatchObject({ keys: ['*.new'] })
    await control('bind', { queue: 'orders', key: 'order.#' })
    await control('bind', { queue: 'orders', key: 'refund' })
    await control('bind', { queue: '', key: 'nothing' })
    for (const key of ['order.new', 'order', 'order.a.b', 'x.new', 'refund', 'a.b.new']) {
      await control('produce', { key, body: key })
    }
    const news = await connected(baseUrl, 'new')
    expect(await news.bodies(2)).toEqual(['order.new', 'x.new'])
    const orders = await connected(baseUrl, 'orders')
    expect(await orders.bodies(4)).toEqual(['order.new', 'order', 'order.a.b', 'refund'])
    expect(await control('unbind', { queue: 'orders', key: 'refund' })).toMatchObject({ keys: ['order.#'] })
    await control('produce', { key: 'refund' })
    expect(await stats()).toMatchObject({ published: 7, unacked: 6, waiting: 0 })
  })

  test('clients have queues of their own; a connection can consume several', async () => {
    const { baseUrl, control } = room()
    await control('app', { key: 'other', secret: 's' })
    const mine = await connected(baseUrl, 'a')
    mine.consume('b')
    const other = await connected(baseUrl, undefined, { key: 'other', secret: 's' })
    await mine.settled()
    await control('produce', { body: 'x' })
    await control('produce', { body: 'y', client: 'other' })
    expect(await mine.bodies(2)).toEqual(['x', 'x'])
    expect(await other.bodies(1)).toEqual(['y'])
    await Promise.all([mine.settled(), other.settled()])
    expect([mine, other].map((peer) => peer.deliveries.rest.length)).toEqual([0, 0])
  })

  test('consumers of a queue take turns; a message goes to one of them', async () => {
    const { baseUrl, control } = room()
    const peers = [await connected(baseUrl), await connected(baseUrl)]
    await Promise.all(peers.map((peer) => peer.settled()))
    await control('produce', { count: 10 })
    const bodies = await Promise.all(peers.map((peer) => peer.bodies(5)))
    expect(new Set(bodies.flat()).size).toBe(10)
  })

  test('the window stops deliveries; each ack brings one more', async () => {
    const { baseUrl, control, stats } = room()
    await control('settings', { prefetch: 2 })
    await control('produce', { count: 5 })
    const peer = await connected(baseUrl)
    const { tag } = await peer.deliveries.next()
    await peer.deliveries.next()
    await peer.settled()
    expect(peer.deliveries.rest.length).toBe(0)
    expect(await stats()).toMatchObject({ unacked: 2, waiting: 3 })
    peer.ack(tag)
    expect((await peer.deliveries.next()).body).toBe('{"order":3}')
  })

  test('what was not acknowledged comes again, in order, and to others', async () => {
    const { baseUrl, control, stats } = room()
    await control('produce', { count: 6 })
    await control('settings', { prefetch: 3 })
    const [first, second] = [await connected(baseUrl), await connected(baseUrl)]
    const { tag } = await first.deliveries.next()
    await first.bodies(2)
    expect(await second.bodies(3)).toHaveLength(3)
    first.ack(tag)
    await first.settled()
    for (const peer of [second, first]) {
      peer.break()
      await peer.closed
    }
    await until(async () => (await stats()).connections === 0)
    await control('settings', { prefetch: 10 })
    const third = await connected(baseUrl)
    expect(await third.bodies(5)).toEqual([2, 3, 4, 5, 6].map((n) => `{"order":${n}}`))
    expect(await stats()).toMatchObject({ acked: 1 })
  })

  test('a long queue is delivered whole, and survives a crash of the server', async () => {
    const { baseUrl, control, stats } = room()
    await control('bind', { queue: 'kept', key: 'order.*' })
    await control('produce', { count: 1200 })
    const before = await connected(baseUrl, 'kept')
    await before.bodies(10)
    await control('crash')
    expect(await before.closed).toBe(1006)
    const peer = await connected(baseUrl, 'kept')
    for (let n = 1; n <= 1200; n++) {
      const { body, tag } = await peer.deliveries.next()
      expect(body).toBe(`{"order":${n}}`)
      peer.ack(tag)
    }
    await peer.settled()
    expect(await stats()).toMatchObject({ acked: 1200, unacked: 0, waiting: 1200 })
  })
})

test('the event stream tells what happens', async () => {
  const { baseUrl, events, control } = room()
  const socket = new WebSocket(events)
  const seen: Record<string, unknown>[] = []
  const over = new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      seen.push(...JSON.parse(String(data)))
      if (seen.at(-1)!.type === 'disconnected') resolve()
    })
  })
  await new Promise((resolve) => socket.on('open', resolve))
  await call(`${baseUrl}/none`)
  await call(`${baseUrl}/none`, { sign: 'X' })
  const peer = await connected(baseUrl)
  await peer.settled()
  await control('produce')
  peer.ack((await peer.deliveries.next()).tag)
  peer.close()
  await over
  socket.close()
  const told = seen.map(({ at, id, path, reason, settings, counters, ...event }) => event)
  const message = { message: 1, queue: '', key: 'order.new' }
  const tag = '9007199254740993'
  expect(told).toEqual([
    { type: 'hello' },
    { type: 'call', method: 'GET', status: 404, code: 'not_found', client: 'isomq-key' },
    { type: 'refused', method: 'GET', status: 401, code: 'invalid_signature' },
    { type: 'connected', connection: 1, client: 'isomq-key' },
    { type: 'consuming', connection: 1, queue: '' },
    { type: 'malformed', connection: 1, code: 'malformed' },
    { type: 'published', ...message },
    { type: 'delivered', ...message, tag, tries: 1, connection: 1 },
    { type: 'acked', message: 1, tag, connection: 1 },
    { type: 'disconnected', connection: 1, code: 1005, unacked: 0 },
  ])
})
