// A14 · what the user asked for is asked for again on every connection: once, in order, with new tokens.
import { IsomqError } from 'isomq/tambur'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import type { TamburScript } from '../support/tambur.ts'
import { bench, CONFIG, watch } from './bench.ts'

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
    await b.clock.advance(b.clock.untilNext! > 9_000 ? 0 : 0)
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

describe('what is refused when it is restored', () => {
  test('a stream: its status says so, its loops throw, it is closed and can be opened again', async () => {
    const b = bench()
    await b.obeyed()
    const news = await b.open('news', 'auth', 'direct')
    const loop = rejection(news.messages().next())
    b.network.onDial = (socket) => {
      void socket
    }
    const script = await b.again()
    script.obey()
    script.answer('subscribe', 'stream_is_gone')
    await flush()
    expect(await loop).toMatchObject({ code: 'PROVIDER', details: { reason: 'stream_is_gone' } })
    const refused = b.statuses.filter(({ type }) => type === 'refused')
    expect(refused).toEqual([
      {
        type: 'refused',
        stream: 'news',
        mode: undefined,
        error: expect.objectContaining({ code: 'PROVIDER', details: expect.anything() }),
      },
    ])
    expect([news.state, script.lines]).toEqual(['closed', ['subscribe news']])
    const again = await b.again()
    expect(again.commands).toEqual([])
    again.obey()
    await news.open()
    // Its modes ended with it.
    await expect(news.disableAuth()).rejects.toEqual(CONFIG)
    await news.enableAuth()
    expect(again.lines).toEqual(['subscribe news', 'set_mode auth news T3'])
  })

  test('a mode: the stream stays, the status names the mode, and it can be switched on again', async () => {
    const b = bench()
    await b.obeyed()
    const news = await b.open('news', 'auth', 'presence')
    b.network.onDial = undefined
    const script = await b.again()
    script.obey(({ args }) => (args[0] === 'presence' ? 'invalid_token' : undefined))
    script.answer('subscribe')
    await flush()
    expect(b.statuses.filter(({ type }) => type === 'refused')).toEqual([
      {
        type: 'refused',
        stream: 'news',
        mode: 'presence',
        error: expect.objectContaining({ code: 'PROVIDER' }),
      },
    ])
    expect(news.state).toBe('open')
    await expect(news.disablePresence()).rejects.toEqual(CONFIG)
    script.obey()
    await news.enablePresence('me')
    const next = await b.again()
    next.obey()
    next.answer('subscribe')
    await flush()
    expect(next.lines.map((line) => line.replace(/ T\d+$/, ''))).toEqual([
      'subscribe news',
      'set_mode auth news',
      'set_mode presence news me',
    ])
  })

  test('a mode whose token cannot be had: it is off, the status says why', async () => {
    let fails = false
    const b = bench({
      token: async () => {
        if (fails) throw new Error('the server of the page is down')
        return 'T'
      },
    })
    await b.obeyed()
    const news = await b.open('news', 'auth')
    fails = true
    await b.again()
    const [refused] = b.statuses.filter((status) => status.type === 'refused')
    expect(refused).toMatchObject({ mode: 'auth', stream: 'news' })
    expect((refused!.error.cause as Error).message).toBe('the server of the page is down')
    fails = false
    await news.enableAuth()
  })

  test('closing and opening in the handler that hears of it works', async () => {
    const b = bench()
    await b.obeyed()
    const news = await b.open()
    let again: Promise<void> | undefined
    b.client.on('status', ({ type }) => {
      if (type === 'refused') again = news.open()
    })
    b.network.onDial = undefined
    const script = await b.again()
    script.obey()
    script.answer('subscribe', 'busy')
    await flush()
    await again
    expect([news.state, script.lines]).toEqual(['open', ['subscribe news', 'subscribe news']])
  })
})

