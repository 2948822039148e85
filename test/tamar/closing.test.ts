// The way in and out of a client: connect() and close().
import type { createTamarClient } from 'isomq/tamar'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, held } from '../support/tamar-ports.ts'

const calls = (client: ReturnType<typeof createTamarClient>) => [
  () => client.sendRealtime('u1', 1),
  () => client.sendReliable('u1', 1),
  () => client.sendCommand('u1', { type: 'x' }),
  () => client.dispatch('id'),
  () => client.result('id'),
]
describe('a client that is made', () => {
  test('asks nothing of anybody', async () => {
    const b = bench()
    await flush()
    expect([b.asked, b.clock.timers]).toEqual([[], 0])
  })

  test('has its own listener at the broker', () => {
    expect(bench().replies.waiting).toBe(false)
  })
})
describe('connect()', () => {
  test('opens the broker, and nothing where there is nothing to open', async () => {
    const b = bench()
    await b.client.connect()
    expect(b.asked).toEqual(['connect'])
    const { client } = bench({ broker: { publish: async () => 1, listen() {}, close: async () => 1 } })
    await client.connect()
  })

  test('that fails says so, with the reason', async () => {
    const b = bench()
    const cause = new Error('no route')
    b.acts.connect = () => Promise.reject(cause)
    expect(await rejection(b.client.connect())).toMatchObject({
      code: 'PROVIDER',
      cause,
      details: { service: 'broker' },
    })
  })

  test('ends with the signal and with the timeout, whatever the broker does', async () => {
    const b = bench()
    b.acts.connect = () => held().promise
    const abort = new AbortController()
    const first = rejection(b.client.connect({ signal: abort.signal }))
    const second = rejection(b.client.connect({ timeout: 500 }))
    await flush()
    abort.abort()
    expect(await first).toMatchObject({ code: 'ABORTED' })
    await b.clock.advance(600)
    expect(await second).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('500 ms') })
    expect(await rejection(b.client.connect({ signal: abort.signal }))).toMatchObject({ code: 'ABORTED' })
  })

  test('takes longer than a step may where the caller says so', async () => {
    const b = bench({ stepTimeout: 1_000 })
    const broker = held()
    b.acts.connect = () => broker.promise
    const connected = b.client.connect({ timeout: 60_000 })
    await b.clock.advance(50_000)
    broker.resolve()
    await connected
  })
})
describe('close()', () => {
  test('closes the broker once, however often it is called', async () => {
    const b = bench()
    await Promise.all([b.client.close(), b.client.close()])
    await b.client[Symbol.asyncDispose]()
    expect(b.asked.filter((what) => what === 'close').length).toBeGreaterThan(0)
  })

  test('refuses what comes afterwards with CLOSED', async () => {
    const b = bench()
    await b.client.close()
    for (const call of calls(b.client)) expect(await rejection(call())).toMatchObject({ code: 'CLOSED' })
    expect(b.asked).toEqual(['close'])
  })

  test('refuses what comes in the meantime, too', async () => {
    const b = bench()
    const slow = held()
    b.acts.insert = async (act) => {
      await slow.promise
      return act()
    }
    const sent = b.client.sendReliable('u1', 1)
    await flush()
    const closed = b.client.close()
    for (const call of calls(b.client)) expect(await rejection(call())).toMatchObject({ code: 'CLOSED' })
    expect(await rejection(b.client.connect())).toMatchObject({ code: 'CLOSED' })
    slow.resolve()
    await Promise.all([sent, closed])
  })

  test('lets what is on its way come to its end, dispatch included', async () => {
    const b = bench()
    const slow = held()
    b.acts.insert = async (act) => {
      await slow.promise
      return act()
    }
    const sent = b.client.sendReliable('u1', 1)
    await flush()
    const closed = b.client.close()
    await flush()
    expect(b.asked).not.toContain('close')
    slow.resolve()
    expect(await sent).toBe(b.rows[0]!.id)
    await closed
    expect(b.asked).toEqual(['incr', 'insert', 'publish', 'close'])
  })

  test('ends the waits for answers with CLOSED and the message id', async () => {
    const b = bench()
    const sent = rejection(b.client.sendCommand('u1', { type: 'x' }))
    await flush()
    await b.client.close()
    expect(await sent).toMatchObject({
      code: 'CLOSED',
      details: { messageId: b.rows[0]!.id, row: true },
    })
    expect(b.clock.timers).toBe(0)
  })

  test.each([
    ['incr', false],
    ['insert', 'unknown'],
    ['publish', true],
  ] as const)('gives up a send whose %s never answers, and says what it left', async (what, row) => {
    const b = bench({ stepTimeout: 0 })
    b.acts[what] = () => held().promise
    const sent = rejection(b.client.sendReliable('u1', 1))
    await flush()
    const closed = b.client.close({ timeout: 100 })
    await b.clock.advance(100)
    await closed
    expect(await sent).toMatchObject({ code: 'CLOSED', retryable: false, details: { row } })
    expect(b.clock.timers).toBe(0)
  })

  test('ends what only reads, at once', async () => {
    const b = bench({ stepTimeout: 0 })
    b.acts.select = () => held().promise
    const reading = rejection(b.client.result('id'))
    await flush()
    await b.client.close()
    expect(await reading).toMatchObject({ code: 'CLOSED' })
  })

  test('ends a connect() that waits', async () => {
    const b = bench({ stepTimeout: 0 })
    b.acts.connect = () => held().promise
    const connecting = rejection(b.client.connect())
    await flush()
    await b.client.close()
    expect(await connecting).toMatchObject({ code: 'CLOSED' })
  })

  test.each([
    ['rejects', () => Promise.reject(new Error('it is stuck'))],
    [
      'throws',
      () => {
        throw new Error('it is stuck')
      },
    ],
  ])('of a broker that %s is told by on("error"), and the client is closed', async (_, act) => {
    const b = bench()
    b.acts.close = act
    await b.client.close()
    expect(b.errors).toMatchObject([
      { code: 'PROVIDER', details: { service: 'broker' }, cause: { message: 'it is stuck' } },
    ])
    expect(await rejection(b.client.sendRealtime('u1', 1))).toMatchObject({ code: 'CLOSED' })
  })

  test('of a broker that never ends takes five seconds, or as long as a step may', async () => {
    for (const [stepTimeout, takes] of [
      [0, 5_000],
      [1_000, 1_000],
      [30_000, 5_000],
    ] as const) {
      const b = bench({ stepTimeout })
      b.acts.close = () => held().promise
      const closed = b.client.close()
      await b.clock.advance(takes + 100)
      await closed
      expect(b.errors).toMatchObject([{ code: 'PROVIDER', details: { service: 'broker' } }])
    }
  })

  test('is undone by connect()', async () => {
    const b = bench()
    await b.client.close()
    await b.client.connect()
    const sent = b.client.sendCommand('u1', { type: 'x' })
    await flush()
    b.replies.reply(b.out[0]!.correlationId!, '5')
    expect(await sent).toBe(5)
  })

  test('ends with the block that `await using` stands in', async () => {
    const b = bench()
    {
      await using client = b.client
      await client.sendRealtime('u1', 1)
    }
    expect(b.asked).toEqual(['realtime', 'close'])
  })
})
