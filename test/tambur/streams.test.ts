// Opening and closing streams, and what arrives on them.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, CONFIG, watch } from './bench.ts'

describe('a stream', () => {
  test('is one and the same for one name, and closed at first; to make it does nothing', async () => {
    const b = bench()
    const news = b.client.stream('news')
    expect(b.client.stream('news')).toBe(news)
    expect(b.client.stream('News')).not.toBe(news)
    expect([news.name, news.state, [...news.present]]).toEqual(['news', 'closed', []])
    news.on('message', () => {})
    await b.clock.advance(60_000)
    expect([b.client.state, b.network.sockets.length, b.clock.timers]).toEqual(['idle', 0, 0])
  })

  test.each(['', undefined, null, 5, {}])('cannot be called %j', (name) => {
    expect(() => bench().client.stream(name as string)).toThrow(CONFIG)
  })

  test('open() connects, waits for the handshake, subscribes and resolves with the ack', async () => {
    const b = bench()
    const news = b.client.stream('news')
    const opening = watch(news.open())
    await flush()
    b.network.last.open()
    await flush()
    expect([news.state, b.network.last.sent]).toEqual(['opening', []])
    b.script.accept()
    await flush()
    expect([b.script.commands, opening.state]).toEqual([
      [{ name: 'subscribe', handle: 1, args: ['news'] }],
      'pending',
    ])
    b.script.answer()
    await flush()
    expect([news.state, opening.state, b.client.stats().open]).toEqual(['open', 'resolved', 1])
  })

  test('commands count their handles from 1 on, and answers find them in any order', async () => {
    const b = bench()
    const script = await b.signIn()
    const [one, two, three] = ['one', 'two', 'three'].map((name) => b.client.stream(name).open())
    await flush()
    expect(script.commands.map(({ handle }) => handle)).toEqual([1, 2, 3])
    const states = [one, two, three].map((opening) => watch(opening!))
    script.answer(3)
    script.answer(1)
    script.answer(1)
    script.answer(99)
    await flush()
    expect(states.map(({ state }) => state)).toEqual(['resolved', 'pending', 'resolved'])
    script.answer(2)
    await two
    expect(b.errors).toEqual([])
  })

  test('that is refused says why, and can be asked for again', async () => {
    const b = bench()
    const script = await b.signIn()
    const news = b.client.stream('news')
    const refused = rejection(news.open())
    await flush()
    script.answer('subscribe', 'already_subscribed')
    expect(await refused).toMatchObject({
      code: 'PROVIDER',
      provider: 'tambur',
      details: { command: 'subscribe', reason: 'already_subscribed' },
    })
    expect([news.state, b.statuses.map(({ type }) => type)]).toEqual(['closed', ['connected']])
    const opening = news.open()
    await flush()
    script.answer()
    await opening
    expect([news.state, script.lines]).toEqual(['open', ['subscribe news', 'subscribe news']])
  })

  test('close() unsubscribes, waits for the ack, and the stream can be opened again', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    const closing = news.close()
    expect(news.state).toBe('closed')
    await closing
    await news.open()
    expect([script.lines, news.state]).toEqual([
      ['subscribe news', 'unsubscribe news', 'subscribe news'],
      'open',
    ])
  })

  test('close() that the service refuses says so; the stream is closed all the same', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    script.obey(() => 'not_subscribed')
    expect(await rejection(news.close())).toMatchObject({ code: 'PROVIDER' })
    expect(news.state).toBe('closed')
  })

  test('gets what is published to it and not what is published to others', async () => {
    const b = bench()
    const script = await b.obeyed()
    const seen: unknown[] = []
    for (const name of ['news', 'sports']) {
      const stream = await b.open(name)
      stream.on('message', (message) => seen.push([name, message.stream, message.text, message.receivedAt]))
    }
    script.publish('news', 'a', 'b')
    script.publish('sports', 'c')
    script.publish('weather', 'd')
    const now = b.clock.now()
    expect(seen).toEqual([
      ['news', 'news', 'a', now],
      ['news', 'news', 'b', now],
      ['sports', 'sports', 'c', now],
    ])
    expect(b.client.stats().received).toBe(4)
  })

  test('gets messages that come before the ack of its subscription', async () => {
    const b = bench()
    const script = await b.signIn()
    const news = b.client.stream('news')
    const seen: string[] = []
    news.on('message', ({ text }) => seen.push(text))
    const opening = news.open()
    await flush()
    script.publish('news', 'early')
    script.answer()
    await opening
    expect(seen).toEqual(['early'])
  })

  test('hands out nothing any more from the moment it is closed', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'auth', 'presence', 'direct')
    const seen: unknown[] = []
    for (const type of ['message', 'auth', 'direct', 'presence'] as const) {
      news.on(type, () => seen.push(type))
    }
    script.obey(() => undefined)
    const closing = news.close()
    seen.length = 0
    script.publish('news', 'on its way')
    script.auth('news', 'on its way')
    script.direct('news', 'her', 'on its way')
    script.up('news', 'her')
    await closing
    expect([seen, [...news.present]]).toEqual([[], []])
  })

  test.each([
    ['text', '"hello"', 'hello'],
    ['empty text', '""', ''],
    ['an object', '{"a":[1,null]}', '{"a":[1,null]}'],
    ['a number', '5', '5'],
    ['null', 'null', 'null'],
    ['text beyond the BMP', '"Zoë 王 🎈"', 'Zoë 王 🎈'],
  ])('hands out %s as text', async (_, data, text) => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    const seen: string[] = []
    news.on('message', (message) => seen.push(message.text))
    script.socket.message(`["msg","news","message",${data}]`)
    expect(seen).toEqual([text])
  })

  test.each([['""'], ['"data"'], ['null'], ['7'], ['{"a":1}'], ['["auth"]'], ['"AUTH"'], ['"__proto__"']])(
    'takes a message of the kind %s for an ordinary one',
    async (kind) => {
      const b = bench()
      const script = await b.obeyed()
      const news = await b.open()
      const seen: string[] = []
      news.on('message', ({ text }) => seen.push(text))
      news.on('auth', () => seen.push('auth'))
      script.socket.message(`["msg","news",${kind},"x"]`)
      expect([seen, b.client.stats().malformed]).toEqual([['x'], 0])
    },
  )

  test('a message without data is an empty one', async () => {
    const b = bench()
    const script = await b.obeyed()
    const seen: string[] = []
    ;(await b.open()).on('message', ({ text }) => seen.push(text))
    script.socket.message('["msg","news","message"]')
    expect(seen).toEqual([''])
  })

  test('a message reads as JSON, or says that it is none', async () => {
    const b = bench()
    const script = await b.obeyed()
    const seen: unknown[] = []
    ;(await b.open()).on('message', (message) => {
      try {
        seen.push(message.json<{ n: number }>())
      } catch (error) {
        seen.push((error as { code?: string }).code)
      }
    })
    script.publish('news', '{"n":1}', 'no', '')
    expect(seen).toEqual([{ n: 1 }, 'PROTOCOL', 'PROTOCOL'])
  })

  test('has as many handlers as were added, and each is taken off by what adding it returned', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    let calls = 0
    const handler = () => void calls++
    const off = news.on('message', handler)
    news.on('message', handler)
    script.publish('news', 'a')
    off()
    off()
    script.publish('news', 'b')
    expect(calls).toBe(3)
  })
})

describe('the private stream', () => {
  test('gets its messages without being opened, and without any command', async () => {
    const b = bench()
    const mine = b.client.stream('private')
    const seen: string[] = []
    mine.on('message', ({ text }) => seen.push(text))
    const script = await b.signIn()
    script.publish('private', 'for you')
    expect([seen, script.commands]).toEqual([['for you'], []])
    await b.again()
    b.script.publish('private', 'and again')
    expect(seen).toEqual(['for you', 'and again'])
  })

  test('open() waits for a connection alone, and is restored without a word', async () => {
    const b = bench()
    const mine = b.client.stream('private')
    const opening = mine.open()
    const first = await b.signIn()
    await opening
    expect([mine.state, first.commands]).toEqual(['open', []])
    const second = await b.again()
    expect([mine.state, second.commands]).toEqual(['open', []])
    await mine.close()
    expect([mine.state, second.commands]).toEqual(['closed', []])
  })

  test('has loops like any other', async () => {
    const b = bench()
    const next = b.client.stream('private').messages().next()
    const script = await b.signIn()
    script.publish('private', 'hello')
    expect((await next).value).toMatchObject({ text: 'hello', stream: 'private' })
    expect(script.commands).toEqual([])
  })
})
