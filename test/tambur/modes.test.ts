// Auth, presence and direct: what is sent for them and what comes of it.
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

describe('auth messages', () => {
  test('arrive by their own event and not as ordinary ones', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'auth')
    const seen: string[] = []
    for (const type of ['message', 'auth'] as const) {
      news.on(type, ({ text }) => seen.push(`${type} ${text}`))
    }
    script.auth('news', 'secret')
    script.publish('news', 'public')
    expect(seen).toEqual(['auth secret', 'message public'])
  })
})

describe('direct messages', () => {
  test('go to one user, and come from one', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'direct')
    const seen: unknown[] = []
    news.on('direct', (message) => seen.push({ ...message }))
    news.on('message', () => seen.push('message'))
    await news.direct('her', 'hello')
    await news.direct('her', '')
    expect(script.lines.slice(2)).toEqual(['direct news her hello', 'direct news her '])
    script.direct('news', 'her', 'hi')
    expect(seen).toEqual([{ stream: 'news', from: 'her', text: 'hi', receivedAt: b.clock.now() }])
  })

  test('ordinary messages are from nobody', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    const seen: object[] = []
    news.on('message', (message) => seen.push(message))
    script.publish('news', 'x')
    expect('from' in seen[0]!).toBe(false)
  })

  test('that the service refuses say why, and leave the mode on', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'direct')
    script.obey(({ args }) => (args[1] === 'nobody' ? 'user_unknown' : undefined))
    expect(await rejection(news.direct('nobody', 'x'))).toMatchObject({
      code: 'PROVIDER',
      details: { command: 'direct', reason: 'user_unknown' },
    })
    await news.direct('her', 'x')
  })

  test.each([undefined, null, 5, {}, ['x']])('take no %j for a text', async (text) => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'direct')
    await expect(news.direct('her', text as string)).rejects.toEqual(CONFIG)
    await expect(news.direct(text as string, 'x')).rejects.toEqual(CONFIG)
    expect(script.lines.length).toBe(2)
  })

  test.each([-1, Number.NaN])('with a timeout of %d are not sent', async (timeout) => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'direct')
    await expect(news.direct('her', 'x', { timeout })).rejects.toEqual(CONFIG)
    expect(script.lines.length).toBe(2)
  })

  test('wait until the mode is on, since the service takes none before', async () => {
    const b = bench()
    const news = b.client.stream('news')
    const all = [news.open(), news.enableDirect('me'), news.direct('her', 'hi')].map(watch)
    const script = await b.signIn()
    script.answer('subscribe')
    await flush()
    expect(script.lines).toEqual(['subscribe news', 'set_mode direct news me T1'])
    script.answer('set_mode')
    await flush()
    expect(script.lines[2]).toBe('direct news her hi')
    script.answer('direct')
    await flush()
    expect(all.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved'])
  })

  test('wait for the next connection, and for the mode on it', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'direct')
    script.socket.drop()
    await flush()
    const sending = watch(news.direct('her', 'hi'))
    await b.redial()
    b.script.accept()
    await flush()
    expect(b.script.lines).toEqual(['subscribe news', 'set_mode direct news me T2', 'direct news her hi'])
    expect([sending.state, script.lines.length]).toEqual(['resolved', 2])
  })

  test('that wait end by their limits, and the mode is restored all the same', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'direct')
    script.socket.drop()
    await flush()
    const abort = new AbortController()
    const waiting = [
      news.direct('her', 'a', { timeout: 1 }),
      news.direct('her', 'b', { signal: abort.signal }),
    ].map(rejection)
    abort.abort('enough')
    await b.clock.advance(1)
    expect((await Promise.all(waiting)).map(({ code }) => code)).toEqual(['TIMEOUT', 'ABORTED'])
    await b.redial()
    b.script.accept()
    await flush()
    expect(b.script.lines).toEqual(['subscribe news', 'set_mode direct news me T2'])
  })

  test('that wait end when the mode is refused or switched off', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'direct')
    script.socket.drop()
    await flush()
    const off = rejection(news.direct('her', 'a'))
    await flush()
    await news.disableDirect()
    expect(await off).toMatchObject({ code: 'ABORTED' })
    const enabling = rejection(news.enableDirect('me'))
    const refused = rejection(news.direct('her', 'b'))
    await b.redial()
    b.script.obey(({ name }) => (name === 'set_mode' ? 'invalid_token' : undefined)).accept()
    await flush()
    for (const error of await Promise.all([enabling, refused])) {
      expect(error).toMatchObject({ code: 'PROVIDER', details: { reason: 'invalid_token' } })
    }
    expect(b.script.lines.filter((line) => line.startsWith('direct'))).toEqual([])
  })

  test('that were sent when the connection broke reject, and are not sent again', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'direct')
    script.socket.send = (data) => void script.socket.sent.push(data)
    const sending = rejection(news.direct('her', 'once'))
    await flush()
    expect(script.lines.at(-1)).toBe('direct news her once')
    script.socket.drop()
    expect(await sending).toMatchObject({ code: 'CONNECTION_LOST' })
    await b.redial()
    b.script.accept()
    await b.clock.advance(5_000)
    expect(b.script.lines.filter((line) => line.startsWith('direct'))).toEqual([])
  })

  test('that find the socket closing wait for the next, and the runtime is not kept busy', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'direct')
    script.socket.readyState = 2
    const sending = watch(news.direct('her', 'hi'))
    await flush(1_000)
    expect(sending.state).toBe('pending')
    script.socket.readyState = 1
    script.socket.drop()
    await flush()
    await b.redial()
    b.script.accept()
    await flush()
    expect([sending.state, b.script.lines.at(-1)]).toEqual(['resolved', 'direct news her hi'])
  })
})
