// Answers that are found in the table: when it is looked at, and how often.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, command, held, type TamarBench } from '../support/tamar-ports.ts'

/** When the table was looked at, in milliseconds from now on, while time goes by. */
async function looks(b: TamarBench, until: number): Promise<number[]> {
  const [from, before] = [b.clock.now(), b.looks.length]
  const at: number[] = []
  while (b.clock.now() - from < until) {
    const seen = b.looks.length
    await b.clock.advance(Math.min(b.clock.untilNext ?? until, from + until - b.clock.now()))
    for (let i = seen; i < b.looks.length; i++) at.push(b.clock.now() - from)
  }
  expect(b.looks.length - before).toBe(at.length)
  return at
}
describe('a reply queue that was lost', () => {
  test('lets the table be looked at: at once, then after growing pauses', async () => {
    const b = bench()
    const { answer, row } = await command(b)
    b.replies.lost()
    expect(await looks(b, 120_000)).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 61_000, 91_000])
    b.store(row, '"found"')
    await b.clock.advance(30_000)
    expect(await answer).toBe('found')
    expect(b.client.stats()).toMatchObject({ found: 1, answered: 1, waiting: 0 })
    expect(b.clock.timers).toBe(0)
  })

  test('is looked after even where nothing else is', async () => {
    const b = bench({ lookEvery: 0 })
    const { answer, row } = await command(b)
    expect(await looks(b, 600_000)).toEqual([])
    b.replies.lost()
    expect(await looks(b, 100_000)).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 61_000, 91_000])
    b.store(row, '1')
    await b.clock.advance(30_000)
    expect(await answer).toBe(1)
  })

  test('costs the commands that came later nothing', async () => {
    const b = bench({ lookEvery: 0 })
    const old = await command(b)
    b.replies.lost()
    await flush()
    const young = await command(b)
    await b.clock.advance(60_000)
    expect(new Set(b.looks.flat())).toEqual(new Set([old.row.id]))
    b.replies.reply(young.id, '1')
    b.replies.reply(old.id, '2')
    await Promise.all([young.answer, old.answer])
  })

  test('is looked for by 100 ids at a time, none twice', async () => {
    const b = bench()
    const answers = Array.from({ length: 250 }, () => b.client.sendCommand('u', { type: 'x' }))
    await flush()
    b.replies.lost()
    await b.clock.advance(0)
    expect(b.looks.map((ids) => ids.length)).toEqual([100, 100, 50])
    expect(new Set(b.looks.flat()).size).toBe(250)
    for (const row of b.rows) b.store(row, '1')
    await b.clock.advance(1_000)
    await Promise.all(answers)
    expect(b.client.stats().found).toBe(250)
  })

  test('twice in a row is one look at a time', async () => {
    const b = bench()
    const { answer, row } = await command(b)
    const slow = held()
    b.acts.select = (act) => slow.promise.then(act)
    b.replies.lost()
    await b.clock.advance(0)
    b.replies.lost()
    b.replies.lost()
    await b.clock.advance(5_000)
    expect(b.looks).toHaveLength(1)
    delete b.acts.select
    slow.resolve()
    b.store(row, '1')
    await b.clock.advance(0)
    expect(await answer).toBe(1)
  })

  test('and a table that cannot be read are survived, and traced', async () => {
    const b = bench()
    const { answer, id } = await command(b)
    b.acts.select = () => Promise.reject(new Error('out of order'))
    b.replies.lost()
    await b.clock.advance(10_000)
    expect(b.records.filter(({ event }) => event === 'unread').length).toBeGreaterThan(2)
    expect(b.errors).toEqual([])
    b.replies.reply(id, '1')
    expect(await answer).toBe(1)
  })

  test('when nobody waits is no matter', async () => {
    const b = bench()
    b.replies.lost()
    await b.clock.advance(100_000)
    expect([b.looks, b.clock.timers]).toEqual([[], 0])
  })
})
describe('the table', () => {
  test('is looked at each time `lookEvery` has passed', async () => {
    for (const lookEvery of [1_000, 30_000, 100_000]) {
      const b = bench({ lookEvery })
      await command(b)
      const times = [1, 2, 3, 4].map((n) => n * lookEvery)
      expect(await looks(b, lookEvery * 4)).toEqual(times)
    }
  })

  test('is looked at in time for a command that comes late', async () => {
    const b = bench({ lookEvery: 1_000 })
    await command(b)
    await b.clock.advance(60_000)
    const young = await command(b)
    b.store(young.row, '1')
    await b.clock.advance(1_000)
    expect(await young.answer).toBe(1)
  })

  test('is not asked for each of many commands by itself', async () => {
    const b = bench()
    const answers: Promise<unknown>[] = []
    for (let i = 0; i < 300; i++) {
      answers.push((await command(b)).answer)
      await b.clock.advance(100)
    }
    const before = b.looks.length
    await b.clock.advance(30_000)
    expect(b.looks.length - before).toBeLessThan(20)
    expect(new Set(b.looks.flat()).size).toBe(300)
    for (const row of b.rows) b.replies.reply(row.commandRequestId!, '1')
    await Promise.all(answers)
  })

  test('with an answer that is no JSON fails that one call', async () => {
    const b = bench()
    const { answer, row } = await command(b)
    b.store(row, '{')
    await b.clock.advance(30_000)
    expect(await rejection(answer)).toMatchObject({ code: 'PROTOCOL', details: { messageId: row.id } })
  })

  test('with rows that nobody asked for, or strange ones, harms nothing', async () => {
    const b = bench()
    const { answer, id } = await command(b)
    const strange = [null, 5, {}, { id: 'x', status: 'FINISHED', commandRequestId: id, commandResponse: '1' }]
    for (const row of strange) {
      b.acts.select = () => Promise.resolve([row])
      await b.clock.advance(30_000)
    }
    expect(b.client.stats()).toMatchObject({ waiting: 1, found: 0 })
    b.replies.reply(id, '1')
    expect(await answer).toBe(1)
  })
})
