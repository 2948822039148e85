// What is told of a connection that is back: by its streams, and of the gap that it left.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { bench } from './bench.ts'

describe('a stream tells', () => {
  test('that it and its modes are back on each connection, and nothing of the first', async () => {
    const b = bench()
    await b.obeyed()
    const told: unknown[] = []
    const news = b.client.stream('news')
    news.on('status', ({ type, mode }) => told.push([type, mode, news.state]))
    await b.open('news', 'auth', 'presence')
    expect(told).toEqual([])
    for (let i = 0; i < 2; i++) {
      await b.again()
      expect(told.splice(0)).toEqual([
        ['restored', undefined, 'open'],
        ['restored', 'auth', 'open'],
        ['restored', 'presence', 'open'],
      ])
    }
    // Asked for anew, they are new.
    await news.close()
    await news.open()
    await news.enableAuth()
    expect(told).toEqual([])
    await b.client.close()
    await b.signIn()
    await flush()
    expect(told).toEqual([
      ['restored', undefined, 'open'],
      ['restored', 'auth', 'open'],
    ])
  })

  test('what of it was refused', async () => {
    const b = bench()
    await b.obeyed()
    const [news, sports] = [await b.open('news', 'direct'), await b.open('sports', 'auth')]
    const told: string[] = []
    for (const stream of [news, sports]) {
      stream.on('status', (status) =>
        told.push(
          `${stream.name} ${status.type} ${status.mode} ${status.type === 'refused' ? status.error.details.reason : ''}`.trim(),
        ),
      )
    }
    b.network.onDial = undefined
    b.network.last.drop()
    const script = (await b.redial()).obey(({ name, args }) =>
      args[0] === 'news' || name === 'set_mode' ? 'no' : undefined,
    )
    script.accept()
    await flush()
    expect(told.sort()).toEqual([
      'news refused undefined no',
      'sports refused auth no',
      'sports restored undefined',
    ])
  })

  test('to a handler that closes it', async () => {
    const b = bench()
    await b.obeyed()
    const news = await b.open('news', 'auth')
    news.on('status', ({ type }) => type === 'restored' && void news.close())
    const script = await b.again()
    expect([news.state, script.lines]).toEqual(['closed', ['subscribe news', 'unsubscribe news']])
  })
})

describe('a gap', () => {
  test('is told when the state is open, behind what tells of the connection', async () => {
    const b = bench()
    await b.obeyed()
    await b.open()
    const told: string[] = []
    b.client.on('status', ({ type }) => told.push(`${type} ${b.client.state}`))
    await b.again()
    expect(told).toEqual(['disconnected reconnecting', 'retrying reconnecting', 'connected open', 'gap open'])
  })

  test('is one for the private stream, too, which needs no open()', async () => {
    const b = bench()
    await b.obeyed()
    b.client.stream('private').on('message', () => {})
    await b.again()
    expect(b.statuses.filter(({ type }) => type === 'gap')).toHaveLength(1)
  })

  test('is told when the connection is back, with its length', async () => {
    const b = bench()
    await b.obeyed()
    await b.open()
    await b.clock.advance(60_000)
    b.network.last.drop()
    await b.clock.advance(0)
    await b.clock.advance(2_345)
    b.script.accept()
    await flush()
    expect(b.statuses.filter(({ type }) => type === 'gap')).toEqual([
      { type: 'gap', session: 2, duration: 2_345 },
    ])
  })

  test('lasts over attempts that fail', async () => {
    const b = bench()
    const script = await b.obeyed()
    await b.open()
    script.socket.drop()
    await flush()
    const lostAt = b.clock.now()
    for (let i = 0; i < 3; i++) {
      await b.redial()
      b.network.last.drop()
      await flush()
    }
    await b.redial()
    b.script.accept()
    await flush()
    const gaps = b.statuses.filter((status) => status.type === 'gap')
    expect(gaps.map(({ duration }) => duration)).toEqual([b.clock.now() - lostAt])
    await b.again()
    expect(b.statuses.filter(({ type }) => type === 'gap')).toHaveLength(2)
  })

  test('is none at the first connection, and none when nothing was to be missed', async () => {
    const b = bench()
    await b.obeyed()
    const news = b.client.stream('news')
    await b.again()
    await news.open()
    await news.close()
    await b.again()
    expect(b.statuses.filter(({ type }) => type === 'gap')).toEqual([])
  })

  test('is as long as the client was closed', async () => {
    const b = bench()
    await b.obeyed()
    await b.open()
    await b.client.close()
    await b.clock.advance(60_000)
    await b.signIn()
    expect(b.statuses.filter((status) => status.type === 'gap')).toEqual([
      { type: 'gap', session: 2, duration: 60_000 },
    ])
  })

  test('is never shorter than nothing, whatever the clock does', async () => {
    const b = bench()
    const script = await b.obeyed()
    await b.open()
    await b.clock.advance(60_000)
    script.socket.drop()
    await flush()
    b.clock.sleep(-3_600_000)
    await b.clock.advance(3_600_000)
    b.clock.sleep(-3_600_000)
    b.script.accept()
    await flush()
    const [gap] = b.statuses.filter((status) => status.type === 'gap')
    expect(gap!.duration).toBe(0)
  })
})
