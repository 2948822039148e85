// What the three kinds of message leave in the real servers, to the byte.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Consumer, EXCHANGE, KEY } from './amqp.ts'
import { GUEST } from './rabbitmq.ts'
import { lacking, servers } from './services.ts'
import { BROKERS, openWorld, type World } from './world.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
/** As MySQL prints a TIMESTAMP. */
const TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/
const HOSTILE = [
  `'; DROP TABLE push_messages; --`,
  '" OR 1=1 -- \\',
  "\\' OR ''='",
  'nul \u0000 backspace \b end \u001a',
  '👩‍👩‍👧 中 \u2028 \u2029 \ufeff',
  '%_*?[a-z]:{}',
  ' spaces \t\r\n ',
  '/* */ -- # @a ? ?',
]
const PAYLOADS: readonly unknown[] = [
  null,
  true,
  0,
  -1.5e-7,
  '',
  [],
  {},
  { a: [1, { b: null }], ключ: '值' },
  { __proto__: null, constructor: 1, '': 2 },
  'a"b\'c\\d\u0000\u2028\ud83d\ude00',
]

/** Over STOMP, the header that asks for the confirmation goes along. */
const HEADERS = { stomp: { headers: { receipt: expect.stringMatching(/^\d+$/) } }, management: {} }

