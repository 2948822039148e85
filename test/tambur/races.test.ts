// Streams and modes that are ended and asked for again before the service has answered.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import type { TamburScript } from '../support/tambur.ts'
import { bench, type TamburBench, watch } from './bench.ts'

/** A stream that is open, whose service answers nothing from now on. */
async function unanswered(b: TamburBench, ...modes: ('auth' | 'presence' | 'direct')[]) {
  const script = await b.obeyed()
  const news = await b.open('news', ...modes)
  script.socket.send = (data) => void script.socket.sent.push(data)
  return { script, news }
}

/** Answers with ok whatever was asked from a command on, in order. */
async function answerFrom(script: TamburScript, first: number): Promise<void> {
  for (let at = first; at < script.commands.length; at++) {
    script.answer(script.commands[at]!.handle)
    await flush()
  }
}

const modesOf = (script: TamburScript) =>
  script.lines
    .filter((line) => /^(un)?(set_mode|subscribe)/.test(line))
    .map((line) => line.replace(/ T\d+$/, ''))

describe('a stream that is closed and opened again in one breath', () => {
  test.each(['auth', 'presence', 'direct'] as const)(
    'sets a %s mode anew that was on its way when it was closed',
    async (mode) => {
      const b = bench()
      const { script, news } = await unanswered(b)
      const enable = () =>
        mode === 'auth'
          ? news.enableAuth()
          : mode === 'presence'
            ? news.enablePresence('me')
            : news.enableDirect('me')
      const first = rejection(enable())
      await flush()
      const closing = watch(news.close())
      expect(await first).toMatchObject({ code: 'ABORTED' })
      const opening = watch(news.open())
      const again = watch(enable())
      await flush()
      await answerFrom(script, 1)
      const who = mode === 'auth' ? '' : ' me'
      expect([closing.state, opening.state, again.state]).toEqual(['resolved', 'resolved', 'resolved'])
      expect(modesOf(script)).toEqual([
        'subscribe news',
        `set_mode ${mode} news${who}`,
        'unsubscribe news',
        'subscribe news',
        `set_mode ${mode} news${who}`,
      ])
    },
  )
})

describe('what is left of a mode that ended with its stream', () => {
  /** Closed while its auth mode was on its way, and opened and switched on again. */
  async function reopened(b: TamburBench) {
    const { script, news } = await unanswered(b)
    const first = rejection(news.enableAuth())
    await flush()
    const closing = watch(news.close())
    await first
    const opening = watch(news.open())
    const again = watch(news.enableAuth())
    await flush()
    return { script, news, closing, opening, again }
  }

  test('a refusal that comes late is none of the next one', async () => {
    const b = bench()
    const { script, again } = await reopened(b)
    script.answer(2, 'invalid_token')
    await flush()
    await answerFrom(script, 2)
    expect([again.state, b.statuses.filter(({ type }) => type === 'refused')]).toEqual(['resolved', []])
  })

  test('an answer that never comes undoes nothing of the next one', async () => {
    const b = bench({ answerTimeout: 1_000 })
    const { script, again } = await reopened(b)
    await b.clock.advance(500)
    await answerFrom(script, 2)
    await b.clock.advance(1_000)
    expect([again.state, modesOf(script).filter((line) => line.startsWith('unset'))]).toEqual([
      'resolved',
      [],
    ])
  })
})

describe('a roster', () => {
  test.each([
    ['presence off and on', 'disablePresence'],
    ['its stream closed and opened', 'close'],
  ] as const)('with %s in one breath shows nobody who came up before and left meanwhile', async (_, end) => {
    const b = bench()
    const { script, news } = await unanswered(b, 'presence')
    const calls = [news[end]()]
    if (end === 'close') calls.push(news.open())
    calls.push(news.enablePresence('me'))
    const waiting = calls.map(watch)
    await flush()
    // On its way before the service heard of the end; that he leaves is told to nobody.
    script.up('news', 'him')
    expect([...news.present]).toEqual(['him'])
    const events: unknown[] = []
    news.on('presence', (event) => events.push(event))
    await answerFrom(script, 2)
    script.up('news', 'her')
    expect(waiting.map(({ state }) => state)).toEqual(calls.map(() => 'resolved'))
    expect([...news.present]).toEqual(['her'])
    expect(events).toEqual([{ kind: 'reset' }, { kind: 'up', userId: 'her' }])
  })

  test('that comes on the heels of the answers is all there', async () => {
    const b = bench()
    const { script, news } = await unanswered(b, 'presence')
    const calls = [news.disablePresence(), news.enablePresence('me')].map(watch)
    await flush()
    const [off, on] = script.commands.slice(2)
    script.up('news', 'ghost')
    script.answer(off!.handle)
    script.answer(on!.handle)
    script.up('news', 'her', 'him')
    await flush()
    expect([calls.map(({ state }) => state), [...news.present]]).toEqual([
      ['resolved', 'resolved'],
      ['her', 'him'],
    ])
  })
})

describe('a mode that is switched off while its token is made', () => {
  test('tells the callback, and switched on again asks for another at once', async () => {
    const asks: { signal: AbortSignal; give(token: string): void }[] = []
    const b = bench({
      token: ({ signal }) => new Promise<string>((give) => asks.push({ signal, give })),
    })
    const script = await b.obeyed()
    const news = await b.open()
    const first = rejection(news.enablePresence('me'))
    await flush()
    await news.disablePresence()
    const second = watch(news.enablePresence('me'))
    await flush()
    expect([(await first).code, asks.map(({ signal }) => signal.aborted)]).toEqual(['ABORTED', [true, false]])
    asks[0]!.give('first')
    asks[1]!.give('second')
    await flush()
    expect([second.state, script.lines.slice(1)]).toEqual(['resolved', ['set_mode presence news me second']])
  })

  test('tells the callback when its stream is closed, too', async () => {
    const signals: AbortSignal[] = []
    const b = bench({
      token: ({ signal }) => {
        signals.push(signal)
        return new Promise<string>(() => {})
      },
    })
    const script = await b.obeyed()
    const news = await b.open()
    const enabling = rejection(news.enableAuth())
    await flush()
    await news.close()
    expect([(await enabling).code, signals[0]!.aborted]).toEqual(['ABORTED', true])
    await b.clock.advance(60_000)
    expect(script.lines).toEqual(['subscribe news', 'unsubscribe news'])
  })
})
