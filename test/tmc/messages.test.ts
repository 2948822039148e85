import { readMessage, type TmcMessage, type TmcValue } from 'isomq/tmc'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { until } from '../support/events.ts'
import { byte, dataFrame, int64, text } from '../support/tmc.ts'
import { bench } from './bench.ts'

async function gzip(content: string | Uint8Array<ArrayBuffer>): Promise<TmcValue> {
  const stream = new Blob([content]).stream().pipeThrough(new CompressionStream('gzip'))
  return { type: 'bytes', value: new Uint8Array(await new Response(stream).arrayBuffer()) }
}

/** Delivers one message with these headers and gives what arrives. */
async function arrives(headers: [string, TmcValue][], options: object = {}): Promise<TmcMessage> {
  const b = bench(options)
  const script = await b.signIn()
  const next = b.client.messages().next()
  script.send(dataFrame(7, headers))
  const { value } = await next
  await value.ack()
  return value
}

describe('a message', () => {
  test('has the fields that the server sends, whatever their format', async () => {
    const id = 2n ** 62n + 1n
    const sent: [string, TmcValue][] = [
      ['id', int64(id)],
      ['topic', text('taobao_trade_TradeClose')],
      ['publisher', text('4272')],
      ['time', { type: 'date', value: 1_700_000_000_000n }],
      ['outtime', int64(1_700_000_000_999)],
      ['userid', { type: 'int32', value: -5 }],
      ['nick', text('小二')],
      ['dataid', int64(9_007_199_254_740_993n)],
      ['retried', byte(2)],
      ['born_time', int64(1)],
      ['hint', { type: 'int16', value: -1 }],
      ['empty', { type: 'void', value: null }],
    ]
    const message = await arrives(sent)
    expect(message).toMatchObject({
      id: String(id),
      topic: 'taobao_trade_TradeClose',
      publisher: '4272',
      time: new Date(1_700_000_000_000),
      outTime: new Date(1_700_000_000_999),
      userId: '-5',
      nick: '小二',
      dataId: '9007199254740993',
      retried: 2,
    })
    expect(message.headers.get('hint')).toEqual({ type: 'int16', value: -1 })
    expect(message.headers.get('empty')).toEqual({ type: 'void', value: null })
    expect(message.headers.get('born_time')).toEqual(int64(1))
  })

  test('of nothing but an id and a topic has no other fields', async () => {
    const b = bench()
    const script = await b.signIn()
    const next = b.client.messages().next()
    script.send({
      type: 'send',
      headers: [
        ['topic', text('t')],
        ['id', int64(1)],
      ],
    })
    const { value } = await next
    expect([value.topic, value.content, value.retried]).toEqual(['t', '', 0])
    for (const field of ['publisher', 'time', 'outTime', 'userId', 'nick', 'dataId'] as const) {
      expect(value[field]).toBeUndefined()
    }
  })

  test('is told by its topic or by its kind; without an id it is malformed', async () => {
    const b = bench()
    const seen: string[] = []
    b.client.on('message', ({ id }) => seen.push(id))
    const script = await b.signIn()
    script.send({
      type: 'send',
      headers: [
        ['topic', text('t')],
        ['id', int64(1)],
      ],
    })
    script.send({
      type: 'send',
      headers: [
        ['__kind', byte(3)],
        ['id', text('2')],
      ],
    })
    script.send({ type: 'send', headers: [['topic', text('t')]] })
    script.send({
      type: 'send',
      headers: [
        ['topic', text('t')],
        ['id', text('x')],
      ],
    })
    script.send({
      type: 'send',
      headers: [
        ['topic', text('t')],
        ['id', text('9223372036854775808')],
      ],
    })
    script.send({
      type: 'send',
      headers: [
        ['__kind', byte(1)],
        ['id', int64(5)],
      ],
    })
    script.send({
      type: 'sendack',
      headers: [
        ['topic', text('t')],
        ['id', int64(6)],
      ],
    })
    await flush()
    expect([seen, script.confirmed, b.client.stats().malformed]).toEqual([['1', '2'], ['1', '2'], 3])
  })

  test('with a date beyond what a Date can hold keeps it in its headers', async () => {
    const { time, headers } = await arrives([['time', { type: 'date', value: 2n ** 62n }]])
    expect([time, headers.get('time')!.value]).toEqual([undefined, 2n ** 62n])
  })

  test('with keys such as __proto__, token and flag changes nothing but its headers', async () => {
    const keys = ['__proto__', 'constructor', 'token', 'flag', 'statusCode', 'type', 'ack']
    const message = await arrives(keys.map((key) => [key, text('x')]))
    for (const key of keys) expect(message.headers.get(key)).toEqual(text('x'))
    expect(message.ack).toBeTypeOf('function')
    expect(({} as Record<string, unknown>).x).toBeUndefined()
  })

  test('many in one go all arrive, in order', async () => {
    const b = bench()
    const seen: number[] = []
    b.client.on('message', ({ id }) => seen.push(Number(id)))
    const script = await b.signIn()
    const ids = Array.from({ length: 500 }, (_, n) => n)
    script.deliver(...ids)
    await flush()
    expect([seen, script.confirmed.length]).toEqual([ids, 500])
  })

  test('text frames are dropped and counted', async () => {
    const b = bench()
    const script = await b.signIn()
    script.socket.message('{"id":1}')
    expect(b.client.stats()).toMatchObject({ received: 0, malformed: 1 })
    expect(b.client.state).toBe('open')
  })
})

