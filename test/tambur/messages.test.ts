// Loops over the messages of a stream.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, CONFIG, watch } from './bench.ts'
import { taken } from './taking.ts'

describe('messages()', () => {
  test('opens the stream, and hands its messages out in order', async () => {
    const b = bench()
    const news = b.client.stream('news')
    const loop = news.messages()
    expect(news.state).toBe('opening')
    const script = await b.obeyed()
    script.publish('news', 'a', 'b', 'c')
    expect([await taken(loop, 3), news.state, script.lines]).toEqual([
      ['a', 'b', 'c'],
      'open',
      ['subscribe news'],
    ])
  })

  test('of a stream that is open subscribes nothing', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    const loops = [news.messages(), news.messages()]
    script.publish('news', 'a')
    expect(await Promise.all(loops.map((loop) => taken(loop, 1)))).toEqual([['a'], ['a']])
    expect(script.lines).toEqual(['subscribe news'])
  })

  test('has messages, auth messages or direct ones', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'auth', 'direct')
    const loops = [
      news.messages(),
      news.messages({ kind: 'message' }),
      news.messages({ kind: 'auth' }),
      news.messages({ kind: 'direct' }),
    ]
    script.publish('news', 'plain')
    script.auth('news', 'auth')
    script.direct('news', 'her', 'direct')
    expect(await Promise.all(loops.map((loop) => taken(loop, 1)))).toEqual([
      ['plain'],
      ['plain'],
      ['auth'],
      ['direct'],
    ])
    const direct = news.messages({ kind: 'direct' })
    script.direct('news', 'her', 'who?')
    expect((await direct.next()).value).toMatchObject({ from: 'her', text: 'who?', stream: 'news' })
  })

  test.each(['presence', '', 'toString', '__proto__', null, 5])(
    'of the kind %j there are none',
    async (kind) => {
      const b = bench()
      const news = b.client.stream('news')
      expect(() => news.messages({ kind: kind as 'auth' })).toThrow(CONFIG)
      await flush()
      expect([news.state, b.network.sockets.length]).toEqual(['closed', 0])
    },
  )

  test.each([0, -1, Number.NaN, 'many'])('with room for %j are none', async (maxBuffered) => {
    const b = bench()
    const news = b.client.stream('news')
    expect(() => news.messages({ maxBuffered: maxBuffered as number })).toThrow(CONFIG)
    await flush()
    expect([news.state, b.network.sockets.length]).toEqual(['closed', 0])
  })

  test('goes on over lost connections', async () => {
    const b = bench()
    await b.obeyed()
    const loop = b.client.stream('news').messages()
    await flush()
    for (const text of ['a', 'b', 'c']) {
      b.script.publish('news', text)
      await b.again()
    }
    expect(await taken(loop)).toEqual(['a', 'b', 'c'])
  })

  test('a slow loop keeps the newest, and what it misses is counted', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    const slow = news.messages({ maxBuffered: 3 })
    const usual = news.messages()
    script.publish('news', ...Array.from({ length: 10 }, (_, n) => `${n}`))
    expect(b.client.stats()).toMatchObject({ received: 10, dropped: 7 })
    expect([await taken(slow), (await taken(usual)).length]).toEqual([['7', '8', '9'], 10])
    // Each of the two waits for one more.
    script.publish('news', ...Array.from({ length: 1_500 }, (_, n) => `${n}`))
    const rest = await taken(news.messages())
    expect([rest, b.client.stats().dropped]).toEqual([[], 7 + 1_496 + 499])
  })

  test('a loop that waits gets each message at once, whatever its room', async () => {
    const b = bench()
    const script = await b.obeyed()
    const loop = (await b.open()).messages({ maxBuffered: 1 })
    for (let n = 0; n < 100; n++) {
      const next = loop.next()
      script.publish('news', `${n}`)
      expect((await next).value.text).toBe(`${n}`)
    }
    expect(b.client.stats().dropped).toBe(0)
  })

  test('calls of next() that come before messages are answered in order', async () => {
    const b = bench()
    const script = await b.obeyed()
    const loop = (await b.open()).messages()
    const all = [loop.next(), loop.next(), loop.next()]
    script.publish('news', 'a', 'b', 'c')
    expect((await Promise.all(all)).map(({ value }) => value.text)).toEqual(['a', 'b', 'c'])
  })

  test('waits for its stream as long as it takes', async () => {
    const b = bench()
    b.network.onDial = (socket) => queueMicrotask(() => socket.drop())
    const loop = watch(b.client.stream('news').messages().next())
    await b.clock.advance(3_600_000)
    expect([loop.state, b.client.stream('news').state]).toEqual(['pending', 'opening'])
  })

  test('keeps its stream wanted when open() is given up', async () => {
    const b = bench()
    const news = b.client.stream('news')
    const opening = rejection(news.open({ timeout: 100 }))
    const next = news.messages().next()
    await b.clock.advance(100)
    expect(await opening).toMatchObject({ code: 'TIMEOUT' })
    const script = await b.obeyed()
    script.publish('news', 'a')
    expect([(await next).value.text, news.state]).toEqual(['a', 'open'])
  })

  test('100 loops of one stream each get everything', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    const loops = Array.from({ length: 100 }, () => news.messages())
    script.publish('news', 'a', 'b')
    const all = await Promise.all(loops.map((loop) => taken(loop, 2)))
    expect(all.every((texts) => texts.join() === 'a,b')).toBe(true)
  })
})
