// A11 and A12 · the end of a connection, and a new beginning.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { TamburScript } from '../support/tambur.ts'
import { bench, watch } from './bench.ts'

describe('close()', () => {
  test('ends all that waits with CLOSED, and leaves no timer', async () => {
    const b = bench()
    await b.signIn()
    const news = b.client.stream('news')
    const waits = [news.open(), news.enableAuth(), news.enableDirect('me'), news.direct('her', 'x')].map(
      rejection,
    )
    await flush()
    await b.client.close()
    for (const error of await Promise.all(waits)) expect(error).toMatchObject({ code: 'CLOSED' })
    expect([b.client.state, b.clock.timers, b.client.subscriberId]).toEqual(['closed', 0, undefined])
  })

  test('ends commands that were sent with CONNECTION_LOST, since they may have been done', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'direct')
    script.socket.send = () => {}
    const sending = rejection(news.direct('her', 'x'))
    await flush()
    await b.client.close()
    expect(await sending).toMatchObject({ code: 'CONNECTION_LOST', cause: { code: 'CLOSED' } })
  })

  test('is heard by the far side as a goodbye, without a word per stream', async () => {
    const b = bench()
    const script = await b.obeyed()
    await b.open('news', 'auth', 'presence')
    const before = script.commands.length
    await b.client.close()
    expect([script.socket.closedBy, script.commands.length]).toEqual([{ code: 1000 }, before])
  })

  test('refuses what is asked for afterwards with CLOSED', async () => {
    const b = bench()
    await b.obeyed()
    const news = await b.open('news', 'direct')
    await b.client.close()
    const other = b.client.stream('other')
    for (const call of [() => other.open(), () => news.direct('her', 'x'), () => news.enableAuth()]) {
      expect(await rejection(call())).toMatchObject({ code: 'CLOSED' })
    }
    expect(await rejection(other.messages().next())).toMatchObject({ code: 'CLOSED' })
    await b.clock.advance(60_000)
    expect([b.network.sockets.length, b.clock.timers]).toEqual([1, 0])
  })

  test('may be followed by close() of a stream, which then does not come back', async () => {
    const b = bench()
    await b.obeyed()
    const news = await b.open('news', 'auth')
    await b.open('sports')
    await b.client.close()
    await news.disableAuth()
    await news.close()
    expect(news.state).toBe('closed')
    const script = await b.signIn()
    expect(script.lines).toEqual(['subscribe sports'])
  })

  test('twice, again, and by `await using`', async () => {
    const b = bench()
    await b.obeyed()
    await b.open()
    await Promise.all([b.client.close(), b.client.close()])
    await b.client[Symbol.asyncDispose]()
    expect(b.states.filter(({ to }) => to === 'closed')).toHaveLength(1)
  })

  test('in a handler of any event works', async () => {
    for (const type of ['message', 'auth', 'direct', 'presence'] as const) {
      const b = bench()
      const script = await b.obeyed()
      const news = await b.open('news', 'auth', 'presence', 'direct')
      news.on(type, () => void b.client.close())
      script.publish('news', 'x')
      script.auth('news', 'x')
      script.direct('news', 'her', 'x')
      script.up('news', 'her')
      await b.clock.advance(1_000)
      expect([type, b.client.state, b.clock.timers]).toEqual([type, 'closed', 0])
    }
  })
})

describe('connect() after close()', () => {
  test('brings back the streams and modes as they were, once and with new tokens', async () => {
    const b = bench()
    await b.obeyed()
    const news = await b.open('news', 'auth', 'presence')
    const closed = await b.open('closed')
    await closed.close()
    await b.client.close()
    expect([news.state, closed.state]).toEqual(['opening', 'closed'])
    const script = await b.signIn()
    expect([script.lines, news.state]).toEqual([
      ['subscribe news', 'set_mode auth news T3', 'set_mode presence news me T4'],
      'open',
    ])
    const seen: string[] = []
    news.on('message', ({ text }) => seen.push(text))
    script.publish('news', 'again')
    expect(seen).toEqual(['again'])
  })

  test('does not open what open() never got, since its caller was told CLOSED', async () => {
    const b = bench()
    await b.signIn()
    const news = b.client.stream('news')
    const waits = [news.open(), news.enableAuth()].map(rejection)
    await flush()
    await b.client.close()
    await Promise.all(waits)
    expect(news.state).toBe('closed')
    const script = await b.obeyed()
    expect(script.commands).toEqual([])
    await news.open()
    expect(news.state).toBe('open')
  })

  test('keeps the handlers', async () => {
    const b = bench()
    await b.obeyed()
    const news = await b.open()
    const seen: string[] = []
    news.on('message', ({ text }) => seen.push(text))
    for (let i = 0; i < 3; i++) {
      await b.client.close()
      const script = await b.signIn()
      script.publish('news', `${i}`)
    }
    expect(seen).toEqual(['0', '1', '2'])
  })

  test('works after the retries ran out, and loops have heard of that', async () => {
    const b = bench({ reconnect: { retries: 1 } })
    const script = await b.obeyed()
    const news = await b.open('news', 'auth')
    const loop = rejection(news.messages().next())
    b.network.onDial = (socket) => queueMicrotask(() => socket.drop())
    script.socket.drop()
    await b.clock.advance(60_000)
    expect(await loop).toMatchObject({ code: 'CONNECT_FAILED' })
    expect([b.client.state, b.clock.timers]).toEqual(['closed', 0])
    expect(await rejection(b.client.stream('x').open())).toMatchObject({ code: 'CLOSED' })
    b.network.onDial = (socket) => void new TamburScript(socket).obey()
    const again = await b.signIn()
    expect([b.client.state, again.lines]).toEqual(['open', ['subscribe news', 'set_mode auth news T2']])
  })
})