describe('a token that cannot be had when its mode is restored', () => {
  /** What `fetchToken` says of a server that is just being restarted. */
  const away = () => new IsomqError('tambur', 'CONNECT_FAILED', 'the server of the page is away')

  /** A connection with a mode that was set, whose token callback does as it is told from then on. */
  async function held(token: () => string | Promise<string>) {
    let isHeld = false
    const b = bench({
      token: () => (isHeld ? token() : 'T'),
      // The longest of its pauses, each time.
      random: () => 0.999_999,
      reconnect: { minDelay: 1_000, maxDelay: 1_000 },
    })
    await b.obeyed()
    const news = await b.open('news', 'auth')
    isHeld = true
    return { b, news }
  }
  const tokensOf = (script: TamburScript) =>
    script.lines.filter((line) => line.startsWith('set_mode')).map((line) => line.split(' ').at(-1))

  test('is asked for again, after ever longer pauses, as long as that may help', async () => {
    let calls = 0
    const at: number[] = []
    const { b, news } = await held(() => {
      at.push(b.clock.now())
      if (++calls < 5) throw away()
      return 'T5'
    })
    const told: unknown[] = []
    news.on('status', (status) => told.push(status))
    const script = await b.again()
    await b.clock.advance(60_000)
    expect([calls, tokensOf(script)]).toEqual([5, ['T5']])
    const pauses = at.slice(1).map((time, i) => time - at[i]!)
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b))
    expect(pauses[0]).toBeGreaterThan(0)
    expect(b.errors.filter(({ code }) => code === 'CONNECT_FAILED')).toHaveLength(4)
    expect(told).toEqual([
      { type: 'restored', mode: undefined },
      { type: 'restored', mode: 'auth' },
    ])
  })

  test('is asked for again after a TIMEOUT', async () => {
    let calls = 0
    const { b } = await held(() => (++calls === 1 ? new Promise<string>(() => {}) : 'T2'))
    const script = await b.again()
    await b.clock.advance(60_000)
    expect([calls, tokensOf(script)]).toEqual([2, ['T2']])
  })

  test('ends with the connection, and the next one asks anew', async () => {
    const { b } = await held(() => {
      throw away()
    })
    await b.again()
    const script = await b.again()
    const before = b.errors.length
    await b.clock.advance(0)
    expect([script.lines, b.errors.length]).toEqual([['subscribe news'], before])
  })

  test.each(['disableAuth', 'close'] as const)('%s() ends that', async (end) => {
    let calls = 0
    const { b, news } = await held(() => {
      calls++
      throw away()
    })
    await b.again()
    await news[end]()
    const timers = b.clock.timers
    const before = calls
    await b.clock.advance(120_000)
    expect([calls, b.statuses.filter(({ type }) => type === 'refused')]).toEqual([before, []])
    expect(timers).toBeLessThanOrEqual(1)
  })

  test('switched off and on meanwhile is asked for at once', async () => {
    let isAway = true
    const { b, news } = await held(() => {
      if (isAway) throw away()
      return 'T-again'
    })
    const script = await b.again()
    await news.disableAuth()
    isAway = false
    await news.enableAuth()
    expect(tokensOf(script)).toEqual(['T-again'])
  })

  test('is asked for once where nobody has had it yet: the caller hears why', async () => {
    let calls = 0
    const b = bench({
      token: () => {
        calls++
        throw away()
      },
    })
    await b.obeyed()
    const news = await b.open()
    expect(await rejection(news.enableAuth())).toMatchObject({ code: 'CONNECT_FAILED' })
    await b.clock.advance(60_000)
    expect(calls).toBe(1)
  })

  test('that is refused for good is told once', async () => {
    let calls = 0
    const { b } = await held(() => {
      calls++
      throw new IsomqError('tambur', 'AUTH_REJECTED', 'the user has left')
    })
    await b.again()
    await b.clock.advance(60_000)
    expect([calls, b.statuses.filter(({ type }) => type === 'refused')]).toEqual([
      1,
      [expect.objectContaining({ mode: 'auth', error: expect.objectContaining({ code: 'AUTH_REJECTED' }) })],
    ])
  })
})

