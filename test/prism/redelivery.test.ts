// The server sends what was not acknowledged again only on another connection: when the line is replaced for it.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { bench, handlers, type PrismBench } from './bench.ts'
import { fails, MINUTE, sockets } from './redelivering.ts'

describe('a message that stayed unacknowledged', () => {
  test('makes the line be replaced after a minute, at once and without an interruption longer than that', async () => {
    const b = bench()
    b.notify.on('message', fails)
    const first = await b.open()
    first.deliver(1)
    await b.clock.advance(MINUTE - 1)
    expect([sockets(b), first.socket.isOver]).toEqual([1, false])
    await b.clock.advance(1)
    expect([sockets(b), first.socket.isOver, b.delays]).toEqual([2, true, [0]])
    const [told] = b.statuses.flatMap((status) => (status.type === 'disconnected' ? [status.error] : []))
    expect(told).toMatchObject({ code: 'CONNECTION_LOST', provider: 'prism' })
    expect(told!.message).toContain('1 message')
    // It was meant: nothing has failed but the handler.
    expect(b.errors.map(({ code }) => code)).toEqual([undefined])
    const second = await b.next()
    expect([b.notify.state, second.consumes.length, b.notify.stats().reconnects]).toEqual(['open', 1, 1])
  })

  test.each([
    [
      'nacked by hand',
      bench.bind(undefined, {}),
      (b: PrismBench) => b.notify.on('message', (m) => m.nack('no')),
    ],
    [
      'given up at its deadline',
      bench.bind(undefined, { handlerTimeout: 1_000, idleTimeout: 0 }),
      (b: PrismBench) => b.notify.on('message', () => new Promise(() => {})),
    ],
  ])('counts when it was %s, too', async (_, make, listen) => {
    const b = make()
    listen(b)
    const script = await b.open()
    script.deliver(1)
    await b.clock.advance(MINUTE + 1_000)
    expect(script.acked).toEqual([])
    expect([sockets(b), script.socket.isOver]).toEqual([2, true])
  })

  test('waits for a moment when no message is being handled, and what was handled is acked before', async () => {
    const b = bench()
    const { handle, finish } = handlers()
    b.notify.on('message', handle)
    const script = await b.open()
    script.deliver(1, 2, 3)
    await flush()
    await finish(1, new Error('no'))
    await b.clock.advance(MINUTE + 10_000)
    await finish(2)
    expect(sockets(b)).toBe(1)
    await finish(3)
    await b.clock.advance(0)
    expect([sockets(b), script.socket.isOver, script.acked]).toEqual([2, true, ['2', '3']])
    expect(b.notify.stats()).toMatchObject({ acked: 2, nacked: 1, lost: 0 })
  })

  test('waits no longer than twice as long: what then still runs comes again, too', async () => {
    const b = bench()
    let signal: AbortSignal | undefined
    b.notify.on('message', (message) => {
      if (message.tag === '1') fails()
      signal = message.signal
      return new Promise(() => {})
    })
    const script = await b.open()
    script.deliver(1, 2)
    await b.clock.advance(2 * MINUTE - 1)
    expect([sockets(b), signal!.aborted]).toEqual([1, false])
    await b.clock.advance(1)
    expect([sockets(b), signal!.aborted, script.socket.isOver]).toEqual([2, true, true])
    expect(b.notify.stats()).toMatchObject({ nacked: 1, lost: 1 })
  })

  test('waits while others come and go, as long as one of them is being handled', async () => {
    const b = bench({ redeliverAfter: 1_000 })
    const { handle, finish } = handlers()
    b.notify.on('message', (m) => (m.tag === '1' ? fails() : m.tag === '2' ? handle(m) : undefined))
    const script = await b.open()
    script.deliver(1, 2)
    await b.clock.advance(1_000)
    // Handled at once, while the second is not done.
    script.deliver(3, 4)
    await b.clock.advance(0)
    expect([sockets(b), script.acked]).toEqual([1, ['3', '4']])
    await finish(2)
    await b.clock.advance(0)
    expect([sockets(b), script.acked]).toEqual([2, ['3', '4', '2']])
  })

  test('of an iteration counts like that of a handler', async () => {
    const b = bench({ redeliverAfter: 1_000 })
    const messages = b.notify.messages()
    const script = await b.open()
    script.deliver(1, 2)
    const [one, two] = [(await messages.next()).value, (await messages.next()).value]
    await one.nack()
    await b.clock.advance(1_500)
    expect(sockets(b)).toBe(1)
    await two.ack()
    await b.clock.advance(0)
    expect([sockets(b), script.acked]).toEqual([2, ['2']])
  })

  test('is forgotten when its connection breaks: the next one is not replaced for it', async () => {
    const b = bench({ idleTimeout: 0 })
    b.notify.on('message', (m) => (m.tag === '1' ? fails() : undefined))
    const first = await b.open()
    first.deliver(1)
    await b.clock.advance(MINUTE / 2)
    const second = await b.again()
    second.deliver(2)
    await b.clock.advance(10 * MINUTE)
    expect([sockets(b), b.notify.state, second.acked]).toEqual([2, 'open', ['2']])
  })

  test('on each of several connections gives each of them its own minute', async () => {
    const b = bench({ idleTimeout: 0 })
    b.notify.on('message', fails)
    const first = await b.open()
    first.deliver(1)
    await b.clock.advance(MINUTE)
    const second = await b.next()
    second.deliver(1)
    await b.clock.advance(MINUTE - 1)
    expect(sockets(b)).toBe(2)
    await b.clock.advance(1)
    expect(sockets(b)).toBe(3)
    await b.next()
    await b.clock.advance(10 * MINUTE)
    expect(sockets(b)).toBe(3)
  })

  test('is not handled in vain by the connection before: a late end of its handler changes nothing', async () => {
    const b = bench({ redeliverAfter: 1_000 })
    const { handle, finish } = handlers()
    b.notify.on('message', handle)
    const first = await b.open()
    first.deliver(1)
    await flush()
    const second = await b.again()
    await finish(1, new Error('too late'))
    second.deliver(2)
    await flush()
    await b.clock.advance(10_000)
    expect([sockets(b), second.socket.isOver]).toEqual([2, false])
    await finish(2)
    expect(second.acked).toEqual(['2'])
  })
})