describe('bounds', () => {
  test('A15 · calls that wait are bounded, connected or not; one more is QUEUE_FULL, and answers make room', async () => {
    const b = bench({ maxPending: 3 })
    const opening = ['a', 'b', 'c'].map((name) => b.client.stream(name).open())
    const full = { code: 'QUEUE_FULL', retryable: true }
    expect(await rejection(b.client.stream('d').open())).toMatchObject(full)
    const script = await b.signIn()
    expect(await rejection(b.client.stream('d').open())).toMatchObject(full)
    expect([script.lines.length, b.client.stream('d').state]).toEqual([3, 'closed'])
    script.answer(1)
    await opening[0]
    const fourth = b.client.stream('d').open()
    await flush()
    for (const { handle } of script.commands) script.answer(handle)
    await Promise.all([...opening, fourth])
    expect(script.lines.at(-1)).toBe('subscribe d')
  })

  test('A15 · direct messages that wait for a connection are bounded; those that are given up make room', async () => {
    const b = bench({ maxPending: 2 })
    const script = await b.obeyed()
    const news = await b.open('news', 'direct')
    script.socket.drop()
    await flush()
    const waiting = [news.direct('her', 'a', { timeout: 1 }), news.direct('her', 'b')].map(watch)
    expect(await rejection(news.direct('her', 'c'))).toMatchObject({ code: 'QUEUE_FULL' })
    await b.clock.advance(1)
    const third = watch(news.direct('her', 'c'))
    await b.redial()
    b.script.accept()
    await flush()
    expect([...waiting, third].map(({ state }) => state)).toEqual(['TIMEOUT', 'resolved', 'resolved'])
    expect(b.script.lines.slice(-2)).toEqual(['direct news her b', 'direct news her c'])
  })

  test('A15 · what is restored, closed or switched off is never too much', async () => {
    const b = bench({ maxPending: 1 })
    await b.obeyed()
    const streams = [
      await b.open('a', 'auth', 'presence', 'direct'),
      await b.open('b', 'auth'),
      await b.open('c'),
    ]
    b.network.onDial = undefined
    const script = await b.again()
    script.obey()
    for (const { handle } of script.commands) script.answer(handle)
    await flush()
    expect([streams.map(({ state }) => state), script.lines.length]).toEqual([['open', 'open', 'open'], 7])
    await Promise.all(streams.map((stream) => stream.close()))
    expect(b.statuses.filter(({ type }) => type === 'refused')).toEqual([])
  })

  test('A6 · 1,000 connections that are opened, used and closed leave nothing', async () => {
    const b = bench()
    b.network.onDial = (socket) => {
      const script = new TamburScript(socket).obey()
      queueMicrotask(() => script.accept())
    }
    const abort = new AbortController()
    let listeners = 0
    for (const [method, step] of [
      ['addEventListener', 1],
      ['removeEventListener', -1],
    ] as const) {
      const original = abort.signal[method].bind(abort.signal) as (...given: unknown[]) => void
      Object.defineProperty(abort.signal, method, {
        value: (...given: unknown[]) => {
          listeners += step
          original(...given)
        },
      })
    }
    const { signal } = abort
    for (let cycle = 0; cycle < 1_000; cycle++) {
      await b.client.connect({ signal })
      const news = b.client.stream('news')
      await news.open({ signal })
      await news.enableDirect('me', { signal })
      await news.direct('her', 'x', { signal })
      const next = news.messages({ signal }).next()
      await news.close({ signal })
      await b.client.close({ signal })
      expect((await next).done).toBe(true)
    }
    expect([b.clock.timers, listeners, b.network.sockets.length]).toEqual([0, 0, 1_000])
    expect(b.network.sockets.filter(({ isOver, handlers }) => !isOver || handlers > 0)).toEqual([])
  })
})

describe('stats()', () => {
  test('count what happened', async () => {
    const b = bench()
    expect(b.client.stats()).toEqual({
      received: 0,
      dropped: 0,
      malformed: 0,
      reconnects: 0,
      open: 0,
      lastRoundTrip: undefined,
    })
    const script = await b.signIn()
    const opening = b.client.stream('news').open()
    await b.clock.advance(70)
    script.answer()
    await opening
    expect(b.client.stats()).toMatchObject({ open: 1, lastRoundTrip: 70 })
    script.publish('news', 'x')
    script.socket.message('odd')
    await b.again()
    expect(b.client.stats()).toEqual({
      received: 1,
      dropped: 0,
      malformed: 1,
      reconnects: 1,
      open: 0,
      lastRoundTrip: 70,
    })
  })

  test('a command that ends without an answer leaves the last round trip as it was', async () => {
    const b = bench()
    await b.signIn()
    const opening = watch(b.client.stream('news').open({ timeout: 100 }))
    await b.clock.advance(100)
    expect([opening.state, b.client.stats().lastRoundTrip]).toEqual(['TIMEOUT', undefined])
  })
})
