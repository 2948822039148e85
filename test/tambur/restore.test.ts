// A14 · what the user asked for is asked for again on every connection: once, in order, with new tokens.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { bench, watch } from './bench.ts'

describe('after a lost connection', () => {
  test('A14 · there is another subscriber id, and none in between', async () => {
    const b = bench()
    expect(b.client.subscriberId).toBeUndefined()
    const first = await b.signIn()
    expect(b.client.subscriberId).toBe(first.id)
    first.socket.drop()
    await flush()
    expect(b.client.subscriberId).toBeUndefined()
    const second = await b.redial()
    second.accept()
    await flush()
    expect(b.client.subscriberId).toBe(second.id)
    expect(second.id).not.toBe(first.id)
    await b.client.close()
    expect(b.client.subscriberId).toBeUndefined()
  })

  test('A14 · three drops: streams, then their modes, exactly once per session', async () => {
    const b = bench()
    await b.obeyed()
    await b.open('news', 'auth', 'presence', 'direct')
    await b.open('sports')
    await b.open('weather', 'auth')
    for (let drop = 0; drop < 3; drop++) {
      const script = await b.again()
      await b.clock.advance(30_000)
      const { lines } = script
      expect(lines.slice(0, 3)).toEqual(['subscribe news', 'subscribe sports', 'subscribe weather'])
      const asks = b.asks.slice(-4)
      expect(asks.every(({ subscriberId }) => subscriberId === script.id)).toBe(true)
      const token = (mode: string, stream: string) =>
        `T${b.asks.length - 3 + asks.findIndex((ask) => ask.mode === mode && ask.stream === stream)}`
      expect(lines.slice(3).sort()).toEqual([
        `set_mode auth news ${token('auth', 'news')}`,
        `set_mode auth weather ${token('auth', 'weather')}`,
        `set_mode direct news me ${token('direct', 'news')}`,
        `set_mode presence news me ${token('presence', 'news')}`,
      ])
      expect(b.asks.length).toBe(4 * (drop + 2))
    }
    expect(b.statuses.filter(({ type }) => type === 'refused')).toEqual([])
  })

  test('A14 · a mode waits for the ack of its stream', async () => {
    const b = bench()
    await b.obeyed()
    const news = await b.open('news', 'auth')
    b.network.onDial = undefined
    const script = await b.again()
    expect([script.lines, news.state]).toEqual([['subscribe news'], 'opening'])
    script.answer('subscribe')
    await flush()
    expect([script.lines.length, news.state]).toEqual([2, 'open'])
  })

  test('A14 · streams are subscribed before commands that waited', async () => {
    const b = bench()
    const script = await b.obeyed()
    await b.open('news', 'direct')
    await b.open('sports')
    script.socket.drop()
    await flush()
    const later = b.client.stream('later').open()
    const sending = b.client.stream('news').direct('her', 'waited')
    await b.redial()
    b.script.accept()
    await Promise.all([later, sending])
    expect(b.script.lines).toEqual([
      'subscribe news',
      'subscribe sports',
      'subscribe later',
      'set_mode direct news me T2',
      'direct news her waited',
    ])
  })

  test('A14 · what was closed or switched off meanwhile is not asked for', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'auth', 'presence')
    const sports = await b.open('sports', 'direct')
    script.socket.drop()
    await flush()
    await news.disableAuth()
    await sports.close()
    await b.redial()
    b.script.accept()
    await flush()
    expect(b.script.lines).toEqual(['subscribe news', 'set_mode presence news me T4'])
  })

  test('A14 · what was opened or switched on meanwhile is, once', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news')
    script.socket.drop()
    await flush()
    const waiting = [news.enableAuth(), b.client.stream('sports').open()].map(watch)
    await flush()
    expect(waiting.map(({ state }) => state)).toEqual(['pending', 'pending'])
    await b.redial()
    b.script.accept()
    await flush()
    expect(waiting.map(({ state }) => state)).toEqual(['resolved', 'resolved'])
    expect(b.script.lines).toEqual(['subscribe news', 'subscribe sports', 'set_mode auth news T1'])
  })

  test('A14 · switched off and on for another user while away: the other user', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'presence')
    script.socket.drop()
    await flush()
    await news.disablePresence()
    const enabling = news.enablePresence('somebody else')
    await b.redial()
    b.script.accept()
    await enabling
    expect(b.script.lines).toEqual(['subscribe news', 'set_mode presence news somebody else T2'])
  })

  test('A14 · a drop while they are asked for asks for them once on the next one', async () => {
    const b = bench()
    await b.obeyed()
    const news = await b.open('news', 'auth')
    b.network.onDial = undefined
    const second = await b.again()
    expect(second.lines).toEqual(['subscribe news'])
    const third = await b.again()
    third.answer('subscribe')
    await flush()
    const fourth = await b.again()
    fourth.obey()
    fourth.answer('subscribe')
    await flush()
    expect([third.lines.length, fourth.lines]).toEqual([2, ['subscribe news', `set_mode auth news T3`]])
    expect([news.state, b.statuses.filter(({ type }) => type === 'refused')]).toEqual(['open', []])
  })

  test('A14 · open() waits over any number of lost connections', async () => {
    const b = bench()
    const news = b.client.stream('news')
    const opening = watch(news.open({ timeout: 0 }))
    await b.signIn()
    for (let i = 0; i < 3; i++) {
      expect([b.script.lines, opening.state]).toEqual([['subscribe news'], 'pending'])
      await b.again()
    }
    b.script.answer()
    await flush()
    expect(opening.state).toBe('resolved')
  })

  test('A14 · an ack of the connection before answers nothing on this one', async () => {
    const b = bench()
    await b.obeyed()
    const news = await b.open()
    b.network.onDial = undefined
    const { socket } = b.script
    const { onmessage } = socket
    socket.drop()
    await flush()
    await b.redial()
    b.script.accept()
    await flush()
    onmessage?.({ data: '["ack",1,"ok"]' } as never)
    await flush()
    expect(news.state).toBe('opening')
    b.script.answer()
    await flush()
    expect(news.state).toBe('open')
  })

  test('A14 · a socket that breaks under the first of them costs an attempt, and nothing else', async () => {
    const b = bench()
    await b.obeyed()
    const streams = [await b.open('a', 'auth'), await b.open('b'), await b.open('c')]
    b.network.onDial = undefined
    b.network.last.drop()
    await b.redial()
    const { socket } = b.script
    let sent = 0
    socket.send = () => {
      if (++sent === 2) throw new Error('I/O on behalf of a different request')
    }
    b.script.accept()
    await flush()
    expect([socket.isOver, b.client.state, b.client.subscriberId]).toEqual([true, 'reconnecting', undefined])
    const script = (await b.redial()).obey()
    await b.clock.advance(0)
    script.accept()
    await flush()
    expect(streams.map(({ state }) => state)).toEqual(['open', 'open', 'open'])
    expect(script.lines).toEqual(['subscribe a', 'subscribe b', 'subscribe c', 'set_mode auth a T2'])
    // Answers that the dead connection still waits for must not end those of this one.
    const later = watch(b.client.stream('d').open())
    await b.clock.advance(20_000)
    expect([later.state, b.statuses.filter(({ type }) => type === 'refused')]).toEqual(['resolved', []])
  })

  test('A14 · a socket that closes just as a token arrives: the mode comes with the next', async () => {
    let give: ((token: string) => void) | undefined
    const b = bench({ token: () => new Promise<string>((resolve) => (give = resolve)) })
    const script = await b.obeyed()
    const news = await b.open()
    const enabling = watch(news.enableAuth())
    await flush()
    script.socket.readyState = 2
    give!('T-old')
    await flush()
    expect(enabling.state).toBe('pending')
    script.socket.readyState = 1
    script.socket.drop()
    await flush()
    await b.redial()
    b.script.accept()
    await flush()
    give!('T-new')
    await flush()
    expect([enabling.state, b.script.lines]).toEqual([
      'resolved',
      ['subscribe news', 'set_mode auth news T-new'],
    ])
  })
})
