// A signal that ends a wait: at once, while what has begun is brought to its end.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, held, SENDS } from '../support/tamar-ports.ts'

describe('a signal', () => {
  test.each(SENDS)('that has ended already lets nothing begin: %s', async (_, send) => {
    const b = bench()
    expect(await rejection(send(b, AbortSignal.abort(new Error('enough'))))).toMatchObject({
      code: 'ABORTED',
      cause: { message: 'enough' },
      details: { row: false },
    })
    expect([b.asked, b.clock.timers]).toEqual([[], 0])
  })

  for (const [name, send] of SENDS) {
    test(`ends ${name} during the number at once, and no row follows`, async () => {
      const b = bench()
      const [slow, abort] = [held(), new AbortController()]
      b.acts.incr = () => slow.promise
      const ended = rejection(send(b, abort.signal))
      await flush()
      abort.abort()
      expect(await ended).toMatchObject({ code: 'ABORTED', details: { row: false } })
      slow.resolve(1)
      await flush()
      expect([b.asked, b.errors]).toEqual([['incr'], []])
    })

    test(`ends ${name} during the row at once; the row is written and dispatched`, async () => {
      const b = bench()
      const [slow, abort] = [held(), new AbortController()]
      b.acts.insert = (act) => slow.promise.then(act)
      const ended = rejection(send(b, abort.signal))
      await flush()
      abort.abort()
      const error = await ended
      expect(error).toMatchObject({ code: 'ABORTED', retryable: false, details: { row: 'unknown' } })
      slow.resolve()
      await flush()
      expect([b.asked, b.errors]).toEqual([['incr', 'insert', 'publish'], []])
      expect((error.details as { messageId: string }).messageId).toBe(b.rows[0]!.id)
      expect([b.clock.timers, b.replies.waiting]).toEqual([0, false])
    })

    test(`ends ${name} during the dispatch at once; it is finished`, async () => {
      const b = bench()
      const [slow, abort] = [held(), new AbortController()]
      b.acts.publish = (act) => slow.promise.then(act)
      const ended = rejection(send(b, abort.signal))
      await flush()
      abort.abort()
      expect(await ended).toMatchObject({
        code: 'ABORTED',
        details: { messageId: b.rows[0]!.id, row: true },
      })
      slow.resolve()
      await flush()
      expect([b.out.length, b.errors, b.client.stats().dispatched]).toEqual([1, [], 1])
    })

    test.each(['insert', 'publish'] as const)(
      `that has ended the wait for ${name} leaves the failure of its %s to on("error")`,
      async (what) => {
        const b = bench()
        const [slow, abort] = [held(), new AbortController()]
        b.acts[what] = () => slow.promise
        const ended = rejection(send(b, abort.signal))
        await flush()
        abort.abort()
        const { details } = await ended
        slow.reject(new Error('out of order'))
        await flush()
        expect(b.errors).toMatchObject([
          {
            code: 'PROVIDER',
            cause: { message: 'out of order' },
            details: { ...(details as object), service: what === 'insert' ? 'store' : 'broker' },
          },
        ])
      },
    )

    test(`that has ended the wait for ${name} during the row leaves the failure of its dispatch to on("error")`, async () => {
      const b = bench()
      const [slow, abort] = [held(), new AbortController()]
      b.acts.insert = (act) => slow.promise.then(act)
      b.acts.publish = () => Promise.reject(new Error('out of order'))
      const ended = rejection(send(b, abort.signal))
      await flush()
      abort.abort()
      await ended
      slow.resolve()
      await flush()
      expect(b.errors).toMatchObject([
        {
          code: 'PROVIDER',
          cause: { message: 'out of order' },
          details: { service: 'broker', messageId: b.rows[0]!.id, row: true },
        },
      ])
    })
  }

  test('and a timeout end dispatch() and result()', async () => {
    const b = bench()
    b.acts.select = () => held().promise
    const abort = new AbortController()
    const waits = [
      rejection(b.client.dispatch('id', { signal: abort.signal })),
      rejection(b.client.result('id', { signal: abort.signal })),
      rejection(b.client.dispatch('id', { timeout: 10 })),
      rejection(b.client.result('id', { timeout: 10 })),
    ]
    await flush()
    abort.abort()
    await b.clock.advance(10)
    const codes = (await Promise.all(waits)).map(({ code }) => code)
    expect(codes).toEqual(['ABORTED', 'ABORTED', 'TIMEOUT', 'TIMEOUT'])
  })

  test('and a timeout end sendRealtime()', async () => {
    const b = bench()
    b.acts.realtime = () => held().promise
    const abort = new AbortController()
    const waits = [
      rejection(b.client.sendRealtime('u1', 1, { signal: abort.signal })),
      rejection(b.client.sendRealtime('u1', 1, { timeout: 10 })),
    ]
    await flush()
    abort.abort()
    await b.clock.advance(10)
    expect((await Promise.all(waits)).map(({ code }) => code)).toEqual(['ABORTED', 'TIMEOUT'])
  })

  test('that outlives a send has no listener of it left', async () => {
    const b = bench()
    const abort = new AbortController()
    let listeners = 0
    const { signal } = abort
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
    signal.addEventListener = (...given: unknown[]) => {
      listeners++
      add(...(given as Parameters<typeof add>))
    }
    signal.removeEventListener = (...given: unknown[]) => {
      listeners--
      remove(...(given as Parameters<typeof remove>))
    }
    for (const [, send] of SENDS) {
      const sent = send(b, signal)
      await flush()
      const { correlationId } = b.out.at(-1)!
      if (correlationId) b.replies.reply(correlationId, '1')
      await sent
    }
    expect(listeners).toBe(0)
  })
})