describe.skipIf(lacking)('on real servers', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld()
  })
  afterEach(() => world.reset())
  afterAll(() => world.close())

  test('a realtime message is published to the channel of the user, and nothing else happens', async () => {
    const client = world.client('stomp')
    const before = await world.gateway.rows('true')
    for (const payload of PAYLOADS) {
      await client.sendRealtime('u-1', payload)
      const { channel, value } = await world.gateway.realtime.next()
      expect(channel).toBe('realtime:user:u-1')
      expect(value.toString()).toBe(JSON.stringify(payload))
    }
    expect(await world.gateway.rows('true')).toEqual(before)
    expect(world.redis.requests.filter(({ body }) => /incr/i.test(body))).toEqual([])
  })

  test('hostile user ids name one channel each', async () => {
    const client = world.client('stomp')
    for (const user of HOSTILE) {
      await client.sendRealtime(user, user)
      const { channel, value } = await world.gateway.realtime.next()
      expect([channel, value.toString()]).toEqual([`realtime:user:${user}`, JSON.stringify(user)])
    }
    expect(world.gateway.realtime.rest).toEqual([])
  })

  describe.each(BROKERS)('%s', (name) => {
    test('a reliable message is a row, and a message that names it', async () => {
      const client = world.client(name)
      const startedAt = Math.floor(Date.now() / 1_000)
      const user = `reliable-${name}`
      const id = await client.sendReliable(user, { text: 'hé' })
      const { row, body, properties, fields } = await world.gateway.next()
      expect(id).toMatch(UUID)
      expect(row).toEqual({
        id,
        sender_type: 'server',
        sender_id: null,
        target_user_id: user,
        push_type: '1',
        seq: '1',
        payload: '{"text":"hé"}',
        status: 'PENDING',
        command_request_id: null,
        command_response: null,
        command_response_queue: null,
        nonce: expect.stringMatching(UUID),
        expired_at: null,
        instant: null,
        retry_interval: null,
        delivering_at: null,
        request_delivered_at: null,
        finished_at: null,
        created_at: expect.stringMatching(TIME),
        updated_at: expect.stringMatching(TIME),
        deleted_at: null,
      })
      expect(Date.parse(`${row.created_at}Z`) / 1_000).toBeGreaterThanOrEqual(startedAt)
      expect(row.nonce).not.toBe(id)
      expect(body).toBe(`{"message_id": "${id}"}`)
      expect(properties).toEqual({ contentType: 'application/json', deliveryMode: 2, ...HEADERS[name] })
      expect(fields).toMatchObject({ exchange: EXCHANGE, routingKey: KEY })
    })

    test('a command is a row with its expiry, and a message that wants an answer', async () => {
      const client = world.client(name)
      const sentAt = Date.now() / 1_000
      const user = `command-${name}`
      const command = { type: 'reboot', data: { now: true }, senderType: 'client', senderId: "o'b" } as const
      const answer = client.sendCommand(user, { ...command, timeout: 600_000, retryInterval: 5_000 })
      const dispatch = await world.gateway.next()
      const { row, body, properties } = dispatch
      expect(row).toMatchObject({
        sender_type: 'client',
        sender_id: "o'b",
        target_user_id: user,
        push_type: '2',
        seq: '1',
        payload: '{"type":"reboot","data":{"now":true}}',
        status: 'PENDING',
        command_request_id: expect.stringMatching(UUID),
        command_response: null,
        nonce: expect.stringMatching(UUID),
        retry_interval: '5000',
      })
      expect(new Set([row.id, row.command_request_id, row.nonce]).size).toBe(3)
      const instant = Number(row.instant)
      expect(instant).toBeGreaterThanOrEqual(Math.floor(sentAt) + 600)
      expect(instant).toBeLessThanOrEqual(Math.ceil(Date.now() / 1_000) + 600)
      expect(body).toBe(`{"message_id": "${row.id}"}`)
      expect(properties).toEqual({
        contentType: 'application/json',
        deliveryMode: 2,
        ...HEADERS[name],
        correlationId: row.command_request_id,
        replyTo: expect.stringMatching(/./),
      })
      await world.gateway.respond(dispatch, { done: ['é', 1] })
      expect(await answer).toEqual({ done: ['é', 1] })
      const result = await client.result(row.id!)
      expect(result).toEqual({ messageId: row.id, status: 'FINISHED', response: { done: ['é', 1] } })
    })

    test('times and intervals that are not given are those of the other SDK', async () => {
      const client = world.client(name)
      const sentAt = Date.now() / 1_000
      const id = await client.sendCommand('defaults', { type: 't', wait: false })
      const { row } = await world.gateway.next()
      expect(row).toMatchObject({ id, sender_type: 'server', sender_id: null, retry_interval: '60000' })
      expect(Number(row.instant) - sentAt).toBeGreaterThan(1_798)
      expect(Number(row.instant) - sentAt).toBeLessThan(1_830)
    })

    test('the sequence of a user rises by one per reliable message and command', async () => {
      const client = world.client(name)
      const user = `seq-${name}`
      await client.sendReliable(user, 1)
      await client.sendCommand(user, { type: 'two', wait: false })
      await client.sendRealtime(user, 'not counted')
      await client.sendReliable(user, 3)
      await client.sendReliable(`${user}-other`, 1)
      const rows = await world.gateway.rows('target_user_id = ?', user)
      expect(rows.map(({ seq, push_type }) => [seq, push_type])).toEqual([
        ['1', '1'],
        ['2', '2'],
        ['3', '1'],
      ])
      expect(await world.gateway.rows('target_user_id = ?', `${user}-other`)).toMatchObject([{ seq: '1' }])
    })

    test('hostile user ids, senders and payloads arrive as they are', async () => {
      const client = world.client(name)
      for (const text of HOSTILE) {
        const id = await client.sendReliable(text, { [text]: text }, { senderId: text })
        const { row } = await world.gateway.next()
        expect(row).toMatchObject({ id, target_user_id: text, sender_id: text })
        expect(row.payload).toBe(JSON.stringify({ [text]: text }))
      }
      for (const payload of PAYLOADS) {
        const id = await client.sendReliable('payloads', payload)
        expect(await world.gateway.row(id)).toMatchObject({ payload: JSON.stringify(payload) })
      }
    })

    test('hostile commands and answers arrive as they are', async () => {
      const client = world.client(name)
      for (const text of HOSTILE) {
        const answer = client.sendCommand(text, { type: text, data: text })
        const dispatch = await world.gateway.rabbit.inbox.next()
        await world.gateway.respond(dispatch, { [text]: text })
        expect(await answer).toEqual({ [text]: text })
      }
      for (const payload of PAYLOADS) {
        const answer = client.sendCommand('payloads', { type: 't', data: payload })
        await world.gateway.respond(await world.gateway.rabbit.inbox.next(), payload)
        expect(await answer).toEqual(payload)
      }
    })

    test('a large payload arrives', async () => {
      const client = world.client(name)
      const payload = '中'.repeat(300_000)
      const id = await client.sendReliable('large', payload)
      const { row } = await world.gateway.next()
      expect([row.id, row.payload === JSON.stringify(payload)]).toEqual([id, true])
      const answer = client.sendCommand<string>('large', { type: 'echo', data: payload })
      await world.gateway.respond(await world.gateway.rabbit.inbox.next(), payload)
      expect((await answer) === payload).toBe(true)
    })

    test('dispatch publishes a row again, and no second row appears', async () => {
      const client = world.client(name)
      const user = `again-${name}`
      const id = await client.sendReliable(user, 1)
      await client.dispatch(id)
      expect([(await world.gateway.next()).body, (await world.gateway.next()).body]).toEqual([
        `{"message_id": "${id}"}`,
        `{"message_id": "${id}"}`,
      ])
      expect(await world.gateway.rows('target_user_id = ?', user)).toHaveLength(1)
    })

    test('another vhost is reached by its name', async () => {
      const { amqp, management } = servers().rabbit.ports
      const vhost = `team/${name} é`
      const headers = {
        authorization: `Basic ${btoa(`${GUEST.username}:${GUEST.password}`)}`,
        'content-type': 'application/json',
      }
      const path = `http://127.0.0.1:${management}/api`
      const put = (what: string, body = '{}'): Promise<Response> =>
        fetch(`${path}/${what}`, { method: 'PUT', headers, body })
      await put(`vhosts/${encodeURIComponent(vhost)}`)
      const all = '{"configure":".*","write":".*","read":".*"}'
      await put(`permissions/${encodeURIComponent(vhost)}/${GUEST.username}`, all)
      const consumer = new Consumer(amqp, vhost)
      await consumer.ready
      const client = world.client(name, { broker: world.broker(name, { vhost }) })
      const answer = client.sendCommand('elsewhere', { type: 't' })
      await consumer.answer(await consumer.inbox.next(), '"there"')
      expect(await answer).toBe('there')
      await client.close()
      await consumer.close()
    })

    test('many sends at once have a row and a message each, and a sequence without gaps', async () => {
      const client = world.client(name)
      const user = `many-${name}`
      const ids = await Promise.all(Array.from({ length: 200 }, (_, i) => client.sendReliable(user, i)))
      const rows = await world.gateway.rows('target_user_id = ?', user)
      expect(rows.map(({ seq }) => Number(seq))).toEqual(Array.from(ids, (_, i) => i + 1))
      expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(ids))
      const named = new Set<string>()
      while (named.size < ids.length) named.add((await world.gateway.rabbit.inbox.next()).body)
      expect(named).toEqual(new Set(ids.map((id) => `{"message_id": "${id}"}`)))
    })
  })
})