describe('content', () => {
  test('is inflated when it is a gzip byte[], and taken as text when it is another', async () => {
    const long = `{"text":"${'中'.repeat(5_000)}"}`
    expect((await arrives([['content', await gzip(long)]])).content).toBe(long)
    const plain: TmcValue = { type: 'bytes', value: new TextEncoder().encode('{"a":1}') }
    expect((await arrives([['content', plain]])).json()).toEqual({ a: 1 })
    expect((await arrives([['content', { type: 'bytes', value: new Uint8Array(0) }]])).content).toBe('')
  })

  test('that has to be inflated keeps its place among the others', async () => {
    const b = bench()
    const seen: string[] = []
    b.client.on('message', ({ id, content }) => seen.push(`${id} ${content.length}`))
    const script = await b.signIn()
    script.send(dataFrame(1, [['content', await gzip('x'.repeat(100_000))]]))
    script.send(dataFrame(2, [['content', text('x')]]))
    script.send(dataFrame(3, [['content', await gzip('xyz')]]))
    await until(() => seen.length === 3)
    expect(seen).toEqual(['1 100000', '2 1', '3 3'])
  })

  test('that is lost with its connection while it inflates is not handed out', async () => {
    const b = bench()
    const seen: string[] = []
    b.client.on('message', ({ id }) => seen.push(id))
    const script = await b.signIn()
    script.send(dataFrame(1, [['content', await gzip('x'.repeat(1_000_000))]]))
    const next = await b.again()
    next.send(dataFrame(2, [['content', await gzip('y')]]))
    await until(() => seen.length > 0)
    expect([seen, next.confirmed]).toEqual([['2'], ['2']])
  })

  test('is kept as text whether it is JSON or not; json() says which', async () => {
    const message = await arrives([['content', text('no JSON')]])
    expect(message.content).toBe('no JSON')
    expect(() => message.json()).toThrow(expect.objectContaining({ code: 'PROTOCOL' }))
  })

  test('parses exactly on request: long integers come as text', async () => {
    const content = '{"tid":9007199254740993,"text":"9007199254740993","price":1.5}'
    const message = await arrives([['content', text(content)]])
    expect(message.json({ exact: true })).toEqual({
      tid: '9007199254740993',
      text: '9007199254740993',
      price: 1.5,
    })
  })

  test('readMessage() gives the same fields without a client', async () => {
    const frame = { type: 'send', headers: new Map(dataFrame(2n ** 60n).headers) } as const
    expect(await readMessage(frame)).toMatchObject({
      id: String(2n ** 60n),
      topic: 'taobao_trade_TradeCreate',
    })
    await expect(readMessage({ type: 'send', headers: new Map() })).rejects.toMatchObject({
      code: 'PROTOCOL',
    })
  })
})

describe('what the server says besides', () => {
  test('an error that answers nothing is reported with its code', async () => {
    const b = bench()
    const script = await b.signIn()
    script.send({ type: 'send', statusCode: 10, statusPhrase: 'Service Currently Unavailable' })
    script.send({ type: 'sendack', flag: 99, statusPhrase: 'phrase alone' })
    await flush()
    expect(b.errors.map(({ code, details }) => [code, details])).toEqual([
      ['PROVIDER', { code: 10, phrase: 'Service Currently Unavailable' }],
      ['PROVIDER', { code: undefined, phrase: 'phrase alone' }],
    ])
    expect(b.client.state).toBe('open')
  })
})
