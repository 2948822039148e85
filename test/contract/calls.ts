import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { acksOf, benchOf, connected, end } from './harness.ts'
import type { ContractPlug } from './plug.ts'
import { unansweredCalls } from './unanswered.ts'

export function calls(plug: ContractPlug): void {
  describe('calls', () => {
    everyCall(plug)
    if (plug.traits.answers) answeredCalls(plug)
    else unansweredCalls(plug)
    if (plug.traits.messages) asking(plug)
  })
}

function everyCall(plug: ContractPlug): void {
  const bench = benchOf(plug)

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

  test('a call that waits for a connection ends by its signal, and is then not sent any more', async () => {
    const b = bench()
    const abort = new AbortController()
    const waiting = rejection(plug.call(b.client, 'x', { signal: abort.signal }))
    await flush()
    abort.abort('enough')
    expect(await waiting).toMatchObject({ code: 'ABORTED', cause: 'enough' })
    const server = await connected(b)
    await flush()
    expect(server.calls).toEqual([])
  })

  test('a call is patient by itself, but not for ever', async () => {
    const b = bench()
    const first = await connected(b)
    first.socket.drop()
    b.network.onDial = (socket) => queueMicrotask(() => socket.drop())
    let ended: unknown
    plug.call(b.client, 'x').catch((error) => {
      ended = error
    })
    await b.clock.advance(29_000)
    expect(ended).toBeUndefined()
    await b.clock.advance(1_000)
    expect(ended).toMatchObject({ code: 'TIMEOUT' })
  })

  test('A8 · calls not yet sent go out exactly once and in order, on the next session', async () => {
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

  test('A8 · calls that wait over several failed attempts go out once, when there is a connection', async () => {
    const b = bench()
    const waiting = ['a', 'b'].map((text) => plug.call(b.client, text, { timeout: 0 }))
    for (let attempt = 0; attempt < 3; attempt++) {
      await flush()
      b.network.last.drop()
      await flush()
      await b.redial()
    }
    const server = await b.signIn()
    for (const text of ['a', 'b']) server.answer(text)
    await Promise.all(waiting)
    await b.clock.advance(5_000)
    expect(server.calls).toEqual(['a', 'b'])
  })
}

function answeredCalls(plug: ContractPlug): void {
  const bench = benchOf(plug)

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
    await end(b.client, b.clock)
    expect(await sent).toMatchObject({ code: 'CONNECTION_LOST', cause: { code: 'CLOSED' } })
  })

  if (plug.traits.drains) {
    test('a call that was sent gets its answer while the client closes, and no other is taken', async () => {
      const b = bench()
      const server = await connected(b)
      const sent = plug.call(b.client, 'x')
      await flush()
      const closed = b.client.close()
      expect(await rejection(plug.call(b.client, 'y'))).toMatchObject({ code: 'CLOSED' })
      server.answer('x')
      await sent
      // No timer has to fire for it.
      await closed
      expect([server.calls, b.client.state]).toEqual([['x'], 'closed'])
    })

    test('a call that loses its connection while the client closes rejects, and is not sent again', async () => {
      const b = bench()
      const server = await connected(b)
      const sent = rejection(plug.call(b.client, 'x'))
      await flush()
      const closed = b.client.close()
      server.socket.drop()
      expect(await sent).toMatchObject({ code: 'CONNECTION_LOST' })
      await closed
      expect([b.network.sockets.length, b.client.state]).toEqual([1, 'closed'])
    })
  }

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
    await end(b.client, b.clock)
    expect((await Promise.all(waiting)).map(({ code }) => code)).toEqual(Array(3).fill('CONNECTION_LOST'))
  })
}

function asking(plug: ContractPlug): void {
  const bench = benchOf(plug)
  const { handshake } = plug.traits
  const acked = acksOf(plug)

  test('A15 · sign-ins, acks and requests of an old session are never replayed on a new one', async () => {
    const b = bench()
    b.client.on('message', () => {})
    const first = await connected(b)
    first.deliver(1)
    await b.clock.advance(plug.asksAfter)
    expect([first.signIns.length, first.acked, first.asks]).toEqual([1, acked('1'), 1])
    first.socket.drop()
    await flush()
    await b.redial()
    const second = await b.signIn()
    const asked = plug.asksAfter > 0 ? 0 : 1
    const frames = (handshake ? 1 : 0) + asked
    expect([second.signIns.length, second.asks, second.frames]).toEqual([1, asked, frames])
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
}
