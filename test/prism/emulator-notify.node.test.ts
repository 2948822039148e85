import { describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { prismRoom as room } from '../support/emulator.ts'
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