describe('redeliverAfter: 0', () => {
  test('never replaces a line: neither for what failed nor for what did not fit', async () => {
    const b = bench({ redeliverAfter: 0, idleTimeout: 0, maxBuffered: 1, concurrency: 1 })
    const { handle, finish } = handlers()
    b.notify.on('message', handle)
    const script = await b.open()
    script.deliver(1, 2, 3)
    await flush()
    await finish(1, new Error('no'))
    await finish(2)
    await b.clock.advance(24 * 60 * MINUTE)
    expect([sockets(b), b.notify.state, script.acked]).toEqual([1, 'open', ['2']])
    expect(b.notify.stats()).toMatchObject({ overflowed: 1, nacked: 1 })
  })
})

describe('a buffer that ran full', () => {
  test('makes the line be replaced as soon as nothing is being handled, at once when something was acked', async () => {
    const b = bench({ maxBuffered: 2, concurrency: 1 })
    const { handle, finish } = handlers()
    b.notify.on('message', handle)
    const script = await b.open()
    script.deliver(1, 2, 3, 4)
    await flush()
    for (const tag of [1, 2]) await finish(tag)
    expect([sockets(b), b.notify.stats().overflowed]).toEqual([1, 1])
    await finish(3)
    await b.clock.advance(0)
    expect([sockets(b), script.acked, b.delays]).toEqual([2, ['1', '2', '3'], [0]])
  })

  test('again and again: as long as something was acked each time, there is no pause', async () => {
    const b = bench({ maxBuffered: 1, concurrency: 1 })
    const { handle, finish } = handlers()
    b.notify.on('message', handle)
    let script = await b.open()
    for (let round = 0; round < 10; round++) {
      const tags = [1, 2, 3].map((n) => round * 3 + n)
      script.deliver(...tags)
      await flush()
      await finish(tags[0]!)
      await finish(tags[1]!)
      expect(script.acked).toEqual(tags.slice(0, 2).map(String))
      script = await b.next()
    }
    expect(b.delays).toEqual(Array(10).fill(0))
  })

  test('is answered with growing pauses while nothing can be acked', async () => {
    const b = bench({ maxBuffered: 1, concurrency: 1, reconnect: { minDelay: 500 } }, { random: () => 0.9 })
    b.notify.on('message', async () => {
      await flush(1)
      fails()
    })
    let script = await b.open()
    for (let round = 0; round < 4; round++) {
      script.deliver(1, 2, 3)
      await flush()
      script = await b.next()
    }
    expect(b.delays).toHaveLength(4)
    expect(b.delays[0]).toBeGreaterThanOrEqual(500)
    expect([...b.delays].sort((x, y) => x - y)).toEqual(b.delays)
    expect(new Set(b.delays).size).toBe(4)
  })

  test('counts what was acked by its own session only', async () => {
    const b = bench({ maxBuffered: 1, concurrency: 1 })
    const { handle, finish } = handlers()
    b.notify.on('message', handle)
    const first = await b.open()
    first.deliver(1)
    await flush()
    await finish(1)
    const second = await b.again()
    const before = b.delays.length
    second.deliver(2, 3, 4)
    await flush()
    await finish(2, new Error('no'))
    await finish(3, new Error('no'))
    expect(b.delays.slice(before)[0]).toBeGreaterThanOrEqual(500)
  })

  test('of a reader that sleeps: the line is replaced after twice the time, and not before', async () => {
    const b = bench({ maxBuffered: 2, idleTimeout: 0 })
    const messages = b.notify.messages()
    const script = await b.open()
    script.deliver(1, 2, 3, 4)
    await b.clock.advance(2 * MINUTE - 1)
    expect(sockets(b)).toBe(1)
    await b.clock.advance(1)
    expect([sockets(b), b.notify.stats()]).toEqual([
      2,
      expect.objectContaining({ overflowed: 2, lost: 2, buffered: 0 }),
    ])
    const second = await b.next()
    second.deliver(1)
    expect((await messages.next()).value.tag).toBe('1')
  })
})
