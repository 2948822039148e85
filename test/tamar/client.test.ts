// What a call leaves in Redis, MySQL and RabbitMQ, byte for byte, and in which order.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { bench, held, UUID } from '../support/tamar-ports.ts'

const payload = { text: 'Zoë 王 "quoted"\n', n: 1.5, list: [null, true] }

describe('sendRealtime()', () => {
  test('publishes the JSON on the channel of the user, and does no more', async () => {
    const b = bench()
    expect(await b.client.sendRealtime('u1', payload)).toBeUndefined()
    expect(b.realtime).toEqual([['realtime:user:u1', JSON.stringify(payload)]])
    expect(b.asked).toEqual(['realtime'])
  })

  test.each([null, 0, '', 'a', false, [], {}, [[]], { toJSON: () => 5 }])('takes %j', async (value) => {
    const b = bench()
    await b.client.sendRealtime('u1', value)
    expect(b.realtime).toEqual([['realtime:user:u1', JSON.stringify(value)]])
  })
})

describe('sendReliable()', () => {
  test('takes a number, writes the row, dispatches it, and gives its id', async () => {
    const b = bench()
    const id = await b.client.sendReliable('u1', payload)
    expect(id).toMatch(UUID)
    expect(b.asked).toEqual(['incr', 'insert', 'publish'])
    expect(b.keys).toEqual(['seq:user:u1'])
    expect(b.rows).toEqual([
      {
        id,
        senderType: 'server',
        senderId: null,
        targetUserId: 'u1',
        pushType: 1,
        seq: '1',
        payload: JSON.stringify(payload),
        status: 'PENDING',
        commandRequestId: null,
        nonce: expect.stringMatching(UUID),
        expiresAt: null,
        retryInterval: null,
      },
    ])
    expect(b.rows[0]!.nonce).not.toBe(id)
    expect(b.out).toEqual([{ body: `{"message_id": "${id}"}` }])
  })

  test('says who sends', async () => {
    const b = bench()
    await b.client.sendReliable('u1', 1, { senderType: 'client', senderId: 'u2' })
    await b.client.sendReliable('u1', 1, { senderId: null })
    await b.client.sendReliable('u1', 1, { senderType: undefined, senderId: undefined })
    expect(b.rows.map(({ senderType, senderId }) => [senderType, senderId])).toEqual([
      ['client', 'u2'],
      ['server', null],
      ['server', null],
    ])
  })

  test.each([
    [7, '7'],
    [7n, '7'],
    ['7', '7'],
    [9_007_199_254_740_993n, '9007199254740993'],
    ['9223372036854775807', '9223372036854775807'],
  ])('keeps the number %s as it is', async (given, seq) => {
    const b = bench()
    b.acts.incr = () => Promise.resolve(given)
    await b.client.sendReliable('u1', 1)
    expect(b.rows[0]!.seq).toBe(seq)
  })

  test('of one thousand at once makes one thousand rows with numbers of their own', async () => {
    const b = bench()
    const ids = await Promise.all(Array.from({ length: 1_000 }, (_, i) => b.client.sendReliable('u1', i)))
    expect(new Set(ids).size).toBe(1_000)
    expect(new Set(b.rows.map(({ seq }) => seq)).size).toBe(1_000)
    expect(new Set(b.rows.map(({ nonce }) => nonce)).size).toBe(1_000)
    expect(b.out.map(({ body }) => JSON.parse(body).message_id)).toEqual(ids)
  })
})

