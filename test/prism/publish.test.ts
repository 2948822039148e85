import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench } from './bench.ts'

const CONFIG = expect.objectContaining({ code: 'CONFIG' })
const LIMIT = expect.objectContaining({ code: 'LIMIT' })
const bytes = (...values: number[]) => Uint8Array.from(values)

describe('what is published', () => {
  test.each([
    ['text', 'héllo 订单 😀', new TextEncoder().encode('héllo 订单 😀'), 'text/plain'],
    ['an empty text', '', bytes(), 'text/plain'],
    ['bytes', bytes(0, 255, 1), bytes(0, 255, 1), 'application/octet-stream'],
    ['a part of a buffer', bytes(9, 1, 2, 9).subarray(1, 3), bytes(1, 2), 'application/octet-stream'],
    ['an ArrayBuffer', bytes(1, 2).buffer, bytes(1, 2), 'application/octet-stream'],
    ['a DataView', new DataView(bytes(9, 1, 2, 9).buffer, 1, 2), bytes(1, 2), 'application/octet-stream'],
    [
      'numbers of 16 bits',
      new Uint16Array(bytes(1, 2, 3, 4).buffer),
      bytes(1, 2, 3, 4),
      'application/octet-stream',
    ],
    ['an object', { n: 1, 订: '单' }, new TextEncoder().encode('{"n":1,"订":"单"}'), 'application/json'],
    ['a list', [1, null], new TextEncoder().encode('[1,null]'), 'application/json'],
    ['null', null, new TextEncoder().encode('null'), 'application/json'],
    ['a number', 0, new TextEncoder().encode('0'), 'application/json'],
    ['a boolean', false, new TextEncoder().encode('false'), 'application/json'],
  ])('goes as %s, and with its content type', async (_, body, sent, type) => {
    const b = bench()
    const script = await b.open()
    await b.notify.publish('orders.created', body)
    expect(script.published).toEqual([{ key: 'orders.created', body: sent, type }])
  })

  test('has the content type that is given', async () => {
    const b = bench()
    const script = await b.open()
    await b.notify.publish('k', '<a/>', { contentType: 'application/xml' })
    expect(script.published).toMatchObject([{ type: 'application/xml' }])
  })

  test('is what it was when publish() was called', async () => {
    const b = bench()
    const body = bytes(1, 2, 3)
    const waiting = b.notify.publish('k', body)
    body.fill(9)
    const script = await b.open()
    await waiting
    expect(script.published[0]!.body).toEqual(bytes(1, 2, 3))
  })

  const circular: { self?: object } = {}
  circular.self = circular
  test.each([
    ['no body', 'k', undefined, {}],
    ['a function', 'k', () => {}, {}],
    ['a symbol', 'k', Symbol('s'), {}],
    ['a bigint', 'k', 1n, {}],
    ['what contains itself', 'k', circular, {}],
    ['an empty routing key', '', 'x', {}],
    ['a routing key that is a number', 7, 'x', {}],
    ['no routing key', undefined, 'x', {}],
    ['an empty content type', 'k', 'x', { contentType: '' }],
    ['a content type that is a number', 'k', 'x', { contentType: 7 }],
  ])('%s is refused, and nothing is sent', async (_, key, body, options) => {
    const b = bench()
    const script = await b.open()
    const error = await rejection(b.notify.publish(key as string, body, options as object))
    expect([error, script.commands]).toEqual([CONFIG, []])
    expect(b.notify.stats().published).toBe(0)
  })
})

