// What comes in, and its acknowledgement.
import type { PrismMessage } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { deliveryText } from '../support/prism.ts'
import { bench, type PrismBench } from './bench.ts'

const malformed = ({ statuses }: PrismBench) =>
  statuses.flatMap((status) => (status.type === 'malformed' ? [status] : []))

/** Gives the next message of an iteration. */
async function take(b: PrismBench, frame: string | Uint8Array): Promise<PrismMessage> {
  const next = b.notify.messages().next()
  b.script.send(frame)
  return (await next).value
}

describe('a message', () => {
  test('has what the server says of it', async () => {
    const b = bench()
    await b.open()
    const frame = {
      client_id: 'ck',
      app: 'shop',
      key: 'orders.created',
      type: 'application/json',
      body: '{"id":12345678901234567890,"n":1}',
      time: 1_700_000_000,
      tag: 7,
    }
    const message = await take(b, JSON.stringify(frame))
    expect({ ...message }).toMatchObject({
      tag: '7',
      key: 'orders.created',
      type: 'application/json',
      body: frame.body,
      time: new Date(1_700_000_000_000),
      clientId: 'ck',
      app: 'shop',
      receivedAt: b.clock.now(),
    })
    expect(message.json({ exact: true })).toEqual({ id: '12345678901234567890', n: 1 })
  })

  test('may say nothing but its tag', async () => {
    const b = bench()
    await b.open()
    const message = await take(b, '{"tag":7}')
    expect([message.tag, message.key, message.body]).toEqual(['7', '', ''])
    for (const field of ['type', 'time', 'clientId', 'app'] as const) expect(message[field]).toBeUndefined()
    expect(() => message.json()).toThrow(expect.objectContaining({ code: 'PROTOCOL' }))
  })

  test.each([
    ['an object', '{"n":1}'],
    ['a list', '[1,2]'],
    ['a number', '7'],
    ['a boolean', 'false'],
  ])('whose body is %s inside the frame has its JSON text', async (_, body) => {
    const b = bench()
    await b.open()
    const message = await take(b, `{"tag":1,"body":${body}}`)
    expect([message.body, message.json()]).toEqual([body, JSON.parse(body)])
  })

  test.each([
    ['0', '0'],
    ['7', '7'],
    ['9007199254740991', '9007199254740991'],
    ['9007199254740993', '9007199254740993'],
    ['18446744073709551615', '18446744073709551615'],
    ['"9007199254740993"', '9007199254740993'],
    ['"7"', '7'],
  ])('with the tag %s is acked by just that', async (tag, acked) => {
    const b = bench()
    const script = await b.open()
    const message = await take(b, `{"tag":${tag}}`)
    await message.ack()
    expect([message.tag, script.acked]).toEqual([acked, [acked]])
  })

  test.each([
    ['a fraction', '1.5'],
    ['a fraction of a huge number', '9007199254740993.5'],
    ['beyond any number', '1e400'],
    ['a rounded number', '1e20'],
    ['negative and beyond 20 digits', '-123456789012345678901'],
    ['beyond 20 digits', '123456789012345678901'],
    ['an empty text', '""'],
    ['a word', '"abc"'],
    ['a text with a space', '" 7"'],
    ['a text with a fraction', '"7.0"'],
    ['a text with an exponent', '"1e3"'],
    ['a hexadecimal text', '"0x10"'],
    ['true', 'true'],
    ['false', 'false'],
    ['null', 'null'],
    ['an object', '{}'],
    ['a list', '[7]'],
  ])('whose tag is %s is malformed: told, counted, and never acked', async (_, tag) => {
    const b = bench()
    b.notify.on('message', () => {})
    const script = await b.open()
    script.send(`{"tag":${tag},"body":"x"}`)
    script.deliver(8)
    await flush()
    expect(malformed(b)).toEqual([
      { type: 'malformed', error: expect.objectContaining({ code: 'PROTOCOL' }), bytes: expect.any(Number) },
    ])
    expect([script.acked, b.notify.state, b.errors]).toEqual([['8'], 'open', []])
    expect(b.notify.stats()).toMatchObject({ malformed: 1, received: 1 })
  })

  test.each([
    ['-5', '-5'],
    ['1e3', '1000'],
    ['7.0', '7'],
    ['-0', '0'],
  ])('with the odd tag %s is acked by the same number', async (tag, acked) => {
    const b = bench()
    const script = await b.open()
    await (await take(b, `{"tag":${tag}}`)).ack()
    expect(script.acked).toEqual([acked])
  })
})

describe('a frame that is no message', () => {
  test.each([
    ['no JSON', 'x'],
    ['an empty text', ''],
    ['broken JSON', '{"tag":7'],
    ['a list', '[{"tag":7}]'],
    ['a text', '"tag"'],
    ['a number', '7'],
    ['null', 'null'],
    ['true', 'true'],
    ['an object without a tag', '{"body":"x"}'],
    ['an empty object', '{}'],
    ['an error that is null', '{"error":null}'],
  ])('%s is told as malformed, and the connection goes on', async (_, frame) => {
    for (const data of [frame, new TextEncoder().encode(frame)]) {
      const b = bench()
      const script = await b.open()
      script.send(data)
      expect(malformed(b)).toEqual([
        { type: 'malformed', error: expect.objectContaining({ code: 'PROTOCOL' }), bytes: data.length },
      ])
      expect([b.errors, b.notify.stats().malformed, b.notify.state]).toEqual([[], 1, 'open'])
    }
  })

  test.each([
    ['a text', '"queue not found"', 'queue not found', { code: undefined, message: 'queue not found' }],
    ['a code and a message', '{"code":40,"message":"no"}', '40 no', { code: 40, message: 'no' }],
    ['a code and a msg', '{"code":"E1","msg":"no"}', 'E1 no', { code: 'E1', message: 'no' }],
    ['a number', '7', '7', { code: undefined, message: 7 }],
  ])(
    'an error that is %s is told as PROVIDER, and the connection goes on',
    async (_, error, shown, details) => {
      const b = bench()
      const script = await b.open()
      script.send(`{"error":${error}}`)
      expect(b.errors).toEqual([expect.objectContaining({ code: 'PROVIDER', provider: 'prism', details })])
      expect(b.errors[0]!.message).toContain(`(${shown})`)
      expect([b.notify.state, b.notify.stats().malformed]).toEqual(['open', 0])
    },
  )

  test('a message that has an error beside its tag is a message', async () => {
    const b = bench()
    await b.open()
    expect((await take(b, '{"tag":7,"error":"x"}')).tag).toBe('7')
  })
})