describe('sendCommand()', () => {
  test('writes type and data, dispatches with a correlation id, and gives the answer', async () => {
    const b = bench()
    const now = b.clock.now()
    const sent = b.client.sendCommand('u1', { type: 'reboot', data: payload, senderId: 'ops' })
    await flush()
    const [row] = b.rows
    expect(b.rows).toEqual([
      {
        id: expect.stringMatching(UUID),
        senderType: 'server',
        senderId: 'ops',
        targetUserId: 'u1',
        pushType: 2,
        seq: '1',
        payload: JSON.stringify({ type: 'reboot', data: payload }),
        status: 'PENDING',
        commandRequestId: expect.stringMatching(UUID),
        nonce: expect.stringMatching(UUID),
        expiresAt: now + 1_800_000,
        retryInterval: 60_000,
      },
    ])
    expect(new Set([row!.id, row!.nonce, row!.commandRequestId]).size).toBe(3)
    expect(b.out).toEqual([{ body: `{"message_id": "${row!.id}"}`, correlationId: row!.commandRequestId }])
    b.replies.reply(row!.commandRequestId!, '{"ok": [1, "ü"]}')
    expect(await sent).toEqual({ ok: [1, 'ü'] })
  })

  test('has null for data that is not given, and the limits that are', async () => {
    const b = bench()
    const now = b.clock.now()
    await b.client.sendCommand('u1', { type: 'x', timeout: 1, retryInterval: 2_147_483_647, wait: false })
    expect(b.rows[0]).toMatchObject({
      payload: '{"type":"x","data":null}',
      expiresAt: now + 1,
      retryInterval: 2_147_483_647,
    })
  })

  test('counts its time from the call, however long the number takes', async () => {
    const b = bench()
    const now = b.clock.now()
    const number = held()
    b.acts.incr = () => number.promise
    const sent = b.client.sendCommand('u1', { type: 'x', timeout: 5_000 })
    sent.catch(() => {})
    await b.clock.advance(3_000)
    number.resolve(1)
    await flush()
    expect(b.rows[0]!.expiresAt).toBe(now + 5_000)
    await b.clock.advance(2_000)
    await expect(sent).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  test('that waits for nothing gives the message id, and has a correlation id all the same', async () => {
    const b = bench()
    const id = await b.client.sendCommand('u1', { type: 'x', wait: false })
    expect(id).toBe(b.rows[0]!.id)
    expect(b.out[0]!.correlationId).toBe(b.rows[0]!.commandRequestId)
    expect([b.replies.waiting, b.client.stats().waiting, b.clock.timers]).toEqual([false, 0, 0])
  })

  test('changes nothing of what it is given', async () => {
    const b = bench()
    const command = Object.freeze({ type: 'x', data: Object.freeze({ a: 1 }), wait: false } as const)
    await b.client.sendCommand('u1', command)
    expect(command).toEqual({ type: 'x', data: { a: 1 }, wait: false })
  })
})

describe('dispatch()', () => {
  test('publishes the name of a row again, and writes nothing', async () => {
    const b = bench()
    const id = await b.client.sendReliable('u1', 1)
    expect(await b.client.dispatch(id)).toBeUndefined()
    expect(b.out).toEqual([{ body: `{"message_id": "${id}"}` }, { body: `{"message_id": "${id}"}` }])
    expect(b.rows).toHaveLength(1)
  })

  test('of a command keeps its correlation id, and the wait for its answer', async () => {
    const b = bench()
    const sent = b.client.sendCommand('u1', { type: 'x' })
    await flush()
    const { id, commandRequestId } = b.rows[0]!
    await b.client.dispatch(id)
    expect(b.out.map(({ correlationId }) => correlationId)).toEqual([commandRequestId, commandRequestId])
    b.replies.reply(commandRequestId!, '1')
    expect(await sent).toBe(1)
  })

  test('of what has no row is an error that says so', async () => {
    const b = bench()
    await expect(b.client.dispatch('nobody')).rejects.toMatchObject({
      code: 'PROVIDER',
      message: expect.stringContaining('no row'),
      retryable: false,
      details: { service: 'store', messageId: 'nobody', row: false },
    })
    expect(b.out).toEqual([])
  })
})

describe('result()', () => {
  test('tells status and answer', async () => {
    const b = bench()
    const id = await b.client.sendCommand('u1', { type: 'x', wait: false })
    expect(await b.client.result(id)).toEqual({ messageId: id, status: 'PENDING', response: undefined })
    b.store(b.rows[0]!, '{"a":1}')
    expect(await b.client.result(id)).toEqual({ messageId: id, status: 'FINISHED', response: { a: 1 } })
    b.store(b.rows[0]!, 'null')
    expect(await b.client.result(id)).toEqual({ messageId: id, status: 'FINISHED', response: null })
    b.store(b.rows[0]!, null, 'TIMED_OUT')
    expect(await b.client.result(id)).toEqual({ messageId: id, status: 'TIMED_OUT', response: undefined })
  })

  test('of what has no row is undefined', async () => {
    expect(await bench().client.result('nobody')).toBeUndefined()
  })

  test('that is no JSON is an error with the id', async () => {
    const b = bench()
    const id = await b.client.sendCommand('u1', { type: 'x', wait: false })
    b.store(b.rows[0]!, '{"a":')
    await expect(b.client.result(id)).rejects.toMatchObject({
      code: 'PROTOCOL',
      details: { messageId: id, row: true },
    })
  })
})

describe('each step', () => {
  test('is told how long it may take', async () => {
    const b = bench({ stepTimeout: 1_234 })
    await b.client.sendReliable('u1', 1)
    await b.client.sendRealtime('u1', 1)
    await b.client.result('x')
    await b.client.connect()
    expect(b.limits.map((limits) => limits!.timeout)).toEqual(Array(6).fill(1_234))
  })

  test('leaves no timer behind', async () => {
    const b = bench()
    await b.client.sendReliable('u1', 1)
    await b.client.sendRealtime('u1', 1)
    const sent = b.client.sendCommand('u1', { type: 'x' })
    await flush()
    b.replies.reply(b.out.at(-1)!.correlationId!, '1')
    await sent
    expect(b.clock.timers).toBe(0)
  })
})
