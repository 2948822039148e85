// A socket to RabbitMQ that is lost, falls silent, or is closed: what goes out again, and what is told.
import { createTamarClient } from 'isomq/tamar'
import { stompBroker } from 'isomq/tamar/rabbitmq'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { DISPATCH, NO_LIMIT, PASSCODE, stompBench } from '../support/tamar-stomp.ts'

describe('a socket that is lost', () => {
  test('lets what was not confirmed go out again on the next, and tells that the queue is gone', async () => {
    const b = stompBench()
    const first = await b.signIn()
    const confirmed = b.broker.publish({ body: 'one' }, NO_LIMIT)
    const sent = b.broker.publish({ body: 'two' }, NO_LIMIT)
    await flush()
    first.confirm(['1'])
    await confirmed
    b.network.last.drop(1000, 'STOMP died')
    expect(b.lost).toBe(1)
    const second = (await b.redial()).accept()
    await flush()
    expect(second.sends.map(({ body }) => body)).toEqual(['two'])
    expect(second.receipts).not.toContain('2')
    second.confirm(['2'])
    second.confirm()
    await sent
    expect(b.lost).toBe(1)
  })

  test('again and again while it waits is an error that tells where to look', async () => {
    const b = stompBench({ exchange: 'not.there' })
    await b.signIn()
    const failed = rejection(b.broker.publish(DISPATCH, NO_LIMIT))
    await flush()
    for (let i = 0; i < 3; i++) {
      b.network.last.drop(1000, 'STOMP died')
      ;(await b.redial()).accept()
      await flush()
    }
    const error = await failed
    expect(error).toMatchObject({
      code: 'CONNECTION_LOST',
      message: expect.stringMatching(/3 times.*"not\.there"/),
      details: { exchange: 'not.there' },
    })
    expect(everything([error])).toContain('STOMP died')
    expect(
      b.network.sockets.flatMap((socket) => socket.sent.filter((frame) => String(frame).startsWith('SEND'))),
    ).toHaveLength(3)
  })

  test('is not sent over again with 0 retries', async () => {
    const b = stompBench({ retries: 0 })
    await b.signIn()
    const failed = rejection(b.broker.publish(DISPATCH, NO_LIMIT))
    await flush()
    b.network.last.drop()
    expect(await failed).toMatchObject({ code: 'CONNECTION_LOST' })
  })

  test('does not make a message wait for longer than its limit', async () => {
    const b = stompBench()
    await b.signIn()
    const failed = rejection(b.broker.publish(DISPATCH, { timeout: 8_000 }))
    await flush()
    b.network.last.drop()
    await b.clock.advance(7_999)
    await b.clock.advance(1)
    const error = await failed
    expect(error).toMatchObject({ code: 'TIMEOUT', details: { exchange: 'ws.message.direct.exchange' } })
    expect(error.message).toMatch(/1 times.*ws.message.direct.exchange/)
  })

  test('by an ERROR is closed by this side, and what waited goes out again', async () => {
    const b = stompBench()
    const script = await b.signIn()
    const sent = b.broker.publish(DISPATCH, NO_LIMIT)
    await flush()
    script.say('ERROR', { message: 'Unexpected error' }, 'something')
    expect(b.network.last.isOver).toBe(true)
    expect(b.errors).toMatchObject([
      { code: 'PROVIDER', message: expect.stringContaining('Unexpected error: something') },
    ])
    const next = (await b.redial()).accept()
    await flush()
    next.confirm()
    await sent
  })

  test('for good, without reconnecting, is told, and ends what waits', async () => {
    const b = stompBench({ reconnect: false })
    await b.signIn()
    const failed = rejection(b.broker.publish(DISPATCH, NO_LIMIT))
    await flush()
    b.network.last.drop(1001, 'going away')
    const error = await failed
    expect(error.code).toMatch(/CLOSED|CONNECTION_LOST/)
    expect(everything([error])).toContain('going away')
    expect([b.broker.state, b.clock.timers]).toEqual(['closed', 0])
  })

  test('before it was ready loses no queue', async () => {
    const b = stompBench()
    b.broker.connect().catch(() => {})
    await flush()
    b.network.last.drop()
    expect(b.lost).toBe(0)
  })
})
describe('signs of life', () => {
  test('go out twice in the time that was agreed on', async () => {
    for (const [beats, pause] of [
      ['10000,10000', 5_000],
      ['0,30000', 15_000],
      ['10000,1000', 5_000],
    ] as const) {
      const b = stompBench()
      const script = await b.signIn(beats)
      const alive = async () => {
        script.socket.message('\n')
        await b.clock.advance(pause)
      }
      for (let i = 1; i <= 4; i++) {
        await alive()
        expect(script.beats).toBe(i)
      }
    }
  })

  test('do not go out where RabbitMQ wants none', async () => {
    const b = stompBench()
    const script = await b.signIn('10000,0')
    await b.clock.advance(15_000)
    expect(script.beats).toBe(0)
  })

  test('that stay away put the line in doubt; a receipt clears it, and silence ends it', async () => {
    const b = stompBench()
    const script = await b.signIn()
    await b.clock.advance(20_000)
    expect(
      script.frames.slice(1).map(({ command, headers }) => [command, new Map(headers).get('receipt')]),
    ).toEqual([
      ['BEGIN', 'probe'],
      ['ABORT', 'probe'],
    ])
    script.say('RECEIPT', { 'receipt-id': 'probe' })
    await b.clock.advance(19_999)
    expect(b.broker.state).toBe('open')
    await b.clock.advance(10_001)
    expect(b.broker.state).toBe('reconnecting')
    expect(b.errors).toMatchObject([{ code: 'CONNECTION_LOST' }])
    expect(b.lost).toBe(1)
  })

  test('that the socket does not take harm nothing but the socket', async () => {
    for (const wait of [5_000, 20_000]) {
      const b = stompBench()
      const script = await b.signIn(wait === 5_000 ? '10000,10000' : '10000,0')
      script.socket.sendFails = new Error('it belongs to another request')
      await b.clock.advance(wait)
      expect(b.errors).toMatchObject([{ code: 'CONNECTION_LOST' }])
      expect(b.broker.state).toBe('reconnecting')
    }
  })

  test('end with the socket', async () => {
    const b = stompBench({ reconnect: false })
    await b.signIn()
    b.network.last.drop()
    await flush()
    expect(b.clock.timers).toBe(0)
  })
})
describe('close()', () => {
  test('waits for confirmations, says goodbye, and leaves nothing', async () => {
    const b = stompBench()
    const script = await b.signIn()
    const sent = b.broker.publish(DISPATCH, NO_LIMIT)
    await flush()
    const closed = b.broker.close()
    await flush()
    expect(b.broker.state).toBe('open')
    script.confirm()
    await Promise.all([sent, closed])
    expect([b.broker.state, b.network.last.closedBy, b.clock.timers]).toEqual(['closed', { code: 1000 }, 0])
    expect(b.errors).toEqual([])
  })

  test('gives up what is never confirmed', async () => {
    const b = stompBench()
    await b.signIn()
    const failed = rejection(b.broker.publish(DISPATCH, NO_LIMIT))
    await flush()
    const closed = b.broker.close({ timeout: 100 })
    await b.clock.advance(100)
    await closed
    expect(await failed).toMatchObject({ code: 'CONNECTION_LOST', cause: { code: 'CLOSED' } })
    expect(b.clock.timers).toBe(0)
  })

  test('in each state, and what is asked for afterwards', async () => {
    const idle = stompBench()
    await idle.broker.close()
    const connecting = stompBench()
    const waits = rejection(connecting.broker.connect())
    await flush()
    await connecting.broker.close()
    expect(await waits).toMatchObject({ code: 'CLOSED' })
    const reconnecting = stompBench()
    await reconnecting.signIn()
    reconnecting.network.last.drop()
    await reconnecting.broker[Symbol.asyncDispose]()
    for (const { broker, clock } of [idle, connecting, reconnecting]) {
      expect([broker.state, clock.timers]).toEqual(['closed', 0])
      expect(await rejection(broker.publish(DISPATCH, NO_LIMIT))).toMatchObject({ code: 'CLOSED' })
      await broker.close()
    }
  })
})
test('a client with this broker finds an answer that came while the socket was down', async () => {
  const b = stompBench()
  const { clock, options, network } = b
  const rows: { id: string; commandRequestId: string | null }[] = []
  const broker = stompBroker({ url: 'wss://rabbit.test/ws', username: 'me', password: 'p', ...options })
  const client = createTamarClient({
    clock,
    redis: { publish: async () => 0, incr: async () => 1 },
    store: {
      insert: async (row) => rows.push(row),
      select: async () => rows.map((row) => ({ ...row, status: 'FINISHED', commandResponse: '"found"' })),
    },
    broker,
  })
  const answer = client.sendCommand('u1', { type: 'x' })
  await flush()
  const script = b.script.accept()
  await flush()
  script.confirm()
  network.last.drop()
  await clock.advance(0)
  expect(await answer).toBe('found')
  await client.close()
  expect(clock.timers).toBe(0)
})
test('the password stands in nothing that is shown', async () => {
  const seen: unknown[] = []
  const b = stompBench({ logger: (record) => void seen.push(record) })
  for (const type of ['state', 'status', 'error', 'debug'] as const) {
    b.broker.on(type, (event) => void seen.push(event))
  }
  const script = await b.signIn()
  const failed = b.broker.publish(DISPATCH, { timeout: 100_000 }).catch((error) => seen.push(error))
  await flush()
  script.say('ERROR', { message: `bad ${PASSCODE}` }, `passcode ${PASSCODE}`)
  ;(await b.redial()).accept()
  await flush()
  b.script.say('ERROR', { message: PASSCODE })
  ;(await b.redial()).socket.message(PASSCODE)
  b.network.last.open()
  b.network.last.message(`passcode:${PASSCODE}\n\n\0`)
  ;(await b.redial()).socket.open()
  b.script.say('ERROR', { message: 'Bad CONNECT' }, PASSCODE)
  await failed
  seen.push(await rejection(b.broker.publish(DISPATCH, NO_LIMIT)))
  expect(seen.length).toBeGreaterThan(10)
  expect(everything([...seen, JSON.stringify(seen)])).not.toMatch(/MARKER/)
})
