import { decodeFrame, encodeFrame, IsomqError, type TmcFrame } from 'isomq/tmc'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { until } from '../support/events.ts'
import { dataFrame, text } from '../support/tmc.ts'
import vectors from '../vectors/tmc.json' with { type: 'json' }
import { bench } from './bench.ts'

const fromHex = (hex: string) => Uint8Array.from(hex.match(/../g)!, (pair) => Number.parseInt(pair, 16))

/** Every valid frame of the vectors. */
const FRAMES = vectors.cases.flatMap(({ name, input, expected }) => {
  const hex = [input, expected].map((part) => (part as { frame_hex?: string }).frame_hex).find(Boolean)
  return hex ? [[name, fromHex(hex)] as const] : []
})

/** A frame, or the typed error in place of one; anything else fails the test. */
function decoded(bytes: Uint8Array): TmcFrame | undefined {
  try {
    return decodeFrame(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(IsomqError)
    expect((error as IsomqError).code).toBe('PROTOCOL')
    return undefined
  }
}

describe('A21 · malformed frames', () => {
  test.each(FRAMES)('A21 · %s: cut at every byte is a PROTOCOL error', (_, frame) => {
    expect(decoded(frame)).toBeDefined()
    for (let length = 0; length < frame.length; length++) {
      expect(decoded(frame.subarray(0, length)), `cut to ${length}`).toBeUndefined()
    }
  })

  test.each(FRAMES)('A21 · %s: every byte flipped is a PROTOCOL error or a frame', (_, frame) => {
    for (let at = 0; at < frame.length; at++) {
      for (const mask of [0x01, 0x80, 0xff]) {
        const flipped = frame.slice()
        flipped[at]! ^= mask
        const result = decoded(flipped)
        if (result) expect(result.headers).toBeInstanceOf(Map)
      }
    }
  })

  test('A21 · a live client takes all of them and goes on; each is counted or handled', async () => {
    const b = bench({ maxBuffered: 100_000 })
    const script = await b.signIn()
    let bad = 0
    for (const [, frame] of FRAMES) {
      for (let at = 0; at < frame.length; at++) {
        const flipped = frame.slice()
        flipped[at]! ^= 0xff
        if (!decoded(flipped)) bad++
        script.socket.bytes(flipped)
        script.socket.bytes(frame.subarray(0, at))
        bad++
      }
    }
    await flush()
    expect(b.client.stats().malformed).toBeGreaterThanOrEqual(bad)
    expect([b.client.state, b.network.sockets.length]).toEqual(['open', 1])
    b.client.on('message', () => {})
    script.deliver(123_456_789)
    await until(() => script.confirmed.includes('123456789'))
  })

  test('A21 · a live client outlives all of them in the handshake', async () => {
    for (const [, frame] of FRAMES) {
      const b = bench({ reconnect: { refused: true } })
      b.client.connect({ timeout: 0 }).catch(() => {})
      await flush()
      b.script.socket.open()
      b.script.socket.bytes(frame.subarray(0, frame.length - 1))
      await flush()
      expect(b.errors[0]).toMatchObject({ code: 'PROTOCOL' })
      await b.again()
      expect(b.client.state).toBe('open')
    }
  })
})

const bytes = (...parts: (number | number[])[]) => Uint8Array.from(parts.flat())
const int32 = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255]