describe('the limits', () => {
  // Three bytes each.
  const han = (count: number) => '单'.repeat(count)
  test.each([
    ['256 bytes of ASCII', 'k'.repeat(256), 'x'],
    ['85 characters of three bytes, and one', `${han(85)}k`, 'x'],
    ['65,536 bytes of body', 'k', 'b'.repeat(65_536)],
    ['21,845 characters of three bytes, and one', 'k', `${han(21_845)}b`],
    ['65,536 bytes as bytes', 'k', new Uint8Array(65_536)],
  ])('let %s pass', async (_, key, body) => {
    const b = bench()
    const script = await b.open()
    await b.notify.publish(key, body)
    const [published] = script.published
    expect([published!.key, published!.body.length]).toEqual([
      key,
      typeof body === 'string' && key !== 'k' ? 1 : 65_536,
    ])
  })

  test.each([
    ['257 bytes of ASCII', 'k'.repeat(257), 'x', 257],
    ['86 characters of three bytes', han(86), 'x', 258],
    ['half a character at the end', `${'k'.repeat(254)}\ud800`, 'x', 257],
    ['65,537 bytes of body', 'k', 'b'.repeat(65_537), 65_537],
    ['21,846 characters of three bytes', 'k', han(21_846), 65_538],
    ['65,537 bytes as bytes', 'k', new Uint8Array(65_537), 65_537],
    ['JSON that is too long', 'k', { text: 'b'.repeat(65_536) }, 65_547],
  ])('refuse %s before anything is sent', async (_, key, body, length) => {
    const b = bench()
    const script = await b.open()
    const error = await rejection(b.notify.publish(key, body))
    expect(error).toMatchObject({ code: 'LIMIT', retryable: false, details: { bytes: length } })
    expect(error.message).toMatch(/shorten it, or raise max(Key|Body)/)
    expect([script.commands, b.notify.state]).toEqual([[], 'open'])
  })

  test('are options', async () => {
    const b = bench({ maxKey: 3, maxBody: 70_000 })
    const script = await b.open()
    expect(await rejection(b.notify.publish('long', 'x'))).toEqual(LIMIT)
    await b.notify.publish('key', 'b'.repeat(70_000))
    expect(script.published[0]!.body).toHaveLength(70_000)
  })

  test('a call that breaks one does not connect the client', async () => {
    const b = bench()
    await rejection(b.notify.publish('k'.repeat(257), 'x'))
    await flush()
    expect([b.notify.state, b.network.sockets.length]).toEqual(['idle', 0])
  })
})

describe('the order of publishes', () => {
  test('is that of the calls, whether they waited for the connection or not', async () => {
    const b = bench()
    const all: Promise<number>[] = []
    const publish = (text: string) => all.push(b.notify.publish('k', text))
    b.notify.on('state', ({ to }) => to === 'open' && publish('c'))
    b.notify.on('status', ({ type }) => type === 'connected' && publish('d'))
    publish('a')
    await flush()
    publish('b')
    const script = await b.open()
    publish('e')
    publish('f')
    expect(await Promise.all(all)).toEqual([1, 2, 3, 4, 5, 6])
    expect(script.bodies).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  })

  test('is that of the calls, also when some of them waited for room on the network', async () => {
    const b = bench({ maxUnsent: 100 })
    const script = await b.open()
    script.socket.bufferedAmount = 101
    const waiting = ['a', 'b'].map((text) => b.notify.publish('k', text))
    await flush()
    script.socket.bufferedAmount = 0
    waiting.push(b.notify.publish('k', 'c'))
    await b.clock.advance(1_000)
    expect(await Promise.all(waiting)).toEqual([1, 2, 3])
    expect(script.bodies).toEqual(['a', 'b', 'c'])
  })

  test('is kept over a break: what waited goes out before what is published later', async () => {
    const b = bench({ maxUnsent: 100 })
    const first = await b.open()
    first.socket.bufferedAmount = 101
    const waiting = ['a', 'b', 'c'].map((text) => b.notify.publish('k', text))
    const second = await b.again()
    waiting.push(b.notify.publish('k', 'd'))
    await Promise.all(waiting)
    expect([first.bodies, second.bodies]).toEqual([[], ['a', 'b', 'c', 'd']])
  })
})

