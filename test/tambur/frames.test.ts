// A21 and A22 · frames that are not as they should be.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, watch } from './bench.ts'

const deep = (depth: number, inside = '') => `${'['.repeat(depth)}${inside}${']'.repeat(depth)}`

describe('A21 · a malformed frame', () => {
  test.each<[string, unknown]>([
    ['nothing', ''],
    ['a text', 'hello'],
    ['an object', '{"type":"msg"}'],
    ['a string', '"msg"'],
    ['a number', '5'],
    ['null', 'null'],
    ['half an array', '["msg","news","message","x"'],
    ['two arrays', '["ack",1,"ok"]["ack",2,"ok"]'],
    ['an empty array', '[]'],
    ['an unknown type', '["foo","news","message","x"]'],
    ['a type that is no text', '[1,"news","message","x"]'],
    ['a nested type', '[["msg"],"news","message","x"]'],
    ['a message without a stream', '["msg"]'],
    ['a message of stream 5', '["msg",5,"message","x"]'],
    ['a message of stream null', '["msg",null,"message","x"]'],
    ['an ack without a handle', '["ack"]'],
    ['an ack of a text', '["ack","1","ok"]'],
    ['an ack of 1.5', '["ack",1.5,"ok"]'],
    ['an ack of 1e30', '["ack",1e30,"ok"]'],
    ['presence without data', '["msg","news","presence"]'],
    ['presence of nobody', '["msg","news","presence",[]]'],
    ['presence of user 5', '["msg","news","presence",[5,"up"]]'],
    ['presence that is no list', '["msg","news","presence","her"]'],
    ['presence that is an object', '["msg","news","presence",{"0":"her","1":"up"}]'],
    ['presence neither up nor down', '["msg","news","presence",["her","away"]]'],
    ['presence without a state', '["msg","news","presence",["her"]]'],
    ['direct from nobody', '["msg","news","direct",[null,"x"]]'],
    ['direct that is no list', '["msg","news","direct","x"]'],
    ['bytes that are no UTF-8', new Uint8Array([0xff, 0x5b, 0x5d]).buffer],
    ['no bytes', new ArrayBuffer(0)],
  ])('is told and counted, and the connection goes on: %s', async (_, frame) => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'presence', 'direct')
    const seen: string[] = []
    for (const type of ['message', 'auth', 'direct'] as const) news.on(type, ({ text }) => seen.push(text))
    news.on('presence', () => seen.push('presence'))
    script.socket.message(frame)
    script.publish('news', 'after')
    await flush()
    expect([seen, b.client.state, b.client.stats().malformed]).toEqual([['after'], 'open', 1])
    expect(b.statuses.filter(({ type }) => type === 'malformed')).toEqual([
      expect.objectContaining({ error: expect.objectContaining({ code: 'PROTOCOL', provider: 'tambur' }) }),
    ])
    expect(b.errors).toEqual([])
  })

  test('A21 · every frame, cut at each place and with each character another, harms nothing', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'auth', 'presence', 'direct')
    for (const type of ['message', 'auth', 'direct', 'presence'] as const) news.on(type, () => {})
    const frames = [
      '["msg","news","message","some text"]',
      '["msg","news","auth","some text"]',
      '["msg","news","direct",["her","some text"]]',
      '["msg","news","presence",["her","up"]]',
      '["ack",4711,"ok"]',
    ]
    for (const frame of frames) {
      for (let at = 0; at < frame.length; at++) {
        script.socket.message(frame.slice(0, at))
        for (const other of ['"', '[', '{', ',', '0', '\\', '\u0000', '\ud800']) {
          script.socket.message(frame.slice(0, at) + other + frame.slice(at + 1))
        }
      }
    }
    await flush()
    expect([b.client.state, b.network.sockets.length, news.state]).toEqual(['open', 1, 'open'])
    const seen: string[] = []
    news.on('message', ({ text }) => seen.push(text))
    script.publish('news', 'after')
    expect(seen).toEqual(['after'])
  })

  test('A21 · text and binary frames mean the same', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    const seen: string[] = []
    news.on('message', ({ text }) => seen.push(text))
    script.socket.bytes(new TextEncoder().encode('["msg","news","message","Zoë 王"]'))
    const opening = b.client.stream('other').open()
    script.socket.send = () => {}
    await opening
    expect(seen).toEqual(['Zoë 王'])
  })
})

