// How loops over the messages of a stream end.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench } from './bench.ts'
import { taken } from './taking.ts'

describe('messages()', () => {
  test('`break` ends it, keeps the stream open and gathers nothing more', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    script.publish('news', 'missed')
    const loop = news.messages({ maxBuffered: 1 })
    script.publish('news', 'a')
    for await (const { text } of loop) {
      expect(text).toBe('a')
      break
    }
    script.publish('news', 'b', 'c', 'd')
    expect([await loop.next(), b.client.stats().dropped, news.state]).toEqual([
      { done: true, value: undefined },
      0,
      'open',
    ])
  })

  test('its signal ends it with ABORTED', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    const abort = new AbortController()
    const loop = news.messages({ signal: abort.signal })
    const waiting = rejection(loop.next())
    abort.abort('enough')
    expect(await waiting).toMatchObject({ code: 'ABORTED', cause: 'enough' })
    expect(await loop.next()).toEqual({ done: true, value: undefined })
    script.publish('news', 'x')
    expect(news.state).toBe('open')
  })

  test('close() of the stream ends it', async () => {
    const b = bench()
    await b.obeyed()
    const news = await b.open('news', 'auth')
    const loops = [news.messages().next(), news.messages({ kind: 'auth' }).next()]
    await news.close()
    expect(await Promise.all(loops)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ])
  })

  test('close() of a stream that is about to open ends it, too', async () => {
    const b = bench()
    const news = b.client.stream('news')
    const next = news.messages().next()
    await flush()
    await news.close()
    expect(await next).toEqual({ done: true, value: undefined })
    const script = await b.signIn()
    expect(script.commands).toEqual([])
  })

  test('close() of the client ends it', async () => {
    const b = bench()
    await b.obeyed()
    const next = (await b.open()).messages().next()
    await b.client.close()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(await rejection(b.client.stream('news').messages().next())).toMatchObject({ code: 'CLOSED' })
  })

  test.each(['the client', 'the stream'])(
    'what was received before close() of %s is still handed out',
    async (what) => {
      const b = bench()
      const script = await b.obeyed()
      const news = await b.open()
      const loop = news.messages()
      script.publish('news', 'a', 'b', 'c')
      expect((await loop.next()).value.text).toBe('a')
      await (what === 'the client' ? b.client : news).close()
      expect([await taken(loop), await loop.next()]).toEqual([['b', 'c'], { done: true, value: undefined }])
    },
  )

  test('what is left after close() is given up by `break` and by the signal', async () => {
    for (const how of ['break', 'signal'] as const) {
      const b = bench()
      const script = await b.obeyed()
      const news = await b.open()
      const abort = new AbortController()
      const loop = news.messages({ signal: abort.signal })
      script.publish('news', 'a', 'b', 'c')
      await b.client.close()
      expect((await loop.next()).value.text).toBe('a')
      if (how === 'break') await loop.return!()
      else abort.abort()
      if (how === 'signal') expect(await rejection(loop.next())).toMatchObject({ code: 'ABORTED' })
      expect(await loop.next()).toEqual({ done: true, value: undefined })
    }
  })

  test('the end of the client throws it, behind what was received', async () => {
    const b = bench({ reconnect: false })
    const script = await b.obeyed()
    const news = await b.open()
    const loop = news.messages()
    const idle = rejection(news.messages({ kind: 'auth' }).next())
    script.publish('news', 'a', 'b')
    script.socket.drop()
    await flush()
    expect(await idle).toMatchObject({ code: 'CONNECTION_LOST' })
    expect(await taken(loop, 2)).toEqual(['a', 'b'])
    expect(await rejection(loop.next())).toMatchObject({ code: 'CONNECTION_LOST' })
    expect(await loop.next()).toEqual({ done: true, value: undefined })
  })

  test('a refusal of the stream throws it', async () => {
    const b = bench()
    const loop = rejection(b.client.stream('news').messages().next())
    const script = await b.signIn()
    script.answer('subscribe', 'invalid_stream')
    expect(await loop).toMatchObject({ code: 'PROVIDER', details: { reason: 'invalid_stream' } })
    expect(b.client.stream('news').state).toBe('closed')
  })

  test('started while the connection is away, that is broken off, leaves the stream as it was', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    script.socket.drop()
    await flush()
    const loop = news.messages()
    await loop.return!()
    await b.redial()
    b.script.accept()
    await flush()
    expect([news.state, b.script.lines]).toEqual(['open', ['subscribe news']])
  })

  test('a signal that has ended opens nothing', async () => {
    const b = bench()
    const news = b.client.stream('news')
    expect(await rejection(news.messages({ signal: AbortSignal.abort() }).next())).toMatchObject({
      code: 'ABORTED',
    })
    expect(news.state).toBe('closed')
  })
})
