import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { benchOf, connected } from './harness.ts'
import type { ContractPlug } from './plug.ts'

export function calls(plug: ContractPlug): void {
  const bench = benchOf(plug)

  describe('calls that wait for an answer', () => {
    test('answers find their calls in any order, and unknown answers nobody', async () => {
      const b = bench()
      const server = await connected(b)
      const done: string[] = []
      const all = ['a', 'b', 'c'].map((text) => plug.call(b.client, text).then(() => done.push(text)))
      await flush()
      for (const text of ['c', 'a', 'a', 'b']) {
        server.answer(text)
        await flush()
      }
      await Promise.all(all)
      expect(done).toEqual(['c', 'a', 'b'])
      expect(b.errors).toEqual([])
    })

    test('a call ends by its signal or its timeout, says which, and a late answer is ignored', async () => {
      const b = bench()
      const server = await connected(b)
      const abort = new AbortController()
      const bySignal = rejection(plug.call(b.client, 'x', { signal: abort.signal }))
      await flush()
      abort.abort('enough')
      expect(await bySignal).toMatchObject({ code: 'ABORTED', cause: 'enough' })
      const byTime = rejection(plug.call(b.client, 'y', { timeout: 300 }))
      await b.clock.advance(300)
      expect(await byTime).toMatchObject({ code: 'TIMEOUT', retryable: true })
      server.answer('x')
      server.answer('y')
      await flush()
      expect([b.client.state, b.errors]).toEqual(['open', []])
    })

    test('a call whose signal has ended already sends nothing', async () => {
      const b = bench()
      const server = await connected(b)
      const error = await rejection(plug.call(b.client, 'x', { signal: AbortSignal.abort() }))
      expect([error.code, server.calls]).toEqual(['ABORTED', []])
    })

    test('a call that waits for a connection ends by its timeout, and is then not sent any more', async () => {
      const b = bench()
      const waiting = rejection(plug.call(b.client, 'x', { timeout: 300 }))
      await b.clock.advance(300)
      expect(await waiting).toMatchObject({ code: 'TIMEOUT' })
      const server = await b.signIn()
      await flush()
      expect(server.calls).toEqual([])
    })

    test('A8 · a call that was sent rejects at once with CONNECTION_LOST, and is not sent again', async () => {
      const b = bench()
      const first = await connected(b)
      const sent = rejection(plug.call(b.client, 'sent'))
      await flush()
      first.socket.drop()
      expect(await sent).toMatchObject({ code: 'CONNECTION_LOST' })
      await b.redial()
      const second = await b.signIn()
      await b.clock.advance(5_000)
      expect([first.calls, second.calls]).toEqual([['sent'], []])
    })

    test('A8 · calls not yet sent go out exactly once, on the next session', async () => {
      const b = bench()
      const first = await connected(b)
      first.socket.drop()
      await flush()
      const waiting = ['a', 'b', 'c'].map((text) => plug.call(b.client, text))
      await b.redial()
      const second = await b.signIn()
      for (const text of ['a', 'b', 'c']) second.answer(text)
      await Promise.all(waiting)
      second.socket.drop()
      await b.redial()
      const third = await b.signIn()
      expect([first.calls, second.calls, third.calls]).toEqual([[], ['a', 'b', 'c'], []])
    })

    test('A8 · a connection that is lost in the moment it opens does not fail what was not sent', async () => {
      const b = bench()
      const waiting = plug.call(b.client, 'x', { timeout: 0 })
      await flush()
      const first = b.server
      first.accept()
      first.socket.drop()
      await b.redial()
      const second = await b.signIn()
      second.answer('x')
      await waiting
      expect([first.calls, second.calls]).toEqual([[], ['x']])
    })

    test('A8 · a call that was sent when the client is closed rejects', async () => {
      const b = bench()
      await connected(b)
      const sent = rejection(plug.call(b.client, 'x'))
      await flush()
      await b.client.close()
      expect(await sent).toMatchObject({ code: 'CONNECTION_LOST', cause: { code: 'CLOSED' } })
    })

    test('A15 · calls under way are bounded; one more is QUEUE_FULL, connected or not', async () => {
      const b = bench({ maxPending: 3 })
      const waiting = ['a', 'b', 'c'].map((text) => rejection(plug.call(b.client, text)))
      await flush()
      expect(await rejection(plug.call(b.client, 'd'))).toMatchObject({
        code: 'QUEUE_FULL',
        retryable: true,
      })
      const server = await b.signIn()
      expect(await rejection(plug.call(b.client, 'd'))).toMatchObject({ code: 'QUEUE_FULL' })
      expect(server.calls).toEqual(['a', 'b', 'c'])
      await b.client.close()
      expect((await Promise.all(waiting)).map(({ code }) => code)).toEqual(Array(3).fill('CONNECTION_LOST'))
    })

    test('A15 · sign-ins, acks and requests of an old session are never replayed on a new one', async () => {
      const b = bench()
      b.client.on('message', () => {})
      const first = await connected(b)
      first.deliver(1)
      await b.clock.advance(plug.asksAfter)
      expect([first.signIns.length, first.acked, first.asks]).toEqual([1, ['1'], 1])
      first.socket.drop()
      await flush()
      await b.redial()
      const second = await b.signIn()
      expect([second.signIns.length, second.frames]).toEqual([1, 1])
    })

    test('A14 · three drops: what the user asked for is asked for once per session', async () => {
      const b = bench()
      b.client.on('message', () => {})
      let server = await connected(b)
      for (let drop = 0; drop < 3; drop++) {
        await b.clock.advance(plug.asksAfter)
        expect([server.signIns.length, server.asks]).toEqual([1, 1])
        server.socket.drop()
        await flush()
        await b.redial()
        server = await b.signIn()
      }
      await b.clock.advance(plug.asksAfter)
      expect(server.asks).toBe(1)
    })
  })
}
