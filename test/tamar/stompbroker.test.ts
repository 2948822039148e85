// RabbitMQ over a WebSocket: what goes out, what confirms it, and what comes back.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { DISPATCH, NO_LIMIT, PASSCODE, stompBench } from '../support/tamar-stomp.ts'

describe('signing in', () => {
  test('asks for STOMP 1.2 by user, password and vhost, and for signs of life', async () => {
    const b = stompBench()
    b.broker.connect().catch(() => {})
    await flush()
    expect([b.network.last.url, b.network.last.protocols]).toEqual(['wss://rabbit.test/ws', ['v12.stomp']])
    b.network.last.open()
    expect(b.script.frames).toEqual([
      {
        command: 'CONNECT',
        headers: [
          ['accept-version', '1.2'],
          ['host', '/'],
          ['login', 'me'],
          ['passcode', PASSCODE],
          ['heart-beat', '10000,10000'],
        ],
        body: '',
      },
    ])
    b.script.say('CONNECTED', { version: '1.2' })
    await flush()
    expect(b.broker.state).toBe('open')
  })

  test('goes to another vhost, and asks for no signs of life', async () => {
    const b = stompBench({ vhost: 'a:b', heartBeat: 0 })
    await b.signIn('0,0')
    const headers = new Map(b.script.frames[0]!.headers)
    expect([headers.get('host'), headers.get('heart-beat')]).toEqual(['a:b', '0,0'])
  })

  test('that is refused ends the broker, with what RabbitMQ says, and closes the socket', async () => {
    const b = stompBench()
    const refused = rejection(b.broker.connect())
    await flush()
    b.network.last.open()
    b.script.say('ERROR', { message: 'Bad CONNECT', 'content-type': 'text/plain' }, 'Access refused for user')
    expect(await refused).toMatchObject({
      code: 'AUTH_REJECTED',
      message: expect.stringContaining('Bad CONNECT: Access refused for user'),
    })
    expect([b.broker.state, b.network.last.isOver, b.clock.timers]).toEqual(['closed', true, 0])
    expect(await rejection(b.broker.publish(DISPATCH, NO_LIMIT))).toMatchObject({
      code: 'CLOSED',
      cause: { code: 'AUTH_REJECTED' },
    })
    await b.signIn()
    expect(b.broker.state).toBe('open')
  })

  test('that is not answered is tried again', async () => {
    const b = stompBench({ connectTimeout: 2_000 })
    b.broker.connect().catch(() => {})
    await flush()
    b.network.last.open()
    await b.clock.advance(2_000)
    expect(b.errors).toMatchObject([{ code: 'CONNECT_TIMEOUT' }])
    ;(await b.redial()).accept()
    await flush()
    expect(b.broker.state).toBe('open')
  })

  test.each(['<html>\n\n</html>\0', 'connected\n\n\0'])(
    'answered with %j is an error of the protocol',
    async (text) => {
      const b = stompBench()
      b.broker.connect().catch(() => {})
      await flush()
      b.network.last.open()
      b.network.last.message(text)
      expect(b.errors).toMatchObject([{ code: 'PROTOCOL' }])
      expect(b.network.last.isOver).toBe(true)
    },
  )

  test('twice, as no server does, makes one client that lives', async () => {
    const b = stompBench()
    const script = await b.signIn()
    script.accept()
    await b.clock.advance(10_000)
    expect(script.beats).toBe(2)
  })
})
describe('a message', () => {
  test('goes out to exchange and routing key, persistent, as JSON, with a receipt', async () => {
    const b = stompBench()
    const sent = b.broker.publish(DISPATCH, NO_LIMIT)
    await flush()
    const script = b.script.accept()
    await flush()
    expect(script.sends).toEqual([
      {
        command: 'SEND',
        headers: [
          ['destination', '/exchange/ws.message.direct.exchange/ws.message.direct'],
          ['content-type', 'application/json'],
          ['persistent', 'true'],
          ['receipt', '1'],
        ],
        body: '{"message_id": "m1"}',
      },
    ])
    script.confirm()
    await sent
    expect(b.clock.untilNext).toBeDefined()
  })

  test('of a command asks for the answer in a queue of this session', async () => {
    const b = stompBench()
    const script = await b.signIn()
    const sent = b.broker.publish({ ...DISPATCH, correlationId: 'c-1' }, NO_LIMIT)
    await flush()
    expect(script.sends[0]!.headers.slice(3)).toEqual([
      ['receipt', '1'],
      ['correlation-id', 'c-1'],
      ['reply-to', '/temp-queue/isomq'],
    ])
    // RECEIPT and answer come in either order.
    script.say(
      'MESSAGE',
      { subscription: '/temp-queue/isomq', 'correlation-id': 'c-1', 'content-length': '3' },
      'a\0b',
    )
    script.confirm()
    await sent
    expect(b.replies).toEqual([['c-1', 'a\0b']])
  })

  test('goes to exchanges with any name: RabbitMQ reads one escape, that of the slash', async () => {
    const b = stompBench({ exchange: 'a/b c', routingKey: 'ü/%' })
    const script = await b.signIn()
    void b.broker.publish(DISPATCH, NO_LIMIT).catch(() => {})
    await flush()
    expect(script.sends[0]!.headers[0]).toEqual(['destination', '/exchange/a%2Fb c/ü%2F%'])
  })

  test('of two hundred at once is confirmed by its own receipt', async () => {
    const b = stompBench()
    const script = await b.signIn()
    const done: number[] = []
    const all = Array.from({ length: 200 }, (_, i) =>
      b.broker.publish({ body: String(i) }, NO_LIMIT).then(() => done.push(i)),
    )
    await flush()
    expect(new Set(script.receipts).size).toBe(200)
    script.confirm(script.receipts.slice(100))
    await flush()
    expect(done.every((i) => i >= 100) && done.length === 100).toBe(true)
    script.confirm(['nobody', 'probe', ''])
    script.confirm()
    await Promise.all(all)
  })

  // 400 that are not confirmed make RabbitMQ fall over its own flow control, and the socket with it.
  test('of a thousand waits until fewer than two hundred wait for their confirmation, and keeps its turn', async () => {
    const b = stompBench()
    const script = await b.signIn()
    const all = Array.from({ length: 1_000 }, (_, i) => b.broker.publish({ body: String(i) }, NO_LIMIT))
    for (let confirmed = 0; confirmed < 1_000; confirmed += 50) {
      await flush()
      expect(script.sends).toHaveLength(Math.min(1_000, confirmed + 200))
      script.confirm(script.receipts.slice(confirmed, confirmed + 50))
    }
    await Promise.all(all)
    expect(script.sends.map(({ body }) => body)).toEqual(Array.from({ length: 1_000 }, (_, i) => String(i)))
  })

  test('that waits for its turn ends by its limit or its signal, and is not sent then', async () => {
    const b = stompBench()
    const script = await b.signIn()
    const first = Array.from({ length: 200 }, (_, i) => b.broker.publish({ body: String(i) }, NO_LIMIT))
    const abort = new AbortController()
    const late = rejection(b.broker.publish({ body: 'late' }, { timeout: 500 }))
    const left = rejection(b.broker.publish({ body: 'left' }, { timeout: 0, signal: abort.signal }))
    const last = b.broker.publish({ body: 'last' }, NO_LIMIT)
    await b.clock.advance(500)
    abort.abort()
    expect(await late).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('within 500 ms') })
    expect(await left).toMatchObject({ code: 'ABORTED' })
    script.confirm()
    await Promise.all(first)
    await flush()
    expect(script.sends.slice(200).map(({ body }) => body)).toEqual(['last'])
    script.confirm()
    await last
  })

  test.each([-1, Number.NaN])('cannot have the limit %s', async (timeout) => {
    const b = stompBench()
    expect(await rejection(b.broker.publish(DISPATCH, { timeout }))).toMatchObject({ code: 'CONFIG' })
  })

  test('without a confirmation fails with the limit', async () => {
    const b = stompBench()
    await b.signIn()
    const failed = rejection(b.broker.publish(DISPATCH, { timeout: 3_000 }))
    await b.clock.advance(3_000)
    expect(await failed).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('confirmation') })
  })

  test('is not waited for beyond the signal', async () => {
    const b = stompBench()
    await b.signIn()
    const abort = new AbortController()
    const failed = rejection(b.broker.publish(DISPATCH, { signal: abort.signal }))
    const early = rejection(b.broker.publish(DISPATCH, { signal: AbortSignal.abort() }))
    await flush()
    abort.abort()
    expect([(await failed).code, (await early).code]).toEqual(['ABORTED', 'ABORTED'])
    expect(b.script.sends).toHaveLength(1)
  })

  test('beyond maxPending is QUEUE_FULL, until one is confirmed', async () => {
    const b = stompBench({ maxPending: 2 })
    const script = await b.signIn()
    const sent = [b.broker.publish(DISPATCH, NO_LIMIT), b.broker.publish(DISPATCH, NO_LIMIT)]
    await flush()
    expect(await rejection(b.broker.publish(DISPATCH, NO_LIMIT))).toMatchObject({
      code: 'QUEUE_FULL',
      message: expect.stringContaining('maxPending'),
    })
    script.confirm()
    await Promise.all(sent)
    const next = b.broker.publish(DISPATCH, NO_LIMIT)
    await flush()
    script.confirm()
    await next
  })
})
describe('an answer', () => {
  test.each<[Record<string, string>, string, string]>([
    [{ 'correlation-id': 'c' }, '', 'c'],
    [{ 'correlation-id': 'a:b' }, 'no json', 'a:b'],
    [{}, '{}', ''],
  ])('with the headers %j is handed over', async (headers, body, correlationId) => {
    const b = stompBench()
    const script = await b.signIn()
    script.say('MESSAGE', headers, body)
    expect(b.replies).toEqual([[correlationId, body]])
  })

  test('that is not UTF-8 is handed over, and the socket lives', async () => {
    const b = stompBench()
    await b.signIn()
    const head = new TextEncoder().encode('MESSAGE\ncorrelation-id:c\ncontent-length:2\n\n')
    b.network.last.bytes(Uint8Array.from([...head, 0xff, 0xfe, 0]))
    expect(b.replies).toEqual([['c', '\ufffd\ufffd']])
    expect(b.broker.state).toBe('open')
  })
})
test('a second client is refused', () => {
  const b = stompBench()
  expect(() => b.broker.listen({ waiting: false, reply() {}, lost() {} })).toThrow(/make one for each/)
})
