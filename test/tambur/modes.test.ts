// Auth, presence and direct: how they are set and switched off; see direct.test.ts for what comes of them.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, CONFIG, watch } from './bench.ts'

describe('a mode', () => {
  test('is set with the token that the callback gave for this subscriber', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'auth', 'presence', 'direct')
    expect(b.asks).toEqual([
      { mode: 'auth', stream: 'news', subscriberId: script.id },
      { mode: 'presence', stream: 'news', userId: 'me', subscriberId: script.id },
      { mode: 'direct', stream: 'news', userId: 'me', subscriberId: script.id },
    ])
    expect(script.lines.slice(1)).toEqual([
      'set_mode auth news T1',
      'set_mode presence news me T2',
      'set_mode direct news me T3',
    ])
    await news.disableDirect()
    await news.disablePresence()
    await news.disableAuth()
    expect(script.lines.slice(4)).toEqual([
      'unset_mode direct news me',
      'unset_mode presence news',
      'unset_mode auth news',
    ])
  })

  test('resolves with the ack, not before', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    script.socket.send = (data) => void script.socket.sent.push(data)
    const enabling = watch(news.enableAuth())
    await flush()
    expect(enabling.state).toBe('pending')
    script.answer('set_mode')
    await flush()
    expect(enabling.state).toBe('resolved')
  })

  test('may be asked for while its stream opens: it follows the subscription', async () => {
    const b = bench()
    const news = b.client.stream('news')
    const all = [news.open(), news.enableAuth(), news.enablePresence('me')].map(watch)
    const script = await b.signIn()
    expect(script.lines).toEqual(['subscribe news'])
    script.answer('subscribe')
    await flush()
    expect(script.lines.slice(1)).toEqual(['set_mode auth news T1', 'set_mode presence news me T2'])
    script.answer(2)
    script.answer(3)
    await flush()
    expect(all.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved'])
  })

  test('that is refused says why, stays off, and can be asked for again with another token', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    script.obey(({ args }) => (args.includes('T1') ? 'invalid_token' : undefined))
    expect(await rejection(news.enableAuth())).toMatchObject({
      code: 'PROVIDER',
      details: { command: 'set_mode', reason: 'invalid_token' },
    })
    await expect(news.disableAuth()).rejects.toEqual(CONFIG)
    await news.enableAuth()
    expect([news.state, script.lines.slice(1)]).toEqual([
      'open',
      ['set_mode auth news T1', 'set_mode auth news T2'],
    ])
  })

  test('whose stream is refused is refused with it, by the same error', async () => {
    const b = bench()
    const news = b.client.stream('news')
    const waiting = [news.open(), news.enableAuth(), news.enableDirect('me'), news.messages().next()].map(
      rejection,
    )
    const script = await b.signIn()
    script.answer('subscribe', 'invalid_stream')
    for (const error of await Promise.all(waiting)) {
      expect(error).toMatchObject({ code: 'PROVIDER', details: { reason: 'invalid_stream' } })
    }
    await expect(news.enableAuth()).rejects.toEqual(CONFIG)
    const again = news.open()
    await flush()
    script.answer('subscribe')
    await again
    await flush()
    expect([news.state, script.lines]).toEqual(['open', ['subscribe news', 'subscribe news']])
  })

  test('ends with its stream, without a word of its own', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'auth', 'presence', 'direct')
    await news.close()
    expect(script.lines.slice(4)).toEqual(['unsubscribe news'])
    await news.open()
    await expect(news.disableAuth()).rejects.toEqual(CONFIG)
    await news.enableAuth()
    expect(script.lines.slice(5)).toEqual(['subscribe news', 'set_mode auth news T4'])
  })

  test('belongs to one stream', async () => {
    const b = bench()
    const script = await b.obeyed()
    await b.open('a', 'auth')
    const other = await b.open('b')
    await expect(other.disableAuth()).rejects.toEqual(CONFIG)
    await other.enableAuth()
    expect(script.lines).toEqual(['subscribe a', 'set_mode auth a T1', 'subscribe b', 'set_mode auth b T2'])
  })

  test.each(['', undefined, null, 7])('is for no user called %j', async (userId) => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    await expect(news.enablePresence(userId as string)).rejects.toEqual(CONFIG)
    await expect(news.enableDirect(userId as string)).rejects.toEqual(CONFIG)
    expect([b.asks, script.lines.length]).toEqual([[], 1])
  })

  test('may be for a user of any name, ":" included', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    for (const user of ['a:b', 'Zoë 王', '__proto__', ' ', '"', 'x'.repeat(10_000)]) {
      await news.enablePresence(user)
      expect(script.last('set_mode').args.slice(0, 3)).toEqual(['presence', 'news', user])
      await news.disablePresence()
    }
  })

  test('that is given up with its signal is not set by accident: a late ack is followed by its end', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    script.socket.send = (data) => void script.socket.sent.push(data)
    const abort = new AbortController()
    const enabling = rejection(news.enableDirect('me', { signal: abort.signal }))
    await flush()
    abort.abort()
    expect(await enabling).toMatchObject({ code: 'ABORTED' })
    script.answer('set_mode')
    await flush()
    expect(script.lines.slice(1)).toEqual(['set_mode direct news me T1', 'unset_mode direct news me'])
    await expect(news.disableDirect()).rejects.toEqual(CONFIG)
  })

  test('that is given up for one user and wanted for another is set for the other alone', async () => {
    for (const ackFirst of [false, true]) {
      const b = bench()
      const script = await b.obeyed()
      const news = await b.open()
      script.socket.send = (data) => void script.socket.sent.push(data)
      const abort = new AbortController()
      const first = rejection(news.enableDirect('one', { signal: abort.signal }))
      await flush()
      abort.abort()
      await first
      const second = watch(news.enableDirect('two'))
      await flush()
      script.answer('set_mode', ackFirst ? 'ok' : 'invalid_token')
      await flush()
      expect(second.state).toBe('pending')
      expect(script.last().args).toEqual(['direct', 'news', 'two', 'T2'])
      script.answer('set_mode')
      await flush()
      expect(second.state).toBe('resolved')
      script.obey()
      await news.disableDirect()
      expect(script.lines.slice(1)).toEqual([
        'set_mode direct news one T1',
        'unset_mode direct news one',
        'set_mode direct news two T2',
        'unset_mode direct news two',
      ])
    }
  })

  test('that is given up while its token is made is never set', async () => {
    let give = (_: string) => {}
    const b = bench({ token: () => new Promise<string>((resolve) => (give = resolve)) })
    const script = await b.obeyed()
    const news = await b.open()
    const abort = new AbortController()
    const enabling = rejection(news.enableAuth({ signal: abort.signal }))
    await flush()
    abort.abort()
    await enabling
    give('late')
    await flush()
    expect(script.lines).toEqual(['subscribe news'])
    const again = news.enableAuth()
    await flush()
    give('T')
    await again
    expect(script.lines).toEqual(['subscribe news', 'set_mode auth news T'])
  })

  test('whose user changes while the token is made is set with the token of the last', async () => {
    const gives: ((token: string) => void)[] = []
    const users: (string | undefined)[] = []
    const b = bench({
      token: ({ userId }) => {
        users.push(userId)
        return new Promise<string>((resolve) => gives.push(resolve))
      },
    })
    const script = await b.obeyed()
    const news = await b.open()
    const first = rejection(news.enablePresence('one', { timeout: 100 }))
    await b.clock.advance(100)
    await first
    const second = news.enablePresence('two')
    await flush()
    gives[0]!('T-one')
    await flush()
    gives[1]!('T-two')
    await second
    expect(users).toEqual(['one', 'two'])
    expect(script.lines.filter((line) => line.startsWith('set_mode'))).toEqual([
      'set_mode presence news two T-two',
    ])
  })

  test('that is switched off in the same breath in which it is switched on ends off', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    const enabling = rejection(news.enableAuth())
    await news.disableAuth()
    expect(await enabling).toMatchObject({ code: 'ABORTED' })
    await flush()
    const { lines } = script
    expect(lines.filter((line) => line.startsWith('set_mode')).length).toBe(
      lines.filter((line) => line.startsWith('unset_mode')).length,
    )
    await news.enableAuth()
    expect(script.lines.at(-1)).toMatch(/^set_mode auth news T/)
  })

  test('off and on again is set anew, in that order', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'auth')
    await Promise.all([news.disableAuth(), news.enableAuth()])
    expect(script.lines.slice(2)).toEqual(['unset_mode auth news', 'set_mode auth news T2'])
  })

  test('needs a signal that has not ended', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    const error = await rejection(news.enableAuth({ signal: AbortSignal.abort() }))
    expect([error.code, script.lines.length, b.asks]).toEqual(['ABORTED', 1, []])
    await news.enableAuth()
  })
})
