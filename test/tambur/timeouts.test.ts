// Opening and closing a stream that ends early: by its caller, without an ack, or with the connection.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, CONFIG, watch } from './bench.ts'

describe('open() that is given up', () => {
  test('by its signal, while there is no connection: nothing is subscribed', async () => {
    const b = bench()
    const news = b.client.stream('news')
    const abort = new AbortController()
    const opening = rejection(news.open({ signal: abort.signal }))
    await flush()
    abort.abort('enough')
    expect(await opening).toMatchObject({ code: 'ABORTED', cause: 'enough' })
    const script = await b.signIn()
    expect([news.state, script.commands]).toEqual(['closed', []])
  })

  test('by its timeout, which is 30 seconds unless it is set', async () => {
    const b = bench({ connectTimeout: 0 })
    const news = b.client.stream('news')
    const short = watch(news.open({ timeout: 700 }))
    await b.clock.advance(700)
    expect([short.state, news.state]).toEqual(['TIMEOUT', 'closed'])
    const patient = watch(news.open())
    await b.clock.advance(29_999)
    expect(patient.state).toBe('pending')
    await b.clock.advance(1)
    expect([patient.state, news.state]).toEqual(['TIMEOUT', 'closed'])
    const forever = watch(news.open({ timeout: 0 }))
    await b.clock.advance(3_600_000)
    expect([forever.state, news.state]).toEqual(['pending', 'opening'])
  })

  test('after it was asked for: a late ack is followed by an unsubscribe', async () => {
    const b = bench()
    const script = await b.signIn()
    const news = b.client.stream('news')
    const seen: string[] = []
    news.on('message', ({ text }) => seen.push(text))
    const abort = new AbortController()
    const opening = rejection(news.open({ signal: abort.signal }))
    await flush()
    abort.abort()
    await opening
    expect(script.lines).toEqual(['subscribe news'])
    script.publish('news', 'nobody wants it')
    script.answer()
    await flush()
    expect([news.state, script.lines, seen]).toEqual(['closed', ['subscribe news', 'unsubscribe news'], []])
    script.answer()
    await flush()
    const next = await b.again()
    expect(next.commands).toEqual([])
  })

  test('and opened again before the late ack: one subscription, and it stays', async () => {
    const b = bench()
    const script = await b.signIn()
    const news = b.client.stream('news')
    const abort = new AbortController()
    const first = rejection(news.open({ signal: abort.signal }))
    await flush()
    abort.abort()
    const second = news.open()
    await first
    await flush()
    script.answer()
    await second
    await flush()
    expect([news.state, script.lines]).toEqual(['open', ['subscribe news']])
  })

  test('and opened again after the late ack: subscribed anew, behind the unsubscribe', async () => {
    const b = bench()
    const script = await b.signIn()
    const news = b.client.stream('news')
    const abort = new AbortController()
    const first = rejection(news.open({ signal: abort.signal }))
    await flush()
    abort.abort()
    await first
    script.answer()
    await flush()
    const second = news.open()
    await flush()
    expect(script.lines).toEqual(['subscribe news', 'unsubscribe news', 'subscribe news'])
    script.answer(2)
    script.answer(3)
    await second
    expect(news.state).toBe('open')
  })

  test('before a late refusal: nobody is bothered with it', async () => {
    const b = bench()
    const script = await b.signIn()
    const news = b.client.stream('news')
    const opening = rejection(news.open({ timeout: 100 }))
    await b.clock.advance(100)
    await opening
    script.answer('subscribe', 'no')
    await flush()
    expect([script.lines, b.errors]).toEqual([['subscribe news'], []])
    expect(b.statuses.map(({ type }) => type)).toEqual(['connected'])
  })

  test('with a signal that has ended already: nothing is opened, not even a socket', async () => {
    const b = bench()
    const news = b.client.stream('news')
    expect(await rejection(news.open({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'ABORTED' })
    await expect(news.messages({ signal: AbortSignal.abort() }).next()).rejects.toMatchObject({
      code: 'ABORTED',
    })
    await flush()
    expect([news.state, b.client.state, b.network.sockets.length]).toEqual(['closed', 'idle', 0])
  })

  test.each([-1, Number.NaN])('with a timeout of %d: nothing is opened either', async (timeout) => {
    const b = bench()
    const news = b.client.stream('news')
    await expect(news.open({ timeout })).rejects.toEqual(CONFIG)
    await flush()
    expect([news.state, b.network.sockets.length]).toEqual(['closed', 0])
  })

  test('by close(): it rejects, and the late ack is followed by an unsubscribe', async () => {
    const b = bench()
    const script = await b.signIn()
    const news = b.client.stream('news')
    const opening = rejection(news.open())
    await flush()
    await news.close()
    expect(await opening).toMatchObject({ code: 'ABORTED' })
    script.answer('subscribe')
    await flush()
    expect([news.state, script.lines]).toEqual(['closed', ['subscribe news', 'unsubscribe news']])
  })
})

describe('an ack that does not come', () => {
  test('is a TIMEOUT after answerTimeout; the subscription that may have happened is undone', async () => {
    const b = bench({ answerTimeout: 2_000 })
    const script = await b.signIn()
    const news = b.client.stream('news')
    const opening = watch(news.open())
    await b.clock.advance(1_999)
    expect(opening.state).toBe('pending')
    await b.clock.advance(1)
    expect([opening.state, news.state]).toEqual(['TIMEOUT', 'closed'])
    expect(script.lines).toEqual(['subscribe news', 'unsubscribe news'])
    // Whatever the service makes of it, the stream can be opened.
    const again = news.open()
    await flush()
    script.answer(1)
    script.answer(2)
    script.answer(3)
    await again
    expect([news.state, script.lines.at(-1)]).toEqual(['open', 'subscribe news'])
  })

  test('of a mode is a TIMEOUT, and the mode is undone', async () => {
    const b = bench({ answerTimeout: 2_000 })
    const script = await b.obeyed()
    const news = await b.open()
    script.socket.send = (data) => void script.socket.sent.push(data)
    const enabling = watch(news.enableDirect('me'))
    await b.clock.advance(2_000)
    expect([enabling.state, news.state]).toEqual(['TIMEOUT', 'open'])
    expect(script.lines.slice(1)).toEqual(['set_mode direct news me T1', 'unset_mode direct news me'])
  })

  test('of close() is a TIMEOUT', async () => {
    const b = bench({ answerTimeout: 2_000 })
    const script = await b.obeyed()
    const news = await b.open()
    script.socket.send = () => {}
    const closing = watch(news.close())
    const shorter = watch(b.client.stream('x').open({ timeout: 500 }))
    await b.clock.advance(500)
    expect([closing.state, shorter.state]).toEqual(['pending', 'TIMEOUT'])
    await b.clock.advance(1_500)
    expect([closing.state, news.state]).toEqual(['TIMEOUT', 'closed'])
  })

  test('is waited for without end with answerTimeout 0, or as long as the caller says', async () => {
    const b = bench({ answerTimeout: 0 })
    await b.signIn()
    const forever = watch(b.client.stream('a').open({ timeout: 0 }))
    const limited = watch(b.client.stream('b').open({ timeout: 60_000 }))
    await b.clock.advance(60_000)
    expect([forever.state, limited.state]).toEqual(['pending', 'TIMEOUT'])
  })
})

describe('close() of a stream', () => {
  test('with a signal that has ended, or a wrong timeout, does nothing at all', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'auth')
    expect(await rejection(news.close({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'ABORTED' })
    await expect(news.close({ timeout: -1 })).rejects.toEqual(CONFIG)
    expect(await rejection(news.disableAuth({ signal: AbortSignal.abort() }))).toMatchObject({
      code: 'ABORTED',
    })
    expect([news.state, script.lines.length]).toEqual(['open', 2])
  })

  test('while the connection is away just forgets it', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    script.socket.drop()
    await flush()
    expect(news.state).toBe('opening')
    await news.close()
    expect(news.state).toBe('closed')
    const next = await b.redial()
    next.accept()
    await flush()
    expect(next.commands).toEqual([])
  })

  test('whose connection is lost before the ack resolves: the subscription has ended with it', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'direct')
    script.socket.send = () => {}
    const off = news.disableDirect()
    const closing = news.close()
    script.socket.drop()
    await Promise.all([off, closing])
    const next = await b.redial()
    next.accept()
    await flush()
    expect([news.state, next.commands]).toEqual(['closed', []])
  })

  test('whose socket is closing already sends nothing on the next one', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    script.socket.readyState = 2
    await news.close()
    script.socket.readyState = 1
    const next = await b.again()
    expect(next.commands).toEqual([])
  })
})
