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

describe('what the old client refused', () => {
  test('to open a stream that is open, or about to be', async () => {
    const b = bench()
    const news = b.client.stream('news')
    const opening = news.open()
    await expect(news.open()).rejects.toEqual(CONFIG)
    const script = await b.obeyed()
    await opening
    await expect(news.open()).rejects.toEqual(CONFIG)
    script.socket.drop()
    await flush()
    await expect(news.open()).rejects.toEqual(CONFIG)
    await b.redial()
    b.script.accept()
    await flush()
    expect([news.state, b.script.lines]).toEqual(['open', ['subscribe news']])
  })

  test('to close a stream that is closed', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = b.client.stream('news')
    await expect(news.close()).rejects.toEqual(CONFIG)
    await news.open()
    await news.close()
    await expect(news.close()).rejects.toEqual(CONFIG)
    expect(script.lines).toEqual(['subscribe news', 'unsubscribe news'])
  })

  test('to switch a mode on twice, or off twice, or in a closed stream', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = b.client.stream('news')
    const on = {
      auth: () => news.enableAuth(),
      presence: () => news.enablePresence('me'),
      direct: () => news.enableDirect('me'),
    }
    const off = {
      auth: () => news.disableAuth(),
      presence: () => news.disablePresence(),
      direct: () => news.disableDirect(),
    }
    for (const mode of ['auth', 'presence', 'direct'] as const) {
      await expect(on[mode]()).rejects.toEqual(CONFIG)
      await expect(off[mode]()).rejects.toEqual(CONFIG)
      await news.open()
      await expect(off[mode]()).rejects.toEqual(CONFIG)
      const first = on[mode]()
      await expect(on[mode]()).rejects.toEqual(CONFIG)
      await first
      await expect(on[mode]()).rejects.toEqual(CONFIG)
      await off[mode]()
      await expect(off[mode]()).rejects.toEqual(CONFIG)
      await news.close()
    }
    expect(script.lines.filter((line) => !/^(un)?subscribe/.test(line))).toEqual([
      'set_mode auth news T1',
      'unset_mode auth news',
      'set_mode presence news me T2',
      'unset_mode presence news',
      'set_mode direct news me T3',
      'unset_mode direct news me',
    ])
  })

  test('a direct message without direct mode', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = b.client.stream('news')
    await expect(news.direct('her', 'hi')).rejects.toEqual(CONFIG)
    await news.open()
    await news.enablePresence('me')
    await expect(news.direct('her', 'hi')).rejects.toEqual(CONFIG)
    expect(script.lines.filter((line) => line.startsWith('direct'))).toEqual([])
  })
})

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
