// A21, A22: what no server should send.
import type { WampEvent } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, bench1, bench2, VERSIONS } from './bench.ts'

const T = 'http://example.com/t'
const DEPTH = 100_000
const deep = '['.repeat(DEPTH) + ']'.repeat(DEPTH)

/** Every message that a server of a version may send to an open session, one of each kind. */
const VALID = {
  1: [
    [3, 'call', { a: 1 }],
    [4, 'call', 'http://example.com/error', 'text', [1]],
    [8, T, { a: [1, 'é'] }],
  ],
  2: [
    [8, 48, 1, {}, 'com.example.error', ['text'], { a: 1 }],
    [17, 1, 2],
    [33, 1, 2],
    [35, 1],
    [36, 1, 2, { topic: 'x' }, ['é'], { a: 1 }],
    [50, 1, {}, [1], { a: 1 }],
  ],
} as const

const NO_MESSAGES = [
  '',
  ' ',
  'null',
  'true',
  '5',
  '"text"',
  '{}',
  '{"0":8}',
  '[]',
  '[null]',
  '["8","t",1]',
  '[[8]]',
  '[1.5]',
  '[8',
  '[8,]',
  'undefined',
  '\u0000',
  '[-1]',
  '[99]',
  '[1e300,1,1]',
]

describe.each(VERSIONS)('A21 · malformed frames of version %d', (version) => {
  test('are told and counted one by one, and the connection goes on', async () => {
    const b = bench(version)
    const script = await b.open()
    const events: WampEvent[] = []
    ;(await b.subscribe(T)).on('event', (event) => events.push(event))
    for (const frame of NO_MESSAGES) {
      script.socket.message(frame)
      script.socket.bytes(new TextEncoder().encode(frame))
    }
    script.event(T, 'after')
    expect(b.session.stats().malformed).toBe(2 * NO_MESSAGES.length)
    const told = b.statuses.flatMap((status) => (status.type === 'malformed' ? [status] : []))
    expect(told.map(({ error }) => error.code)).toEqual(told.map(() => 'PROTOCOL'))
    expect(told.map(({ bytes }) => bytes)).toEqual(
      NO_MESSAGES.flatMap((frame) => [frame.length, frame.length]),
    )
    expect([events.length, b.session.state, b.network.sockets.length, b.errors]).toEqual([1, 'open', 1, []])
  })

  test('every valid message, cut at each byte and with each byte flipped, harms nothing', async () => {
    const b = bench(version)
    const script = await b.open()
    const events: WampEvent[] = []
    ;(await b.subscribe(T)).on('event', (event) => events.push(event))
    for (const message of VALID[version]) {
      const bytes = new TextEncoder().encode(JSON.stringify(message))
      for (let at = 0; at < bytes.length; at++) {
        script.socket.bytes(bytes.subarray(0, at))
        for (const mask of [0x01, 0x10, 0x80, 0xff]) {
          const flipped = bytes.slice()
          flipped[at]! ^= mask
          // A flip may make a GOODBYE, an ABORT or a WELCOME of it, which is another matter.
          if (!/^\[[0236],/.test(new TextDecoder().decode(flipped))) script.socket.bytes(flipped)
        }
      }
    }
    await flush()
    expect([b.session.state, b.network.sockets.length]).toEqual(['open', 1])
    expect(b.session.stats().malformed).toBeGreaterThan(100)
    const before = events.length
    script.event(T, 'after')
    expect(events).toHaveLength(before + 1)
  })

  test('every valid message with one element less, one more or another in place of each harms nothing', async () => {
    const b = bench(version)
    const script = await b.open()
    const others = [null, true, 'x', '', -1, 1.5, 1e300, [], {}, [[]], { __proto__: null }]
    for (const message of VALID[version]) {
      for (let length = 1; length < message.length; length++) script.send(...message.slice(0, length))
      script.send(...message, 'more', 5, {}, [])
      for (let at = 1; at < message.length; at++) {
        for (const other of others) script.send(...message.with(at, other as never))
      }
    }
    await flush()
    expect([b.session.state, b.errors]).toEqual(['open', []])
  })

  test('a message of the other version, or one that only a client sends, is malformed', async () => {
    const b = bench(version)
    const script = await b.open()
    const odd =
      version === 1
        ? [
            [1, 'ex', T],
            [2, 'id', T],
            [5, T],
            [6, T],
            [7, T, 1],
            [33, 1, 2],
            [36, 1, 2, {}],
          ]
        : [
            [0, 'S1', 1, 'x'],
            [1, 'realm', {}],
            [4, 'wampcra', {}],
            [5, 'S', {}],
            [7, T, 1],
            [16, 1, {}, T],
            [32, 1, {}, T],
            [48, 1, {}, T],
            [68, 1, 2, {}],
          ]
    for (const message of odd) script.send(...message)
    expect([b.session.stats().malformed, b.session.state]).toEqual([odd.length, 'open'])
  })
})

describe.each(VERSIONS)('A22 · hostile input of version %d', (version) => {
  test('JSON as deep as a well ends nothing', async () => {
    const b = bench(version)
    const script = await b.open()
    const events: WampEvent[] = []
    ;(await b.subscribe(T)).on('event', (event) => events.push(event))
    const frames = [deep, `[${deep}]`, `[8,${deep},${deep}]`]
    if (version === 1)
      frames.push(`[3,${deep}]`, `[8,"${T}",${deep}]`, `[4,"x","y",${deep},${deep}]`, `[4,"x",${deep}]`)
    else {
      frames.push(
        `[36,${(script as { idOf?(topic: string): number }).idOf!(T)},${deep},${deep},[${deep}],${deep}]`,
      )
      frames.push(`[50,${deep},{}]`, `[8,48,${deep},{},"x"]`, `[8,${deep},1,{},"x"]`, `[33,1,${deep}]`)
    }
    for (const frame of frames) script.socket.message(frame)
    script.event(T, 'after')
    await flush()
    expect([events.at(-1)!.event, b.session.state, b.network.sockets.length]).toEqual(['after', 'open', 1])
  })

  test('a deep answer to a call is its result, or the call goes on', async () => {
    const b = bench(version)
    const script = await b.open()
    const call = b.session.call<unknown>('p').catch((error: { code?: string }) => error.code)
    await flush()
    const id = JSON.stringify(script.of(version === 1 ? 2 : 48)[0]![0])
    script.socket.message(
      version === 1 ? `[4,${id},"http://x",${deep}]` : `[8,48,${id},{},"com.x",[${deep}]]`,
    )
    script.result('p', 'late')
    const outcome = await call
    expect(['late', 'PROVIDER']).toContain(outcome)
  })

  test('keys such as __proto__ pollute nothing', async () => {
    const b = bench(version)
    const script = await b.open()
    const events: WampEvent[] = []
    ;(await b.subscribe(T)).on('event', (event) => events.push(event))
    const evil =
      '{"__proto__":{"polluted":1,"topic":"evil","publisher":1},"constructor":{"prototype":{"polluted":1}}}'
    const id = (script as { idOf?(topic: string): number }).idOf?.(T)
    script.socket.message(version === 1 ? `[8,"${T}",${evil}]` : `[36,${id},1,${evil},[${evil}],${evil}]`)
    script.socket.message(version === 1 ? `[8,"__proto__",1]` : `[36,1,1,${evil}]`)
    const call = rejection(b.session.call('p'))
    await flush()
    const own = JSON.stringify(script.of(version === 1 ? 2 : 48)[0]![0])
    script.socket.message(
      version === 1
        ? `[4,${own},"__proto__","x",${evil}]`
        : `[8,48,${own},${evil},"__proto__",[${evil}],${evil}]`,
    )
    await call
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect(events[0]).toMatchObject({ topic: T, publisher: undefined })
    expect(Object.getPrototypeOf(events[0])).toBe(Object.prototype)
  })

  test('topics, ids and texts of a megabyte arrive, or are dropped, like any other', async () => {
    const b = bench(version)
    const script = await b.open()
    const long = 'x'.repeat(1_000_000)
    const events: WampEvent[] = []
    ;(await b.subscribe(long)).on('event', (event) => events.push(event))
    script.event(long, long)
    expect([events[0]!.topic.length, (events[0]!.event as string).length]).toEqual([1_000_000, 1_000_000])
    script.send(99, long)
    const status = b.statuses.at(-1) as { error: Error }
    expect(status.error.message.length).toBeLessThan(200)
  })

  test('invalid UTF-8 in a binary frame reads as U+FFFD', async () => {
    const b = bench(version)
    const script = await b.open()
    const events: WampEvent[] = []
    ;(await b.subscribe(T)).on('event', (event) => events.push(event))
    const id = (script as { idOf?(topic: string): number }).idOf?.(T)
    const [head, tail] = version === 1 ? [`[8,"${T}","`, '"]'] : [`[36,${id},1,{},["`, '"]]']
    const bytes = new TextEncoder().encode(`${head}??${tail}`)
    bytes.set([0xff, 0xc0], head.length)
    script.socket.bytes(bytes)
    expect(events[0]!.event).toBe('\ufffd\ufffd')
  })

  test('20,000 frames of nonsense cost no memory of ours', async () => {
    const b = bench(version)
    const script = await b.open()
    b.statuses.length = 0
    for (let n = 0; n < 20_000; n++) script.socket.message(n % 2 ? '[99]' : `[50,${n},{}]`)
    expect(b.session.stats().malformed).toBe(version === 1 ? 20_000 : 10_000)
    expect([b.session.state, b.clock.timers]).toEqual(['open', 1])
  })
})

test('what is thrown by a handler of `malformed` does not end the session', async () => {
  const b = bench1()
  const script = await b.open()
  b.session.on('status', () => {
    throw new Error('from the handler')
  })
  script.socket.message('nonsense')
  await flush()
  expect([b.session.state, b.errors.map(({ message }) => message)]).toEqual(['open', ['from the handler']])
})

test('a thousand CHALLENGEs are one too many from the second on', async () => {
  const b = bench2({ auth: { id: 'joe', sign: () => new Promise<string>(() => {}) }, reconnect: false })
  const script = await b.dial()
  script.open()
  for (let n = 0; n < 1_000; n++) script.send(4, 'wampcra', { challenge: '{}' })
  await flush()
  expect([b.errors.length, b.session.state]).toEqual([1, 'closed'])
})
