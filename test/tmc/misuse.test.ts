// What callers get wrong, and what happens in the wrong moment.
import { encodeFrame, signTop, type TmcFrameInit } from 'isomq/tmc'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench } from './bench.ts'

const CONFIG = expect.objectContaining({ code: 'CONFIG' })

describe('a relieved buffer whose event ends things', () => {
  test('a connection that is dropped there takes the message at hand with it: it is not handed out', async () => {
    const b = bench({ maxBuffered: 4, concurrency: 1 })
    const script = await b.signIn()
    script.deliver(1, 2, 3, 4)
    b.client.on('status', ({ type }) => type === 'relieved' && script.socket.drop())
    const seen: string[] = []
    b.client.on('message', ({ id }) => void seen.push(id))
    await flush()
    expect([seen, script.confirmed]).toEqual([['1'], ['1']])
    expect(b.client.stats()).toMatchObject({ acked: 1, lost: 3 })
  })

  test('a client that is closed there hands nothing out any more', async () => {
    const b = bench({ maxBuffered: 4, concurrency: 1 })
    const script = await b.signIn()
    script.deliver(1, 2, 3, 4)
    b.client.on('status', ({ type }) => void (type === 'relieved' && b.client.close()))
    const seen: string[] = []
    b.client.on('message', ({ id }) => void seen.push(id))
    await flush()
    expect(b.client.stats().acked).toBe(seen.length)
    expect(script.confirmed).toEqual(seen)
  })
})

describe('limits of calls', () => {
  test('more milliseconds than a timer can count are no limit', async () => {
    const b = bench()
    let failed: unknown
    b.client.connect({ timeout: Number.POSITIVE_INFINITY }).catch((error) => {
      failed = error
    })
    await b.clock.advance(3_600_000)
    expect(failed).toBeUndefined()
  })

  test('a timeout that is no number of milliseconds is refused', async () => {
    const b = bench()
    for (const timeout of [-1, Number.NaN])
      expect(await rejection(b.client.connect({ timeout }))).toEqual(CONFIG)
  })

  test.each([0, -1, Number.NaN])('messages({ concurrency: %d }) is refused', (concurrency) => {
    const { client } = bench()
    expect(() => client.messages({ concurrency })).toThrow(CONFIG)
  })

  test('a signal that has ended opens nothing and sends nothing', async () => {
    const idle = bench()
    const signal = AbortSignal.abort()
    const message = { topic: 't', content: '' }
    expect(await rejection(idle.client.produce(message, { signal }))).toMatchObject({ code: 'ABORTED' })
    expect([idle.client.state, idle.network.sockets.length]).toEqual(['idle', 0])
    const open = bench()
    const script = await open.signIn()
    expect(await rejection(open.client.confirm('5', { signal }))).toMatchObject({ code: 'ABORTED' })
    expect(script.confirmed).toEqual([])
  })

  test('close() without a timeout of its own has the default one', async () => {
    const b = bench({ handlerTimeout: 0 })
    const script = await b.signIn()
    script.deliver(1)
    b.client.on('message', () => new Promise(() => {}))
    await flush()
    const closed = b.client.close({ timeout: undefined })
    await b.clock.advance(11_000)
    await closed
    expect(b.client.state).toBe('closed')
  })

  test('a second close() can be more impatient than the first', async () => {
    const b = bench({ handlerTimeout: 0 })
    const script = await b.signIn()
    script.deliver(1)
    b.client.on('message', () => new Promise(() => {}))
    await flush()
    const first = b.client.close()
    const second = b.client.close({ timeout: 1 })
    await b.clock.advance(600)
    await Promise.all([first, second])
    expect(b.client.state).toBe('closed')
  })
})

describe('things of the wrong kind', () => {
  test.each([[() => 5], [() => ''], [() => undefined]])(
    'a sign that returns no text is named',
    async (sign) => {
      const b = bench({ sign: sign as () => string })
      expect(await rejection(b.client.connect())).toMatchObject({
        code: 'CONFIG',
        message: expect.stringContaining('"sign"'),
      })
    },
  )

  test('nack(error) fails the message with the error’s text', async () => {
    const b = bench()
    const script = await b.signIn()
    script.deliver(1)
    const { value } = await b.client.messages().next()
    await value!.nack(new Error('boom') as unknown as string)
    expect(script.ofKind(20)[0]!.headers.get('msg')).toEqual({ type: 'string', value: 'boom' })
  })

  test('a handler that throws what has no text fails the message all the same', async () => {
    const b = bench()
    const script = await b.signIn()
    b.client.on('message', () => {
      throw Object.create(null)
    })
    script.deliver(1)
    await flush()
    expect(script.ofKind(20)).toHaveLength(1)
    expect(b.errors).toHaveLength(1)
  })

  test('what is no function is no handler', () => {
    const { client } = bench()
    expect(() => client.on('message', undefined as never)).toThrow(CONFIG)
  })

  test('a message with the flag of a call that waits is a message', async () => {
    const b = bench({ answerTimeout: 100 })
    const script = await b.signIn()
    const produced = rejection(b.client.produce({ topic: 't', content: '' }))
    await flush()
    const { flag } = script.ofKind(3)[0]!
    script.send({
      type: 'send',
      flag,
      headers: [
        ['id', { type: 'int64', value: 9n }],
        ['topic', { type: 'string', value: 't' }],
      ],
    })
    await b.clock.advance(100)
    expect(await produced).toMatchObject({ code: 'TIMEOUT' })
    expect(b.client.stats().received).toBe(1)
  })

  test.each<[string, unknown]>([
    ['no type', {}],
    ['an unknown type', { type: 'foo' }],
    ['a token that is a number', { type: 'send', token: 5 }],
    ['a text that is a number', { type: 'send', headers: [['a', { type: 'string', value: 5 }]] }],
    ['bytes that are none', { type: 'send', headers: [['a', { type: 'bytes', value: new ArrayBuffer(4) }]] }],
    ['an unknown format', { type: 'send', headers: [['a', { type: 'float', value: 1 }]] }],
    ['an int64 that is a number', { type: 'send', headers: [['a', { type: 'int64', value: 7 }]] }],
  ])('a frame with %s is CONFIG, not bytes', (_, frame) => {
    expect(() => encodeFrame(frame as TmcFrameInit)).toThrow(CONFIG)
  })

  test('signTop knows three methods, and leaves out what is undefined', async () => {
    expect(await rejection(signTop({ a: '1' }, 's', 'sha1' as 'md5'))).toEqual(CONFIG)
    const given = { a: '1', b: undefined } as unknown as Record<string, string>
    expect(await signTop(given, 's')).toBe(await signTop({ a: '1' }, 's'))
  })
})