describe('a network that takes its time', () => {
  test('makes publishes wait while more than maxUnsent bytes wait for it, and go on after that', async () => {
    const b = bench({ maxUnsent: 100 })
    const script = await b.open()
    script.socket.bufferedAmount = 100
    await b.notify.publish('k', 'a')
    script.socket.bufferedAmount = 101
    const waiting = b.notify.publish('k', 'b')
    await b.clock.advance(5_000)
    expect(script.bodies).toEqual(['a'])
    script.socket.bufferedAmount = 100
    await b.clock.advance(10)
    expect([await waiting, script.bodies]).toEqual([2, ['a', 'b']])
  })

  test('ends a wait by timeout or signal, and then nothing is sent', async () => {
    const b = bench()
    const script = await b.open()
    script.socket.bufferedAmount = 2 ** 21
    const abort = new AbortController()
    const byTime = rejection(b.notify.publish('k', 'a', { timeout: 300 }))
    const bySignal = rejection(b.notify.publish('k', 'b', { signal: abort.signal }))
    await b.clock.advance(300)
    abort.abort('enough')
    expect(await byTime).toMatchObject({ code: 'TIMEOUT' })
    expect(await bySignal).toMatchObject({ code: 'ABORTED', cause: 'enough' })
    script.socket.bufferedAmount = 0
    await b.clock.advance(1_000)
    expect([script.bodies, b.notify.stats().published]).toEqual([[], 0])
  })

  test('that breaks meanwhile sends what waits over the next connection, once', async () => {
    const b = bench()
    const first = await b.open()
    first.socket.bufferedAmount = 2 ** 21
    const waiting = b.notify.publish('k', 'a')
    await flush()
    const second = await b.again()
    await b.clock.advance(1_000)
    expect([await waiting, first.bodies, second.bodies, b.doubtful]).toEqual([1, [], ['a'], []])
  })

  test('that is closed meanwhile ends what waits with CLOSED', async () => {
    const b = bench()
    const script = await b.open()
    script.socket.bufferedAmount = 2 ** 21
    const waiting = rejection(b.notify.publish('k', 'a'))
    await flush()
    await b.notify.close()
    expect(await waiting).toMatchObject({ code: 'CLOSED' })
    expect([script.bodies, b.clock.timers]).toEqual([[], 0])
  })

  test('counts as under way what waits for it: one more than maxPending is QUEUE_FULL', async () => {
    const b = bench({ maxPending: 2 })
    const script = await b.open()
    script.socket.bufferedAmount = 2 ** 21
    const waiting = ['a', 'b'].map((text) => b.notify.publish('k', text))
    await flush()
    expect(await rejection(b.notify.publish('k', 'c'))).toMatchObject({ code: 'QUEUE_FULL', retryable: true })
    script.socket.bufferedAmount = 0
    await b.clock.advance(10)
    await Promise.all(waiting)
    await b.notify.publish('k', 'd')
    expect(script.bodies).toEqual(['a', 'b', 'd'])
  })

  test('gets what it took before the goodbye: close() waits as long as it gets less', async () => {
    const b = bench()
    const script = await b.open()
    await b.notify.publish('k', 'a')
    script.socket.answersClose = false
    script.socket.bufferedAmount = 3_000
    let done = false
    const closed = b.notify.close().then(() => {
      done = true
    })
    for (const left of [2_000, 1_000, 0]) {
      await b.clock.advance(400)
      script.socket.bufferedAmount = left
      await b.clock.advance(100)
      expect(done).toBe(false)
    }
    await b.clock.advance(500)
    await closed
  })
})

describe('a socket that is closing', () => {
  test('is handed nothing: the publish goes out on the next one, exactly once', async () => {
    const b = bench()
    const first = await b.open()
    // The server has begun to close it, and the client has not heard of the end yet.
    first.socket.readyState = 2
    const waiting = b.notify.publish('k', 'a')
    await b.clock.advance(5_000)
    first.socket.drop(1000)
    const second = await b.next()
    await b.clock.advance(5_000)
    expect([await waiting, first.bodies, second.bodies]).toEqual([1, [], ['a']])
    expect([b.doubtful, b.network.sockets.length]).toEqual([[], 2])
  })

  test('makes none of many publishes be sent twice or not at all', async () => {
    const b = bench()
    const first = await b.open()
    const all = ['a', 'b', 'c'].map((text) => b.notify.publish('k', text))
    await Promise.all(all)
    first.socket.readyState = 2
    all.push(...['d', 'e', 'f'].map((text) => b.notify.publish('k', text)))
    await flush()
    first.socket.drop(1000)
    const second = await b.next()
    expect(await Promise.all(all)).toEqual([1, 2, 3, 4, 5, 6])
    expect([first.bodies, second.bodies, b.doubtful]).toEqual([['a', 'b', 'c'], ['d', 'e', 'f'], [[1, 3]]])
  })
})
