// What cannot be restored: streams and modes that the service refuses, and tokens that cannot be had.
import { IsomqError } from 'isomq/tambur'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import type { TamburScript } from '../support/tambur.ts'
import { bench, CONFIG } from './bench.ts'

describe('what is refused when it is restored', () => {
  test('a stream: its status says so, its loops throw, it is closed and can be opened again', async () => {
    const b = bench()
    await b.obeyed()
    const news = await b.open('news', 'auth', 'direct')
    const loop = rejection(news.messages().next())
    b.network.onDial = undefined
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
