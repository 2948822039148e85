// The line that is replaced so that the server sends again: what still goes out on it, and close() meanwhile.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { bench, handlers } from './bench.ts'
import { fails, MINUTE, sockets } from './redelivering.ts'

describe('a line that is replaced', () => {
  test('is closed with a goodbye: what was handed to it before goes out', async () => {
    const b = bench()
    b.notify.on('message', fails)
    const script = await b.open()
    script.deliver(1)
    await b.clock.advance(MINUTE)
    expect(script.socket.closedBy).toEqual({ code: 1000 })
  })

  test('takes no further message meanwhile, and a publish goes out on the next', async () => {
    const b = bench({ redeliverAfter: 1_000 })
    const seen: string[] = []
    b.notify.on('message', ({ tag }) => {
      seen.push(tag)
      if (tag === '1') fails()
    })
    const first = await b.open()
    first.socket.answersClose = false
    first.deliver(1)
    await b.clock.advance(1_000)
    const publishing = b.notify.publish('k', 'late')
    first.deliver(2)
    const second = await b.next()
    await publishing
    expect([seen, first.acked, first.bodies, second.bodies]).toEqual([['1'], [], [], ['late']])
  })

  test('leaves no publish in doubt when the server answers its goodbye, and all of them when it does not', async () => {
    for (const answers of [true, false]) {
      const b = bench({ redeliverAfter: 1_000 })
      b.notify.on('message', fails)
      const script = await b.open()
      script.socket.answersClose = answers
      script.deliver(1)
      await b.notify.publish('k', 'x')
      await b.clock.advance(1_000)
      expect([script.socket.isOver, b.doubtful]).toEqual([true, []])
      await b.clock.advance(500)
      expect(b.doubtful).toEqual(answers ? [] : [[1, 1]])
    }
  })
})

describe('close()', () => {
  test('stops a replacement that is due', async () => {
    const b = bench()
    b.notify.on('message', fails)
    const script = await b.open()
    script.deliver(1)
    await b.clock.advance(MINUTE - 1)
    await b.notify.close()
    expect(b.clock.timers).toBe(0)
    await b.clock.advance(10 * MINUTE)
    expect([sockets(b), b.notify.state]).toEqual([1, 'closed'])
  })

  test('waits for the goodbye of a line that was replaced just before', async () => {
    const b = bench()
    b.notify.on('message', fails)
    const script = await b.open()
    script.socket.answersClose = false
    script.deliver(1)
    await b.clock.advance(MINUTE)
    await b.next()
    let done = false
    const closed = b.notify.close().then(() => {
      done = true
    })
    await flush()
    expect([done, b.notify.state]).toEqual([false, 'closed'])
    await b.clock.advance(500)
    await closed
    expect([b.clock.timers, script.socket.handlers]).toEqual([0, 0])
  })

  test('lets a handler end and ack on its own line, however long unacknowledged messages have waited', async () => {
    const b = bench()
    const { handle, finish } = handlers()
    b.notify.on('message', handle)
    const script = await b.open()
    script.deliver(1, 2)
    await flush()
    await finish(1, new Error('no'))
    const closed = b.notify.close({ timeout: 10 * MINUTE })
    await b.clock.advance(3 * MINUTE)
    expect([sockets(b), script.socket.isOver]).toEqual([1, false])
    await finish(2)
    await closed
    expect([sockets(b), script.acked, b.notify.state]).toEqual([1, ['2'], 'closed'])
  })

  test('does not replace the line for what still arrives and is not taken any more', async () => {
    const b = bench()
    const { handle, finish } = handlers()
    const states: string[] = []
    b.notify.on('state', ({ to }) => states.push(to))
    b.notify.on('message', handle)
    const script = await b.open()
    script.deliver(1)
    await flush()
    const closed = b.notify.close()
    await flush()
    script.deliver(2)
    await finish(1)
    await closed
    expect([states, script.acked, sockets(b)]).toEqual([['connecting', 'open', 'closed'], ['1'], 1])
    expect(script.socket.closedBy).toEqual({ code: 1000 })
  })

  test('and connect() after it: the new line owes nothing to the old one', async () => {
    const b = bench({ idleTimeout: 0 })
    b.notify.on('message', (m) => (m.tag === '1' ? fails() : undefined))
    const first = await b.open()
    first.deliver(1)
    await flush()
    await b.notify.close()
    const second = await b.open()
    second.deliver(2)
    await b.clock.advance(10 * MINUTE)
    expect([sockets(b), second.acked]).toEqual([2, ['2']])
    second.deliver(1)
    await b.clock.advance(MINUTE)
    expect(sockets(b)).toBe(3)
  })
})