describe('acks', () => {
  test('of handles that nobody knows answer nobody', async () => {
    const b = bench()
    const script = await b.signIn()
    const opening = watch(b.client.stream('news').open())
    await flush()
    for (const handle of [2, 99, Number.MAX_SAFE_INTEGER]) script.answer(handle)
    await flush()
    expect([opening.state, b.errors, b.client.stats().malformed]).toEqual(['pending', [], 0])
    script.answer(1)
    await flush()
    expect(opening.state).toBe('resolved')
  })

  test.each([0, -1, -4711])(
    'of handle %i are error notices: told by the event, nothing ends',
    async (handle) => {
      const b = bench()
      const script = await b.obeyed()
      const news = await b.open()
      script.answer(handle, 'something is wrong')
      await flush()
      expect(b.errors).toEqual([
        expect.objectContaining({ code: 'PROVIDER', details: { reason: 'something is wrong' } }),
      ])
      expect(b.errors[0]!.message).toContain('something is wrong')
      expect([b.client.state, news.state]).toEqual(['open', 'open'])
    },
  )

  test.each<[unknown, string]>([
    [{ error: 'no' }, '{"error":"no"}'],
    [false, 'false'],
    [null, 'null'],
    [['ok'], '["ok"]'],
    ['OK', 'OK'],
    ['ok ', 'ok '],
    ['', ''],
    [undefined, ''],
  ])('that say %j are no "ok"', async (response, reason) => {
    const b = bench()
    const script = await b.signIn()
    const opening = rejection(b.client.stream('news').open())
    await flush()
    script.send(response === undefined ? ['ack', 1] : ['ack', 1, response])
    expect(await opening).toMatchObject({ code: 'PROVIDER', details: { reason } })
  })

  test('of a megabyte are quoted in short', async () => {
    const b = bench()
    const script = await b.signIn()
    const opening = rejection(b.client.stream('news').open())
    await flush()
    script.answer(1, 'x'.repeat(1_000_000))
    script.answer(0, 'x'.repeat(1_000_000))
    const error = await opening
    for (const one of [error, b.errors[0]!]) {
      expect(one.message.length).toBeLessThan(500)
      expect(JSON.stringify(one.details).length).toBeLessThan(500)
    }
  })
})

describe('A22 · hostile input', () => {
  test.each<[string, string]>([
    ['a deep frame', deep(200_000)],
    ['a deep frame that is not closed', '['.repeat(400_000)],
    ['a deep message', `["msg","news","message",${deep(100_000)}]`],
    ['a deep kind', `["msg","news",${deep(100_000)},"x"]`],
    ['a deep answer', `["ack",99,${deep(100_000)}]`],
    ['a deep direct message', `["msg","news","direct",["her",${deep(100_000)}]]`],
    ['a deep presence', `["msg","news","presence",${deep(100_000)}]`],
    ['a kind that has no text', '["msg","news",{"toString":1,"valueOf":1},"x"]'],
    ['a response that has no text', '["ack",99,{"toString":1,"toJSON":1}]'],
  ])('A22 · %s does not end the connection', async (_, frame) => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'presence', 'direct')
    const seen: string[] = []
    news.on('message', ({ text }) => seen.push(text.slice(0, 10)))
    script.socket.message(frame)
    await flush()
    expect([b.client.state, b.network.sockets.length]).toEqual(['open', 1])
    script.publish('news', 'after')
    expect(seen.at(-1)).toBe('after')
  })

  test('A22 · streams, users and kinds of odd names pollute nothing', async () => {
    const b = bench()
    const script = await b.obeyed()
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '0', ' ', '"', '\u0000']
    const seen: string[] = []
    for (const name of names) {
      const stream = await b.open(name, 'presence')
      stream.on('message', ({ stream, text }) => seen.push(`${stream}=${text}`))
      script.publish(name, 'x')
      script.up(name, '__proto__')
      script.send(['msg', name, '__proto__', 'y'])
      expect([...stream.present]).toEqual(['__proto__'])
    }
    expect(seen).toEqual(names.flatMap((name) => [`${name}=x`, `${name}=y`]))
    script.send(['msg', 'valueOf', 'message', 'nobody listens'])
    expect(b.client.stats().malformed).toBe(0)
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
  })

  test('A22 · JSON in a message is parsed without pollution', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    let found: unknown
    news.on('message', (message) => {
      found = message.json()
    })
    script.publish('news', '{"__proto__":{"polluted":1}}')
    expect(Object.keys(found as object)).toEqual(['__proto__'])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test('A22 · a message of 4 megabytes arrives like any other', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    let length = 0
    news.on('message', ({ text }) => {
      length = text.length
    })
    script.publish('news', '\\"'.repeat(2_000_000))
    expect(length).toBe(4_000_000)
  })

  test('A22 · 100,000 messages for streams that nobody opened leave nothing behind', async () => {
    const b = bench()
    const script = await b.obeyed()
    for (let n = 0; n < 100_000; n++) script.socket.message(`["msg","s${n}","message","x"]`)
    expect(b.client.stats()).toMatchObject({ received: 100_000, dropped: 0, open: 0, malformed: 0 })
  })
})