describe('a stream tells', () => {
  test('that it and its modes are back on each connection, and nothing of the first', async () => {
    const b = bench()
    await b.obeyed()
    const told: unknown[] = []
    const news = b.client.stream('news')
    news.on('status', ({ type, mode }) => told.push([type, mode, news.state]))
    await b.open('news', 'auth', 'presence')
    expect(told).toEqual([])
    for (let i = 0; i < 2; i++) {
      await b.again()
      expect(told.splice(0)).toEqual([
        ['restored', undefined, 'open'],
        ['restored', 'auth', 'open'],
        ['restored', 'presence', 'open'],
      ])
    }
    // Asked for anew, they are new.
    await news.close()
    await news.open()
    await news.enableAuth()
    expect(told).toEqual([])
    await b.client.close()
    await b.signIn()
    await flush()
    expect(told).toEqual([
      ['restored', undefined, 'open'],
      ['restored', 'auth', 'open'],
    ])
  })

  test('what of it was refused', async () => {
    const b = bench()
    await b.obeyed()
    const [news, sports] = [await b.open('news', 'direct'), await b.open('sports', 'auth')]
    const told: string[] = []
    for (const stream of [news, sports]) {
      stream.on('status', (status) =>
        told.push(
          `${stream.name} ${status.type} ${status.mode} ${status.type === 'refused' ? status.error.details.reason : ''}`.trim(),
        ),
      )
    }
    b.network.onDial = undefined
    b.network.last.drop()
    const script = (await b.redial()).obey(({ name, args }) =>
      args[0] === 'news' || name === 'set_mode' ? 'no' : undefined,
    )
    script.accept()
    await flush()
    expect(told.sort()).toEqual([
      'news refused undefined no',
      'sports refused auth no',
      'sports restored undefined',
    ])
  })

  test('to a handler that closes it', async () => {
    const b = bench()
    await b.obeyed()
    const news = await b.open('news', 'auth')
    news.on('status', ({ type }) => type === 'restored' && void news.close())
    const script = await b.again()
    expect([news.state, script.lines]).toEqual(['closed', ['subscribe news', 'unsubscribe news']])
  })
})

describe('a gap', () => {
  test('is told when the state is open, behind what tells of the connection', async () => {
    const b = bench()
    await b.obeyed()
    await b.open()
    const told: string[] = []
    b.client.on('status', ({ type }) => told.push(`${type} ${b.client.state}`))
    await b.again()
    expect(told).toEqual(['disconnected reconnecting', 'retrying reconnecting', 'connected open', 'gap open'])
  })

  test('is one for the private stream, too, which needs no open()', async () => {
    const b = bench()
    await b.obeyed()
    b.client.stream('private').on('message', () => {})
    await b.again()
    expect(b.statuses.filter(({ type }) => type === 'gap')).toHaveLength(1)
  })

  test('is told when the connection is back, with its length', async () => {
    const b = bench()
    await b.obeyed()
    await b.open()
    await b.clock.advance(60_000)
    b.network.last.drop()
    await b.clock.advance(0)
    await b.clock.advance(2_345)
    b.script.accept()
    await flush()
    expect(b.statuses.filter(({ type }) => type === 'gap')).toEqual([
      { type: 'gap', session: 2, duration: 2_345 },
    ])
  })

  test('lasts over attempts that fail', async () => {
    const b = bench()
    const script = await b.obeyed()
    await b.open()
    script.socket.drop()
    await flush()
    const lostAt = b.clock.now()
    for (let i = 0; i < 3; i++) {
      await b.redial()
      b.network.last.drop()
      await flush()
    }
    await b.redial()
    b.script.accept()
    await flush()
    const gaps = b.statuses.filter((status) => status.type === 'gap')
    expect(gaps.map(({ duration }) => duration)).toEqual([b.clock.now() - lostAt])
    await b.again()
    expect(b.statuses.filter(({ type }) => type === 'gap')).toHaveLength(2)
  })

  test('is none at the first connection, and none when nothing was to be missed', async () => {
    const b = bench()
    await b.obeyed()
    const news = b.client.stream('news')
    await b.again()
    await news.open()
    await news.close()
    await b.again()
    expect(b.statuses.filter(({ type }) => type === 'gap')).toEqual([])
  })

  test('is as long as the client was closed', async () => {
    const b = bench()
    await b.obeyed()
    await b.open()
    await b.client.close()
    await b.clock.advance(60_000)
    await b.signIn()
    expect(b.statuses.filter((status) => status.type === 'gap')).toEqual([
      { type: 'gap', session: 2, duration: 60_000 },
    ])
  })

  test('is never shorter than nothing, whatever the clock does', async () => {
    const b = bench()
    const script = await b.obeyed()
    await b.open()
    await b.clock.advance(60_000)
    script.socket.drop()
    await flush()
    b.clock.sleep(-3_600_000)
    await b.clock.advance(3_600_000)
    b.clock.sleep(-3_600_000)
    b.script.accept()
    await flush()
    const [gap] = b.statuses.filter((status) => status.type === 'gap')
    expect(gap!.duration).toBe(0)
  })
})
