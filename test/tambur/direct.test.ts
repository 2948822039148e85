// Auth and direct messages: what the modes are for; see roster.test.ts for presence.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, CONFIG, watch } from './bench.ts'

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
