import { describe, expect, test } from 'vitest'
import { IsomqError } from '../../src/core/errors.ts'
import { createPending } from '../../src/core/pending.ts'
import { wait } from '../../src/core/wait.ts'
import { FakeClock } from '../support/clock.ts'
import { rejection } from '../support/events.ts'

describe('wait', () => {
  const clock = new FakeClock()
  const waiting = { provider: 'tmc', clock, what: 'answer', why: () => 'the last failure' } as const

  test('says which ended it, and undoes what it began, once', async () => {
    const undone: string[] = []
    const start = (name: string) => () => () => void undone.push(name)
    const abort = new AbortController()
    const bySignal = rejection(wait({ signal: abort.signal }, waiting, start('signal')))
    const byTime = rejection(wait({ timeout: 50 }, waiting, start('time')))
    abort.abort('reason')
    await clock.advance(50)
    expect(await bySignal).toMatchObject({ code: 'ABORTED', cause: 'reason' })
    expect(await byTime).toMatchObject({
      code: 'TIMEOUT',
      cause: 'the last failure',
      message: 'tmc: no answer within 50 ms',
    })
    expect([undone, clock.timers]).toEqual([['signal', 'time'], 0])
  })

  test('hands on why a signal ended only when that is of its own client', async () => {
    const closed = new IsomqError('tmc', 'CLOSED', 'the client is closed')
    expect(await rejection(wait({ signal: AbortSignal.abort(closed) }, waiting, () => undefined))).toBe(
      closed,
    )
    for (const reason of [
      new IsomqError('prism', 'CLOSED', 'another client is closed'),
      new IsomqError('tmc', 'PROVIDER', 'another call failed', { details: { id: 1 } }),
    ]) {
      const error = await rejection(wait({ signal: AbortSignal.abort(reason) }, waiting, () => undefined))
      expect(error).toMatchObject({ code: 'ABORTED', provider: 'tmc', cause: reason, details: {} })
    }
  })

  test.each([{}, 'now', 5, true])('takes no signal that is %j', async (signal) => {
    const error = await rejection(wait({ signal: signal as never }, waiting, () => undefined))
    expect(error).toMatchObject({ code: 'CONFIG', message: expect.stringContaining('"signal"') })
  })

  test('shares one listener among a thousand waits for one signal, and leaves none', async () => {
    const abort = new AbortController()
    const { signal } = abort
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      listeners++
      add(...given)
    }
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      listeners--
      remove(...given)
    }
    const waits = Array.from({ length: 1_000 }, () =>
      wait<number>({ signal }, waiting, (resolve) => {
        queueMicrotask(() => resolve(7))
        return undefined
      }),
    )
    expect(listeners).toBe(1)
    await Promise.all(waits)
    expect(listeners).toBe(0)
    const ended = Array.from({ length: 1_000 }, () => rejection(wait({ signal }, waiting, () => undefined)))
    expect(listeners).toBe(1)
    abort.abort()
    expect((await Promise.all(ended)).every((error) => (error as { code?: string }).code === 'ABORTED')).toBe(
      true,
    )
    expect(listeners).toBe(0)
  })

  test('undoes what settles while it begins', async () => {
    let undone = 0
    expect(
      await wait<number>({ timeout: 50 }, waiting, (resolve) => {
        resolve(7)
        return () => void undone++
      }),
    ).toBe(7)
    expect([undone, clock.timers]).toEqual([1, 0])
  })

  test('does not begin when its signal has ended, and has no limit with timeout 0', async () => {
    let begun = 0
    const begin = () => void begun++ as undefined
    expect(await rejection(wait({ signal: AbortSignal.abort() }, waiting, begin))).toMatchObject({
      code: 'ABORTED',
    })
    expect(begun).toBe(0)
    wait({ timeout: 0 }, waiting, begin)
    expect([begun, clock.timers]).toEqual([1, 0])
  })
})

describe('pending requests', () => {
  test('settle by key, once; nobody waits for the rest', async () => {
    const pending = createPending<number, string>('tmc', new FakeClock())
    const one = pending.add(1, 'answer', {}, () => {})
    const two = rejection(pending.add(2, 'answer', {}, () => {}))
    expect([pending.settle(1, 'x'), pending.settle(1, 'y'), pending.settle(3, 'z')]).toEqual([
      true,
      false,
      false,
    ])
    expect(pending.settle(2, new Error('no'))).toBe(true)
    expect([await one, (await two).message, pending.size]).toEqual(['x', 'no', 0])
  })

  test('are bounded, and one that cannot be sent leaves nothing behind', async () => {
    const pending = createPending<number, string>('tmc', new FakeClock(), 1)
    const failed = pending.add(1, 'answer', {}, () => {
      throw new Error('not sent')
    })
    expect((await rejection(failed)).message).toBe('not sent')
    pending.add(2, 'answer', {}, () => {}).catch(() => {})
    let sent = false
    const more = pending.add(3, 'answer', {}, () => {
      sent = true
    })
    expect(await rejection(more)).toMatchObject({ code: 'QUEUE_FULL' })
    expect([sent, pending.size]).toEqual([false, 1])
    pending.rejectAll(new Error('gone'))
    expect(pending.size).toBe(0)
  })
})
