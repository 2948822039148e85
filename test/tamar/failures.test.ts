// What is said when a step fails: which of the three it was, whether a row exists, and what to do.
import { IsomqError } from 'isomq/tamar'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { type Asked, bench, held, SENDS, UUID } from '../support/tamar-ports.ts'

type Row = boolean | 'unknown'

const STEPS: readonly (readonly [what: Asked, service: string, row: Row, text: RegExp])[] = [
  ['incr', 'redis', false, /nothing was written and nothing sent/],
  ['insert', 'store', 'unknown', /did not confirm the row; dispatch\(messageId\) sends it if it exists/],
  ['publish', 'broker', true, /the row exists, but .* call dispatch\(messageId\), do not send again/],
]

const WAYS: readonly (readonly [string, () => unknown])[] = [
  ['rejects', () => Promise.reject(new Error('out of order'))],
  [
    'throws at once',
    () => {
      throw new Error('out of order')
    },
  ],
  ['rejects with a text', () => Promise.reject('out of order')],
]

const ALL = SENDS.flatMap(([name, send]) => STEPS.map(([...step]) => [name, ...step, send] as const))

/** The id that an error may name: of the row that was written, or would have been. */
const idOf = (row: Row) => (row === false ? undefined : expect.stringMatching(UUID))
describe('a step that fails', () => {
  for (const [how, act] of WAYS) {
    test.each(ALL)(`and ${how}: %s, %s`, async (_, what, service, row, text, send) => {
      const b = bench()
      b.acts[what] = act
      const error = await rejection(send(b))
      expect(error).toMatchObject({
        name: 'IsomqError',
        code: 'PROVIDER',
        retryable: false,
        details: { service, row },
        message: expect.stringMatching(text),
        cause: { message: 'out of order' },
      })
      expect((error.details as { messageId?: string }).messageId).toEqual(idOf(row))
      await flush()
      expect(b.errors).toEqual([])
      expect(b.clock.timers).toBe(0)
    })
  }

  test.each(ALL)('hangs, and is given up: %s, %s', async (_, what, service, row, text, send) => {
    const b = bench({ stepTimeout: 5_000 })
    let signal: AbortSignal | undefined
    b.acts[what] = () => {
      signal = b.limits.at(-1)!.signal
      return held().promise
    }
    const failed = rejection(send(b))
    await b.clock.advance(5_099)
    expect(signal?.aborted).toBe(what === 'publish' ? undefined : false)
    await b.clock.advance(1)
    const error = await failed
    expect(error).toMatchObject({
      code: 'PROVIDER',
      details: { service, row, code: 'TIMEOUT' },
      message: expect.stringMatching(text),
      cause: { code: 'TIMEOUT' },
      // With a row, or perhaps one, a second call would make a second row.
      retryable: row === false,
    })
    expect([signal?.aborted ?? true, b.clock.timers, b.errors]).toEqual([true, 0, []])
  })

  test('and of which the driver knows why it took too long tells that', async () => {
    const b = bench({ stepTimeout: 5_000 })
    const why = new IsomqError('tamar', 'TIMEOUT', 'no connection within 5000 ms', {
      cause: new Error('connect ECONNREFUSED'),
    })
    b.acts.publish = () => new Promise((_, reject) => b.clock.setTimeout(() => reject(why), 5_020))
    const failed = rejection(b.client.sendReliable('u1', 1))
    await b.clock.advance(5_020)
    expect(await failed).toMatchObject({ code: 'PROVIDER', retryable: false, cause: why })
  })

  test('hangs for as long as it likes where there is no limit', async () => {
    const b = bench({ stepTimeout: 0 })
    const slow = held()
    b.acts.incr = () => slow.promise
    const sent = b.client.sendReliable('u1', 1)
    await b.clock.advance(10_000_000)
    slow.resolve(1)
    expect(await sent).toMatch(UUID)
  })

  test('answers too late, and nothing comes of it', async () => {
    const b = bench({ stepTimeout: 1_000 })
    const slow = held()
    b.acts.incr = () => slow.promise
    const failed = rejection(b.client.sendReliable('u1', 1))
    await b.clock.advance(1_100)
    await failed
    slow.resolve(1)
    await flush()
    expect([b.asked, b.errors]).toEqual([['incr'], []])
  })

  test.each([undefined, null, '', 'abc', '-1', 1.5, Number.NaN, 1e21, {}, [], '12345678901234567890', '１'])(
    'and answers INCR with %j',
    async (given) => {
      const b = bench()
      b.acts.incr = () => Promise.resolve(given)
      expect(await rejection(b.client.sendReliable('u1', 1))).toMatchObject({
        code: 'PROVIDER',
        details: { service: 'redis', row: false, code: 'PROTOCOL' },
        cause: { code: 'PROTOCOL' },
      })
      expect(b.rows).toEqual([])
    },
  )

  test.each([undefined, null, {}, 'rows', 5])('and answers SELECT with %j', async (given) => {
    const b = bench()
    b.acts.select = () => Promise.resolve(given)
    const expected = { code: 'PROVIDER', details: { service: 'store', code: 'PROTOCOL' } }
    expect(await rejection(b.client.result('id'))).toMatchObject(expected)
    expect(await rejection(b.client.dispatch('id'))).toMatchObject(expected)
  })

  test('takes over what the driver knows: a row that is not there, and that it may be tried again', async () => {
    const b = bench()
    const cause = new IsomqError('tamar', 'CONNECT_FAILED', 'no route', { details: { row: false } })
    b.acts.insert = () => Promise.reject(cause)
    const error = await rejection(b.client.sendReliable('u1', 1))
    expect(error).toMatchObject({
      code: 'PROVIDER',
      cause,
      retryable: true,
      message: expect.stringContaining('did not take the row, so nothing was sent'),
      details: { service: 'store', code: 'CONNECT_FAILED', row: false },
    })
  })

  test('is not believed about a row that is there', async () => {
    const b = bench()
    const cause = new IsomqError('tamar', 'CONNECT_FAILED', 'no route', { details: { row: false } })
    b.acts.publish = () => Promise.reject(cause)
    expect(await rejection(b.client.sendReliable('u1', 1))).toMatchObject({
      details: { row: true },
      retryable: false,
    })
  })
})
test('a realtime message that fails names Redis, and no row', async () => {
  const b = bench()
  b.acts.realtime = () => Promise.reject(new Error('out of order'))
  expect(await rejection(b.client.sendRealtime('u1', 1))).toMatchObject({
    code: 'PROVIDER',
    details: { service: 'redis', row: false },
  })
  expect(b.client.stats().realtime).toBe(0)
})
describe('after a failed dispatch', () => {
  test('dispatch() sends the row, and there is one row', async () => {
    const b = bench()
    b.acts.publish = () => Promise.reject(new Error('out of order'))
    const { details } = await rejection(b.client.sendReliable('u1', 1))
    delete b.acts.publish
    const { messageId } = details as { messageId: string }
    await b.client.dispatch(messageId)
    expect(b.out).toEqual([{ body: `{"message_id": "${messageId}"}` }])
    expect(b.rows).toHaveLength(1)
  })

  test('dispatch() that fails again may be called again', async () => {
    const b = bench()
    const id = await b.client.sendReliable('u1', 1)
    b.acts.publish = () => Promise.reject(new IsomqError('tamar', 'CONNECT_FAILED', 'no route'))
    expect(await rejection(b.client.dispatch(id))).toMatchObject({
      code: 'PROVIDER',
      retryable: true,
      details: { service: 'broker', messageId: id, row: true },
    })
  })

  test('dispatch() that cannot read the row does not claim that there is one', async () => {
    const b = bench()
    const id = await b.client.sendReliable('u1', 1)
    b.acts.select = () => Promise.reject(new IsomqError('tamar', 'CONNECT_FAILED', 'no route'))
    expect(await rejection(b.client.dispatch(id))).toMatchObject({
      code: 'PROVIDER',
      retryable: true,
      details: { service: 'store', messageId: id, row: 'unknown' },
    })
  })
})
