// A3 and A4 · a connection on which nothing happens.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { bench } from './bench.ts'

const HOUR = 3_600_000

describe('a quiet connection', () => {
  test('A4 · whose service answers stays for hours, with its subscriber id and its roster', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'presence')
    script.up('news', 'her')
    script.obey(({ name }) => (name === 'unsubscribe' ? 'not_subscribed' : undefined))
    await b.clock.advance(HOUR)
    expect([b.client.state, b.network.sockets.length, b.client.subscriberId]).toEqual(['open', 1, script.id])
    expect([news.state, [...news.present], b.errors]).toEqual(['open', ['her'], []])
    // Nothing but questions that change nothing.
    expect(new Set(script.lines.slice(2))).toEqual(new Set(['unsubscribe ']))
    expect(script.lines.length - 2).toBeLessThanOrEqual(12)
  })

  test('A3 · whose service says nothing any more is replaced', async () => {
    const b = bench()
    const script = await b.obeyed()
    await b.open('news')
    script.socket.send = () => {}
    await b.clock.advance(299_999)
    expect(script.socket.isOver).toBe(false)
    await b.clock.advance(10_001)
    expect([script.socket.isOver, b.network.sockets.length]).toEqual([true, 2])
    expect(b.errors[0]).toMatchObject({ code: 'CONNECTION_LOST' })
    b.script.accept()
    await flush()
    expect(b.script.lines).toEqual(['subscribe news'])
  })

  test('A3 · on which anything arrives is asked nothing', async () => {
    const b = bench({ idleTimeout: 60_000 })
    const script = await b.obeyed()
    await b.open('news')
    for (let minute = 0; minute < 60; minute++) {
      await b.clock.advance(59_000)
      script.publish('news', 'x')
    }
    expect([script.lines, b.network.sockets.length]).toEqual([['subscribe news'], 1])
  })

  test('A3 · is trusted for ever with idleTimeout 0', async () => {
    const b = bench({ idleTimeout: 0 })
    const script = await b.signIn()
    await b.clock.advance(24 * HOUR)
    expect([b.network.sockets.length, script.commands]).toEqual([1, []])
  })
})