describe('A22 · hostile input', () => {
  test.each([0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 1_000_000])(
    'A22 · a length of %i is an error at once, in every place that has one',
    (length) => {
      const claim = int32(length | 0)
      const key = [1, 0, ...int32(1), 97]
      for (const frame of [
        bytes(2, 2, 1, 0, claim, 97),
        bytes(2, 2, key, 1, claim, 97),
        bytes(2, 2, key, 7, claim, 97),
        bytes(2, 2, key, 200, claim, 97),
        bytes(2, 2, 3, 0, claim, 97),
        bytes(2, 2, 5, 0, claim, 97),
      ]) {
        expect(decoded(frame)).toBeUndefined()
      }
    },
  )

  test('A22 · invalid UTF-8 reads as U+FFFD, in keys, values and phrases', () => {
    const bad = [...int32(3), 0xff, 0xc0, 0x61]
    const frame = decodeFrame(bytes(2, 2, 3, 0, bad, 1, 0, bad, 1, bad, 0, 0))
    expect(frame.statusPhrase).toBe('��a')
    expect([...frame.headers]).toEqual([['��a', text('��a')]])
  })

  test('A22 · keys such as __proto__ pollute nothing', () => {
    const headers = ['__proto__', 'constructor', 'toString'].map((key) => [key, text('x')] as const)
    const frame = decodeFrame(encodeFrame({ type: 'send', headers }))
    expect([...frame.headers.keys()]).toEqual(['__proto__', 'constructor', 'toString'])
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
    expect(({} as { toString: unknown }).toString).toBeTypeOf('function')
  })

  test('A22 · a topic of a megabyte and 50,000 headers arrive like any other', async () => {
    const b = bench()
    const topics: number[] = []
    b.client.on('message', (m) => topics.push(m.topic.length + m.headers.size))
    const script = await b.signIn()
    script.send(dataFrame(1, [['topic', text('x'.repeat(1_000_000))]]))
    script.send(
      dataFrame(
        2,
        Array.from({ length: 50_000 }, (_, n) => [`h${n}`, text('x')]),
      ),
    )
    await flush()
    expect(topics[0]).toBe(1_000_004)
    expect(topics[1]).toBeGreaterThan(50_000)
  })

  test('A22 · a megabyte of unknown headers is read through in no time', () => {
    const frame = new Uint8Array(1_000_002).fill(99)
    frame.set([2, 2])
    expect(decoded(frame)).toBeUndefined()
  })

  test('A22 · a gzip bomb is stopped at the limit, told, failed, and the next message arrives', async () => {
    const zeros = new Uint8Array(1_000_000)
    let megabytes = 0
    const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        controller.enqueue(zeros)
        if (++megabytes === 64) controller.close()
      },
    })
    const bomb = new Uint8Array(
      await new Response(source.pipeThrough(new CompressionStream('gzip'))).arrayBuffer(),
    )
    const b = bench({ maxContent: 100_000 })
    const seen: string[] = []
    b.client.on('message', ({ id }) => seen.push(id))
    const script = await b.signIn()
    script.send(dataFrame(1, [['content', { type: 'bytes', value: bomb }]]))
    script.deliver(2)
    await until(() => seen.length > 0)
    expect(b.errors).toEqual([expect.objectContaining({ code: 'LIMIT' })])
    expect([seen, script.failed.map(({ id }) => id), script.confirmed]).toEqual([['2'], ['1'], ['2']])
  })

  test('A22 · gzip that is broken or cut is told and failed', async () => {
    const b = bench()
    b.client.on('message', () => {})
    const script = await b.signIn()
    const whole = new Uint8Array(
      await new Response(
        new Blob(['x'.repeat(1_000)]).stream().pipeThrough(new CompressionStream('gzip')),
      ).arrayBuffer(),
    )
    const cut = whole.slice(0, whole.length - 6)
    script.send(dataFrame(1, [['content', { type: 'bytes', value: cut }]]))
    script.send(dataFrame(2, [['content', { type: 'bytes', value: bytes(0x1f, 0x8b, 1, 2, 3) }]]))
    await until(() => script.failed.length === 2)
    expect(b.errors.map(({ code }) => code)).toEqual(['PROTOCOL', 'PROTOCOL'])
    expect(b.client.state).toBe('open')
  })

  test.each([false, true])(
    'A22 · deep and long JSON is parsed or a typed error, exact: %s',
    async (exact) => {
      const b = bench()
      const outcomes: string[] = []
      b.client.on('message', (m) => {
        try {
          m.json({ exact })
          outcomes.push('parsed')
        } catch (error) {
          outcomes.push((error as IsomqError).code)
        }
      })
      const script = await b.signIn()
      const contents = [
        '['.repeat(200_000),
        `["${'x'.repeat(4_000_000)}"]`,
        `["${'\\"'.repeat(200_000)}`,
        '"'.repeat(200_001),
        '9'.repeat(400_000),
        '{"__proto__":{"polluted":1}}',
      ]
      for (const [n, content] of contents.entries()) script.send(dataFrame(n, [['content', text(content)]]))
      await flush()
      expect(outcomes).toEqual(['PROTOCOL', 'parsed', 'PROTOCOL', 'PROTOCOL', 'parsed', 'parsed'])
      expect(({} as { polluted?: number }).polluted).toBeUndefined()
    },
  )
})
