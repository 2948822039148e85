// A13 · the option `token`: what it is asked, and what becomes of what it gives.
import type { TamburTokenAsk } from 'isomq/tambur'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, CONFIG, watch } from './bench.ts'

describe('A13 · the token of a mode', () => {
  test('A13 · is asked for once per mode and session, by what it signs', async () => {
    const b = bench()
    const first = await b.obeyed()
    await b.open('news', 'auth', 'direct')
    const second = await b.again()
    expect(b.asks).toEqual([
      { mode: 'auth', stream: 'news', subscriberId: first.id },
      { mode: 'direct', stream: 'news', userId: 'me', subscriberId: first.id },
      { mode: 'auth', stream: 'news', subscriberId: second.id },
      { mode: 'direct', stream: 'news', userId: 'me', subscriberId: second.id },
    ])
    expect(second.lines.slice(1)).toEqual(['set_mode auth news T3', 'set_mode direct news me T4'])
  })

  test('may be given at once or later', async () => {
    for (const token of [() => 'T', async () => 'T']) {
      const b = bench({ token: token as () => string })
      const script = await b.obeyed()
      await b.open('news', 'auth')
      expect(script.lines.at(-1)).toBe('set_mode auth news T')
    }
  })

  test('without the option there are streams, and no modes', async () => {
    const b = bench({ token: undefined })
    const script = await b.obeyed()
    const news = await b.open()
    const error = await rejection(news.enableAuth())
    expect(error).toMatchObject({ code: 'CONFIG' })
    expect(error.message).toContain('"token"')
    expect([news.state, script.lines.length]).toEqual(['open', 1])
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['an empty text', ''],
    ['a number', 5],
    ['an object', { token: 'T' }],
    ['a boolean', true],
  ])('that is %s is refused here, and nothing is sent for it', async (_, given) => {
    for (const token of [() => given, async () => given]) {
      const b = bench({ token: token as () => string })
      const script = await b.obeyed()
      const news = await b.open()
      await expect(news.enablePresence('me')).rejects.toEqual(CONFIG)
      expect([news.state, script.lines]).toEqual(['open', ['subscribe news']])
    }
  })

  test.each<[string, () => string | Promise<string>]>([
    [
      'throws an error',
      () => {
        throw new Error('no session')
      },
    ],
    ['rejects with one', () => Promise.reject(new Error('no session'))],
    ['rejects with what is none', () => Promise.reject('no session')],
  ])(
    'whose callback %s: so does the mode, with that for its cause, and it can be tried again',
    async (_, token) => {
      let calls = 0
      const b = bench({ token: (ask) => (++calls === 1 ? token() : `T-${ask.mode}`) })
      const script = await b.obeyed()
      const news = await b.open()
      const error = await rejection(news.enableAuth())
      expect(error).toMatchObject({ name: 'IsomqError', provider: 'tambur' })
      expect((error.cause as Error).message).toBe('no session')
      await news.enableAuth()
      expect(script.lines.slice(1)).toEqual(['set_mode auth news T-auth'])
      expect(b.errors).toEqual([])
    },
  )

  test('whose callback rejects with undefined, too', async () => {
    const b = bench({ token: () => Promise.reject() })
    await b.obeyed()
    const news = await b.open()
    expect(await rejection(news.enableAuth())).toBeInstanceOf(Error)
  })

  test('that never comes is a TIMEOUT after tokenTimeout, and the callback is told', async () => {
    const signals: AbortSignal[] = []
    const b = bench({
      tokenTimeout: 3_000,
      token: ({ signal }) => {
        signals.push(signal)
        return new Promise<string>(() => {})
      },
    })
    const script = await b.obeyed()
    const news = await b.open()
    const enabling = watch(news.enableAuth())
    await b.clock.advance(2_999)
    expect([enabling.state, signals[0]!.aborted]).toEqual(['pending', false])
    await b.clock.advance(1)
    expect([enabling.state, signals[0]!.aborted]).toEqual(['TIMEOUT', true])
    await b.clock.advance(60_000)
    expect(script.lines.filter((line) => line.startsWith('set_mode'))).toEqual([])
    expect(news.state).toBe('open')
  })

  test('may take 10 seconds unless tokenTimeout says otherwise; 0 sets no limit', async () => {
    for (const [tokenTimeout, state] of [
      [undefined, 'TIMEOUT'],
      [0, 'pending'],
    ] as const) {
      const b = bench({ tokenTimeout, token: () => new Promise<string>(() => {}) })
      await b.obeyed()
      const news = await b.open()
      const enabling = watch(news.enableAuth({ timeout: 0 }))
      await b.clock.advance(10_000)
      expect(enabling.state).toBe(state)
    }
  })

  test('A13 · that is made when its connection is lost is never used; the next session asks anew', async () => {
    const asks: (TamburTokenAsk & { signal: AbortSignal; give(token: string): void })[] = []
    const b = bench({
      token: (ask) => new Promise<string>((resolve) => asks.push({ ...ask, give: resolve })),
    })
    const first = await b.obeyed()
    const news = await b.open()
    const enabling = watch(news.enableAuth())
    await flush()
    first.socket.drop()
    await flush()
    expect(asks[0]!.signal.aborted).toBe(true)
    const second = await b.redial()
    second.accept()
    await flush()
    expect(asks.map(({ subscriberId }) => subscriberId)).toEqual([first.id, second.id])
    asks[0]!.give('stale')
    await flush()
    expect([second.lines, enabling.state]).toEqual([['subscribe news'], 'pending'])
    asks[1]!.give('fresh')
    await flush()
    expect([second.lines.at(-1), enabling.state]).toEqual(['set_mode auth news fresh', 'resolved'])
    expect(b.statuses.filter(({ type }) => type === 'refused')).toEqual([])
  })

  test('A13 · that fails late, for a connection that is gone, is nobody’s refusal', async () => {
    const fail: ((error: Error) => void)[] = []
    const b = bench({ token: () => new Promise<string>((_, reject) => fail.push(reject)) })
    const first = await b.obeyed()
    const news = await b.open()
    const enabling = watch(news.enableAuth())
    await flush()
    first.socket.drop()
    await b.redial()
    b.script.accept()
    await flush()
    fail[0]!(new Error('gone'))
    await flush()
    expect([enabling.state, b.statuses.some(({ type }) => type === 'refused')]).toEqual(['pending', false])
  })

  test('that is made when the client is closed leaves nothing behind', async () => {
    const signals: AbortSignal[] = []
    const b = bench({
      token: ({ signal }) => {
        signals.push(signal)
        return new Promise<string>(() => {})
      },
    })
    await b.obeyed()
    const news = await b.open()
    const enabling = watch(news.enableAuth())
    await flush()
    await b.client.close()
    expect([enabling.state, signals[0]!.aborted, b.clock.timers]).toEqual(['CLOSED', true, 0])
  })

  test('A13 · the callback may use the client', async () => {
    const b = bench({
      token: async (): Promise<string> => {
        await b.client.connect()
        b.client.stream('other').open()
        return `T-${b.client.subscriberId}`
      },
    })
    const script = await b.obeyed()
    await b.open('news', 'auth')
    expect(script.lines).toContain(`set_mode auth news T-${script.id}`)
  })

  test('A13 · the callback may close the client', async () => {
    const b = bench({
      token: () => {
        b.client.close()
        return 'T'
      },
    })
    const script = await b.obeyed()
    const news = await b.open()
    expect(await rejection(news.enableAuth())).toMatchObject({ code: 'CLOSED' })
    await flush()
    expect([b.client.state, script.lines]).toEqual(['closed', ['subscribe news']])
  })
})