describe('A21 · malformed frames', () => {
  const FRAME = new TextEncoder().encode(deliveryText('9007199254740993', '{"订单":"\\u0001😀"}'))

  test('A21 · cut at every byte, and every byte flipped: each is counted or a message, and the line stays', async () => {
    const b = bench({ maxBuffered: 100_000 })
    const script = await b.open()
    let frames = 0
    const send = (bytes: Uint8Array) => {
      frames++
      script.send(bytes)
    }
    for (let at = 0; at < FRAME.length; at++) {
      send(FRAME.subarray(0, at))
      for (const mask of [0x01, 0x80, 0xff]) {
        const flipped = FRAME.slice()
        flipped[at]! ^= mask
        send(flipped)
      }
    }
    const { malformed: bad, received } = b.notify.stats()
    expect(bad).toBeGreaterThanOrEqual(FRAME.length)
    expect([bad + received, b.notify.state, b.network.sockets.length]).toEqual([frames, 'open', 1])
  })
})

describe('A22 · hostile frames', () => {
  const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  const odd = '{"toString":1,"valueOf":1}'
  test.each([
    ['a body of a hundred thousand lists in each other', `{"tag":1,"body":${deep(100_000)}}`],
    ['a routing key of them', `{"tag":1,"key":${deep(100_000)}}`],
    ['a time of them', `{"tag":1,"time":${deep(100_000)}}`],
    ['a tag of them', `{"tag":${deep(100_000)}}`],
    ['nothing but them', deep(100_000)],
    ['an error of them', `{"error":${deep(100_000)}}`],
    ['an error whose message is of them', `{"error":{"message":${deep(100_000)}}}`],
    ['a time that cannot be a number', `{"tag":1,"time":${odd}}`],
    ['a routing key that cannot be a text', `{"tag":1,"key":${odd}}`],
    ['a body whose toJSON is no function', '{"tag":1,"body":{"toJSON":1}}'],
    ['an error that cannot be a text', `{"error":${odd}}`],
    ['an error whose message cannot be a text', `{"error":{"message":${odd}}}`],
    ['an error whose code cannot be a text', `{"error":{"code":${odd},"message":"x"}}`],
    ['a tag that cannot be a text', `{"tag":${odd}}`],
    ['an error of megabytes', `{"error":"${'x'.repeat(4_000_000)}"}`],
    ['keys that pollute', '{"tag":1,"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'],
  ])('A22 · %s: typed, and the connection goes on', async (_, frame) => {
    const b = bench()
    const script = await b.open()
    script.send(frame)
    script.deliver(8)
    await flush()
    expect([b.notify.state, b.network.sockets.length]).toEqual(['open', 1])
    const { malformed: bad, received } = b.notify.stats()
    expect(bad + received + b.errors.length).toBe(2)
    for (const { code, message } of b.errors) {
      expect(code).toBe('PROVIDER')
      expect(message.length).toBeLessThan(400)
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test('A22 · odd times are no time', async () => {
    const b = bench()
    await b.open()
    for (const time of ['""', '"soon"', 'true', '[5]', '{}', '1e300', '-1e300', 'null']) {
      expect((await take(b, `{"tag":1,"time":${time}}`)).time, time).toBeUndefined()
    }
    expect((await take(b, '{"tag":1,"time":"1700000000"}')).time).toEqual(new Date(1_700_000_000_000))
    expect((await take(b, '{"tag":1,"time":1700000000.5}')).time).toEqual(new Date(1_700_000_000_500))
  })
})

describe('an ack', () => {
  test('that comes after the connection is CONNECTION_LOST, and goes out on no other one', async () => {
    const b = bench()
    await b.open()
    const message = await take(b, deliveryText('7'))
    const { signal } = message
    const second = await b.again()
    expect(signal.aborted).toBe(true)
    expect(await rejection(message.ack())).toMatchObject({ code: 'CONNECTION_LOST', provider: 'prism' })
    expect(await rejection(message.nack())).toMatchObject({ code: 'CONNECTION_LOST' })
    await flush()
    expect([second.acked, second.odd]).toEqual([[], []])
  })

  test('of a tag that the next connection gives to another message is not that one’s', async () => {
    const b = bench()
    const first = await b.open()
    const old = await take(b, deliveryText('1', '{"n":"old"}'))
    const second = await b.again()
    const young = await take(b, deliveryText('1', '{"n":"young"}'))
    await rejection(old.ack())
    expect(second.acked).toEqual([])
    await young.ack()
    expect([first.acked, second.acked]).toEqual([[], ['1']])
  })
})
