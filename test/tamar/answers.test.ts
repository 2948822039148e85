// The answers to commands: which of them belongs to whom, and when there is none.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { seeded } from '../support/random.ts'
import { bench, command, held } from '../support/tamar-ports.ts'

describe('an answer', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['0', 0],
    ['""', ''],
    ['[1,{"a":"ü"}]', [1, { a: 'ü' }]],
    [' {"__proto__":1} ', JSON.parse('{"__proto__":1}')],
  ])('of %s is what the call gives', async (body, expected) => {
    const b = bench()
    const { answer, id } = await command(b)
    b.replies.reply(id, body)
    expect(await answer).toEqual(expected)
  })

  test.each(['', 'yes', '{"a":1', '{"a":1}x', 'undefined', '\ufeff1'])(
    'of %j fails its call, and no other',
    async (body) => {
      const b = bench()
      const [one, two] = [await command(b), await command(b)]
      b.replies.reply(one.id, body)
      expect(await rejection(one.answer)).toMatchObject({
        code: 'PROTOCOL',
        retryable: false,
        details: { messageId: one.row.id, row: true },
      })
      b.replies.reply(two.id, '2')
      expect(await two.answer).toBe(2)
    },
  )

  test('that is doubled, late or of a stranger is counted and dropped', async () => {
    const b = bench()
    const { answer, id, row } = await command(b, { timeout: 1_000 })
    b.replies.reply(id, '1')
    b.replies.reply(id, '2')
    expect(await answer).toBe(1)
    b.replies.reply(id, '3')
    const late = await command(b, { timeout: 1_000 })
    await b.clock.advance(1_000)
    await rejection(late.answer)
    b.replies.reply(late.id, '4')
    for (const stranger of ['', 'nobody', row.id, '__proto__', 'constructor']) b.replies.reply(stranger, '5')
    expect(b.client.stats()).toMatchObject({ answered: 1, unclaimed: 8, waiting: 0 })
    expect(b.records.filter(({ event }) => event === 'unclaimed')).toHaveLength(8)
    expect(b.errors).toEqual([])
  })

  test('may come before RabbitMQ has confirmed the dispatch', async () => {
    const b = bench()
    const slow = held()
    b.acts.publish = (act) => slow.promise.then(act)
    const { answer, id } = await command(b)
    b.replies.reply(id, '1')
    expect(await answer).toBe(1)
    slow.resolve()
    await flush()
    expect(b.client.stats()).toMatchObject({ answered: 1, dispatched: 1 })
  })

  test('that came makes it no matter that the confirmation never does', async () => {
    const b = bench()
    const slow = held()
    b.acts.publish = () => slow.promise
    const { answer, id } = await command(b)
    b.replies.reply(id, '1')
    expect(await answer).toBe(1)
    slow.reject(new Error('never confirmed'))
    await flush()
    expect(b.errors).toEqual([])
  })

  test('is not waited for when the dispatch failed', async () => {
    const b = bench()
    b.acts.publish = () => Promise.reject(new Error('out of order'))
    const { answer, row } = await command(b)
    expect(await rejection(answer)).toMatchObject({
      code: 'PROVIDER',
      details: { service: 'broker', messageId: row.id, row: true },
    })
    expect([b.replies.waiting, b.clock.timers]).toEqual([false, 0])
  })

  test('to each of 3,000 commands in flight finds its own, in any order', async () => {
    const b = bench()
    const total = 3_000
    const answers = Array.from({ length: total }, (_, i) => b.client.sendCommand('u', { type: 'x', data: i }))
    await flush()
    expect(b.client.stats().waiting).toBe(total)
    const random = seeded(3)
    const shuffled = b.rows.map((row) => ({ row, at: random() })).sort((x, y) => x.at - y.at)
    for (const { row } of shuffled) {
      b.replies.reply(row.commandRequestId!, `{"of":${JSON.parse(row.payload).data}}`)
    }
    const given = await Promise.all(answers)
    expect(given).toEqual(Array.from({ length: total }, (_, i) => ({ of: i })))
    expect(b.client.stats()).toMatchObject({ answered: total, unclaimed: 0, waiting: 0 })
    expect(b.clock.timers).toBe(0)
  })
})
describe('without an answer', () => {
  test('the call ends with TIMEOUT, the id, and the row', async () => {
    const b = bench()
    const { answer, row } = await command(b, { timeout: 90_000 })
    await b.clock.advance(89_999)
    expect(b.client.stats().waiting).toBe(1)
    await b.clock.advance(1)
    expect(await rejection(answer)).toMatchObject({
      code: 'TIMEOUT',
      retryable: false,
      details: { messageId: row.id, row: true },
    })
    expect([b.clock.timers, b.client.stats().waiting]).toEqual([0, 0])
  })

  test('the TIMEOUT names the time that was given, of which the row took some', async () => {
    const b = bench()
    b.acts.insert = (act) => new Promise((resolve) => b.clock.setTimeout(() => resolve(act()), 250))
    const answer = rejection(b.client.sendCommand('u', { type: 'x', timeout: 5_000 }))
    await b.clock.advance(4_999)
    expect(b.client.stats().waiting).toBe(1)
    await b.clock.advance(1)
    expect(await answer).toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('within 5000 ms'),
    })
  })

  test('a last look at the table finds what came nowhere else', async () => {
    const b = bench({ lookEvery: 0 })
    const { answer, row } = await command(b, { timeout: 5_000 })
    b.store(row, '"found"')
    await b.clock.advance(5_000)
    expect(await answer).toBe('found')
    expect(b.client.stats()).toMatchObject({ found: 1, answered: 1 })
  })

  test('a last look that fails changes nothing of the TIMEOUT', async () => {
    const b = bench({ lookEvery: 0 })
    b.acts.select = () => Promise.reject(new Error('out of order'))
    const { answer } = await command(b, { timeout: 5_000 })
    await b.clock.advance(5_000)
    expect(await rejection(answer)).toMatchObject({ code: 'TIMEOUT' })
  })

  test('a last look ends with the signal, as any wait', async () => {
    const b = bench({ lookEvery: 0 })
    const abort = new AbortController()
    b.acts.select = () => held().promise
    const { answer } = await command(b, { timeout: 5_000, signal: abort.signal })
    await b.clock.advance(5_000)
    abort.abort()
    expect(await rejection(answer)).toMatchObject({ code: 'ABORTED' })
  })

  test('an answer that comes during the last look counts', async () => {
    const b = bench({ lookEvery: 0 })
    const slow = held()
    b.acts.select = () => slow.promise
    const { answer, id } = await command(b, { timeout: 5_000 })
    await b.clock.advance(5_000)
    b.replies.reply(id, '"just in time"')
    expect(await answer).toBe('just in time')
    slow.resolve([])
    await flush()
  })

  test('a command that the gateway gave up is TIMEOUT as soon as that is seen', async () => {
    const b = bench()
    const { answer, row } = await command(b)
    b.store(row, null, 'TIMED_OUT')
    await b.clock.advance(30_000)
    expect(await rejection(answer)).toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('expired'),
      retryable: false,
      details: { messageId: row.id, row: true },
    })
  })
})
describe('the signal', () => {
  test('ends the wait and not the command', async () => {
    const b = bench()
    const abort = new AbortController()
    const { answer, row, id } = await command(b, { signal: abort.signal })
    abort.abort(new Error('enough'))
    expect(await rejection(answer)).toMatchObject({
      code: 'ABORTED',
      retryable: false,
      details: { messageId: row.id, row: true },
      cause: { message: 'enough' },
    })
    expect([b.replies.waiting, b.clock.timers, b.out.length]).toEqual([false, 0, 1])
    b.replies.reply(id, '1')
    b.store(row, '1')
    expect(await b.client.result(row.id)).toMatchObject({ status: 'FINISHED', response: 1 })
    expect(b.client.stats().unclaimed).toBe(1)
  })
})
describe('more commands than may wait', () => {
  test('are refused with QUEUE_FULL before anything is written', async () => {
    const b = bench({ maxPending: 2 })
    const [one] = [await command(b), await command(b)]
    expect(await rejection(b.client.sendCommand('u', { type: 'x' }))).toMatchObject({
      code: 'QUEUE_FULL',
      retryable: true,
      message: expect.stringContaining('maxPending'),
    })
    expect(b.rows).toHaveLength(2)
    await b.client.sendCommand('u', { type: 'x', wait: false })
    b.replies.reply(one.id, '1')
    await one.answer
    await command(b)
    expect(b.rows).toHaveLength(4)
  })

  test('have a place again after each way to end', async () => {
    const b = bench({ maxPending: 1 })
    for (const what of ['incr', 'insert', 'publish'] as const) {
      b.acts[what] = () => Promise.reject(new Error('out of order'))
      await rejection(b.client.sendCommand('u', { type: 'x' }))
      delete b.acts[what]
    }
    await rejection(b.client.sendCommand('u', { type: 'x', signal: AbortSignal.abort() }))
    const { answer } = await command(b, { timeout: 1 })
    await b.clock.advance(1)
    await rejection(answer)
    expect(b.client.stats().waiting).toBe(0)
    await command(b)
  })
})
