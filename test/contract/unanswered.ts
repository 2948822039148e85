import { expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { benchOf, connected } from './harness.ts'
import type { ContractPlug } from './plug.ts'

/** Calls that are done once they were handed to the socket. */
export function unansweredCalls(plug: ContractPlug): void {
  const bench = benchOf(plug)

  test('a call is done when it was handed to the socket; each gets the next number', async () => {
    const b = bench()
    const server = await connected(b)
    for (const [at, text] of ['a', 'b', 'c'].entries()) {
      expect(await plug.call(b.client, text)).toBe(at + 1)
      expect(server.calls[at]).toBe(text)
    }
  })

  test('A8 · a call that was handed over before a drop is told as doubtful, and not sent again', async () => {
    const b = bench()
    const first = await connected(b)
    const numbers = [await plug.call(b.client, 'a'), await plug.call(b.client, 'b')]
    first.socket.drop()
    await flush()
    const waiting = plug.call(b.client, 'c')
    await b.redial()
    const second = await b.signIn()
    await waiting
    await b.clock.advance(5_000)
    expect([first.calls, second.calls]).toEqual([['a', 'b'], ['c']])
    const told = b.statuses.flatMap((status) => (status.type === 'doubtful' ? [status] : []))
    expect(told).toEqual([expect.objectContaining({ first: numbers[0], last: numbers[1] })])
  })

  test('A8 · a connection that is lost in the moment it opens gets what waits once, and leaves it in doubt', async () => {
    const b = bench()
    const waiting = plug.call(b.client, 'x', { timeout: 0 })
    await flush()
    const first = b.server
    first.accept()
    first.socket.drop()
    await b.redial()
    const second = await b.signIn()
    const number = await waiting
    expect([...first.calls, ...second.calls]).toEqual(['x'])
    const told = b.statuses.flatMap((status) => (status.type === 'doubtful' ? [status.first] : []))
    expect(told).toEqual(first.calls.map(() => number))
  })

  test('A8 · a socket that takes no more gets nothing: the call goes out on the next one, once', async () => {
    const b = bench()
    const first = await connected(b)
    first.socket.sendFails = new Error('I/O on behalf of a different request')
    const waiting = plug.call(b.client, 'x')
    await flush()
    await b.redial()
    const second = await b.signIn()
    await waiting
    expect([first.calls, second.calls]).toEqual([[], ['x']])
    expect(b.statuses.filter(({ type }) => type === 'doubtful')).toEqual([])
  })

  test('A15 · calls that wait are bounded; one more is QUEUE_FULL, and there is room when they are sent', async () => {
    const b = bench({ maxPending: 3 })
    const waiting = ['a', 'b', 'c'].map((text) => plug.call(b.client, text))
    await flush()
    for (const text of ['d', 'e']) {
      expect(await rejection(plug.call(b.client, text))).toMatchObject({
        code: 'QUEUE_FULL',
        retryable: true,
      })
    }
    const server = await b.signIn()
    await Promise.all(waiting)
    await plug.call(b.client, 'f')
    expect(server.calls).toEqual(['a', 'b', 'c', 'f'])
  })

  test('A15 · a call that ended while it waited leaves its place to another', async () => {
    const b = bench({ maxPending: 1 })
    const ended = rejection(plug.call(b.client, 'a', { timeout: 100 }))
    await b.clock.advance(100)
    expect(await ended).toMatchObject({ code: 'TIMEOUT' })
    const waiting = plug.call(b.client, 'b')
    const server = await b.signIn()
    await waiting
    expect(server.calls).toEqual(['b'])
  })
}
