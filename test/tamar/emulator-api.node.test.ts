// RabbitMQ's HTTP API: what the real one answers, against the emulator's.
import { describe, expect, test } from 'vitest'
import { TAMAR, tamarRoom } from '../support/emulator.ts'
import type { TamarRoom } from '../support/room.ts'
import { stomp } from '../support/tamar.ts'

const BASIC = `Basic ${btoa(`${TAMAR.username}:${TAMAR.password}`)}`

async function ask(
  room: TamarRoom,
  method: string,
  path: string,
  body?: unknown,
  authorization = BASIC,
): Promise<[status: number, answer: unknown]> {
  const response = await fetch(`${room.site}/api/${path}`, {
    method,
    headers: { authorization },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return [response.status, text === '' ? '' : JSON.parse(text)]
}

const QUEUE = { durable: false, auto_delete: true, arguments: {} }
const publication = (over: object = {}) => ({
  properties: { delivery_mode: 2 },
  routing_key: 'k',
  payload: 'x',
  payload_encoding: 'string',
  ...over,
})
const get = (over: object = {}) => ({ count: 10, ackmode: 'ack_requeue_false', encoding: 'auto', ...over })
const bad = (reason: unknown) => [400, { error: 'bad_request', reason }]

test('makes exchanges, queues and bindings, and says when they differ', async () => {
  const room = tamarRoom()
  const exchange = { type: 'direct', durable: true, auto_delete: false, internal: false, arguments: {} }
  const put = (type: string) => ask(room, 'PUT', 'exchanges/%2F/x', { ...exchange, type })
  expect([await put('direct'), await put('direct')]).toEqual([
    [201, ''],
    [204, ''],
  ])
  expect(await put('fanout')).toEqual(
    bad("inequivalent arg 'type' for exchange 'x' in vhost '/': received 'fanout' but current is 'direct'"),
  )
  expect(await put('none')).toEqual(bad("unknown exchange type 'none'"))
  expect(await ask(room, 'PUT', 'queues/%2F/q', QUEUE)).toEqual([201, ''])
  expect(await ask(room, 'PUT', 'queues/%2F/q', { ...QUEUE, durable: true })).toEqual(
    bad("inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'"),
  )
  expect(await ask(room, 'POST', 'bindings/%2F/e/x/q/q', { routing_key: 'k', arguments: {} })).toEqual([
    201,
    '',
  ])
  expect(await ask(room, 'POST', 'bindings/%2F/e/none/q/q', { routing_key: 'k' })).toEqual([
    404,
    { error: 'not_found', reason: "no exchange 'none' in vhost '/'" },
  ])
  expect(await ask(room, 'POST', 'exchanges/%2F/x/publish', publication())).toEqual([200, { routed: true }])
  expect(await ask(room, 'GET', 'queues/%2F/q')).toMatchObject([200, { name: 'q', messages: 1 }])
  expect(await ask(room, 'DELETE', 'bindings/%2F/e/x/q/q/k')).toEqual([204, ''])
  expect(await ask(room, 'POST', 'exchanges/%2F/x/publish', publication())).toEqual([200, { routed: false }])
  expect(await ask(room, 'DELETE', 'queues/%2F/q')).toEqual([204, ''])
  expect(await ask(room, 'GET', 'queues/%2F/q')).toEqual([
    404,
    { error: 'Object Not Found', reason: 'Not Found' },
  ])
})

test('the exchange of Tamar is there from the start, with the queue of the gateway', async () => {
  const room = tamarRoom()
  expect(await ask(room, 'GET', `exchanges/%2F/${TAMAR.exchange}`)).toMatchObject([
    200,
    { type: 'direct', durable: true, vhost: '/' },
  ])
  expect(await ask(room, 'GET', 'queues/%2F/ws.message.direct.queue')).toMatchObject([200, { consumers: 1 }])
})

describe('publishing', () => {
  test.each<[string, object, unknown]>([
    ['none', {}, "404 NOT_FOUND - no exchange 'none' in vhost '/'"],
    [TAMAR.exchange, { routing_key: undefined }, '[{key_missing,routing_key}]'],
    [TAMAR.exchange, { properties: undefined }, '[{key_missing,properties}]'],
    [TAMAR.exchange, { properties: { delivery_mode: '2' } }, ['not_int', 'delivery_mode']],
    [TAMAR.exchange, { payload: '%', payload_encoding: 'base64' }, ['not_base64', '%']],
    [TAMAR.exchange, { payload_encoding: 'other' }, ['unsupported_encoding', 'other']],
  ])('to %s with %j is refused', async (exchange, over, reason) => {
    const room = tamarRoom()
    expect(await ask(room, 'POST', `exchanges/%2F/${exchange}/publish`, publication(over))).toEqual(
      bad(reason),
    )
  })

  test('reaches who is subscribed over STOMP', async () => {
    const room = tamarRoom()
    const peer = await stomp(room.url)
    await peer.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/a' })
    const sent = publication({ routing_key: 'a', payload: '/wA=', payload_encoding: 'base64' })
    expect(await ask(room, 'POST', 'exchanges/%2F/amq.default/publish', sent)).toEqual([
      200,
      { routed: true },
    ])
    expect((await peer.frames.next()).headers).toMatchObject({ 'content-length': '2', persistent: 'true' })
  })
})

describe('getting', () => {
  test('takes messages out, or leaves them, in the encoding that is asked for', async () => {
    const room = tamarRoom()
    await ask(room, 'PUT', 'queues/%2F/a', QUEUE)
    for (const [payload, payload_encoding] of [
      ['ä', 'string'],
      ['/wA=', 'base64'],
    ]) {
      const sent = publication({ routing_key: 'a', payload, payload_encoding })
      await ask(room, 'POST', 'exchanges/%2F/amq.default/publish', sent)
    }
    const left = await ask(room, 'POST', 'queues/%2F/a/get', get({ ackmode: 'ack_requeue_true', count: 1 }))
    expect(left).toMatchObject([200, [{ payload: 'ä', redelivered: false, message_count: 1 }]])
    expect(await ask(room, 'POST', 'queues/%2F/a/get', get())).toMatchObject([
      200,
      [
        { payload: 'ä', payload_encoding: 'string', redelivered: true, message_count: 1 },
        { payload: '/wA=', payload_encoding: 'base64', payload_bytes: 2, properties: { delivery_mode: 2 } },
      ],
    ])
    expect(await ask(room, 'POST', 'queues/%2F/a/get', get())).toEqual([200, []])
  })

  test('from a queue that is not there, or without saying how, is refused', async () => {
    const room = tamarRoom()
    expect(await ask(room, 'POST', 'queues/%2F/none/get', get())).toEqual([
      404,
      { error: 'not_found', reason: "NOT_FOUND - no queue 'none' in vhost '/'" },
    ])
    expect(await ask(room, 'POST', 'queues/%2F/none/get', get({ ackmode: undefined }))).toEqual(
      bad('[{key_missing,ackmode}]'),
    )
  })
})

test('a queue with x-expires goes when nobody asks for it any more', async () => {
  const room = tamarRoom()
  const expiring = (value: unknown) => ({ ...QUEUE, arguments: { 'x-expires': value } })
  expect((await ask(room, 'PUT', 'queues/%2F/short', expiring(50)))[0]).toBe(201)
  expect((await ask(room, 'PUT', 'queues/%2F/long', expiring(60_000)))[0]).toBe(201)
  while ((await ask(room, 'GET', 'queues/%2F/short'))[0] === 200);
  expect((await ask(room, 'GET', 'queues/%2F/long'))[0]).toBe(200)
  expect((await ask(room, 'PUT', 'queues/%2F/bad', expiring('x')))[0]).toBe(400)
  expect((await ask(room, 'PUT', 'queues/%2F/bad', expiring(0)))[0]).toBe(400)
})

test('refuses a wrong login, another virtual host, what is no JSON and what is not there', async () => {
  const room = tamarRoom()
  expect(await ask(room, 'GET', 'whoami', undefined, `Basic ${btoa('a:b')}`)).toEqual([
    401,
    { error: 'not_authorized', reason: 'Login failed' },
  ])
  expect(await ask(room, 'GET', 'whoami')).toMatchObject([200, { name: 'isomq' }])
  expect((await ask(room, 'PUT', 'exchanges/other/x', { type: 'direct' }))[0]).toBe(404)
  expect(await ask(room, 'POST', `exchanges/%2F/${TAMAR.exchange}/publish`, '{"a')).toEqual(bad('not_json'))
  expect((await ask(room, 'GET', 'nothing'))[0]).toBe(404)
  expect(await room.stats()).toMatchObject({ refused: 1 })
})
