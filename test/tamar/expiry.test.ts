// Commands whose time is over: what is said of them, and how long that takes.
import { IsomqError } from 'isomq/tamar'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, command, held } from '../support/tamar-ports.ts'

const late = (b: ReturnType<typeof bench>, ms: number, act: () => unknown) =>
  new Promise((resolve, reject) => {
    b.clock.setTimeout(() => {
      try {
        resolve(act())
      } catch (error) {
        reject(error)
      }
    }, ms)
  })

describe('a command whose time is over before RabbitMQ has confirmed it', () => {
  test('says that, and why, and not that nobody has answered', async () => {
    const b = bench()
    const why = new IsomqError('tamar', 'TIMEOUT', 'no connection within 2500 ms')
    b.acts.publish = () => late(b, 2_500, () => Promise.reject(why))
    const failed = rejection(b.client.sendCommand('u', { type: 'x', timeout: 2_500 }))
    await b.clock.advance(2_600)
    expect(await failed).toMatchObject({
      code: 'PROVIDER',
      details: { service: 'broker', row: true },
      message: expect.stringMatching(/did not confirm its dispatch/),
      cause: why,
      retryable: false,
    })
    expect([b.clock.timers, b.client.stats().waiting, b.errors]).toEqual([0, 0, []])
  })

  test('ends with it, whatever the driver does', async () => {
    for (const stepTimeout of [0, 30_000]) {
      const b = bench({ stepTimeout })
      b.acts.publish = () => held().promise
      const failed = rejection(b.client.sendCommand('u', { type: 'x', timeout: 2_500 }))
      await b.clock.advance(2_600)
      expect(await failed).toMatchObject({ code: 'PROVIDER', cause: { code: 'TIMEOUT' } })
      expect(b.clock.timers).toBe(0)
    }
  })

  test.each([
    ['incr', 'redis', false],
    ['insert', 'store', 'unknown'],
  ] as const)('ends with it while %s hangs', async (what, service, row) => {
    for (const waits of [true, false]) {
      const b = bench({ stepTimeout: 0 })
      b.acts[what] = () => held().promise
      const failed = rejection(b.client.sendCommand('u', { type: 'x', timeout: 1_000, wait: waits }))
      await b.clock.advance(1_100)
      expect(await failed).toMatchObject({ code: 'PROVIDER', details: { service, row } })
    }
  })

  test('counts what the steps before it took', async () => {
    const b = bench()
    b.acts.incr = (act) => late(b, 400, act)
    b.acts.insert = (act) => late(b, 400, act)
    b.acts.publish = () => held().promise
    const failed = rejection(b.client.sendCommand('u', { type: 'x', timeout: 1_000 }))
    await b.clock.advance(1_100)
    expect(await failed).toMatchObject({ code: 'PROVIDER', details: { service: 'broker', row: true } })
    expect(b.limits.slice(0, 3).map((limits) => limits!.timeout)).toEqual([1_000, 600, 200])
  })
})

describe('the last look at the table', () => {
  test('that hangs holds the TIMEOUT back for five seconds, and no longer', async () => {
    const b = bench({ lookEvery: 0, stepTimeout: 0 })
    b.acts.select = () => held().promise
    const { answer } = await command(b, { timeout: 5_000 })
    const failed = rejection(answer)
    await b.clock.advance(9_999)
    expect(b.client.stats().waiting).toBe(1)
    await b.clock.advance(1)
    expect(await failed).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('5000 ms') })
  })

  test('is one for all that expire together', async () => {
    const b = bench({ lookEvery: 0 })
    const all = Array.from({ length: 250 }, () =>
      rejection(b.client.sendCommand('u', { type: 'x', timeout: 5_000 })),
    )
    await flush()
    await b.clock.advance(5_000)
    expect((await Promise.all(all)).map(({ code }) => code)).toEqual(Array(250).fill('TIMEOUT'))
    expect(b.looks.map(({ length }) => length)).toEqual([100, 100, 50])
  })

  test('that fails, or a queue that was lost, is the cause of the TIMEOUT', async () => {
    const looking = bench({ lookEvery: 0 })
    const unread = new Error('the table is gone')
    looking.acts.select = () => Promise.reject(unread)
    const first = rejection((await command(looking, { timeout: 5_000 })).answer)
    await looking.clock.advance(5_000)
    expect(await first).toMatchObject({ code: 'TIMEOUT', cause: { code: 'PROVIDER', cause: unread } })

    const losing = bench({ lookEvery: 0 })
    const second = rejection((await command(losing, { timeout: 5_000 })).answer)
    const refused = new Error('the queue may not be read')
    losing.replies.lost(refused)
    await losing.clock.advance(5_000)
    expect(await second).toMatchObject({ code: 'TIMEOUT', cause: refused })
  })
})

describe('answers in the table', () => {
  test('that are too much for one request come in smaller ones', async () => {
    const b = bench()
    const commands: Awaited<ReturnType<typeof command>>[] = []
    for (let n = 0; n < 5; n++) commands.push(await command(b))
    for (const { row } of commands) b.store(row, '"big"')
    b.acts.select = (act, ids: never) => {
      if ((ids as string[]).length < 3) return act()
      throw new IsomqError('tamar', 'LIMIT', 'an answer is longer than it may be')
    }
    b.replies.lost()
    await b.clock.advance(1_000)
    expect(await Promise.all(commands.map(({ answer }) => answer))).toEqual(Array(5).fill('big'))
    expect(b.looks.map(({ length }) => length)).toEqual([5, 2, 3, 1, 2])
  })

  test.each<[unknown]>([[{ of: 1 }], [5]])('that a driver has parsed, as %j, say so', async (given) => {
    const b = bench()
    const id = await b.client.sendReliable('u', 1)
    b.acts.select = () => Promise.resolve([{ ...b.table.get(id)!, commandResponse: given }])
    const error = await rejection(b.client.result(id))
    expect(error).toMatchObject({
      code: 'PROTOCOL',
      cause: { message: expect.stringContaining('something else than JSON text') },
    })
  })

  test('of another row are nobody’s', async () => {
    const b = bench()
    const id = await b.client.sendReliable('u', 1)
    b.acts.select = () => Promise.resolve([{ id: 'other', status: 'FINISHED' }, {}, null])
    expect(await b.client.result(id)).toBeUndefined()
    expect(await rejection(b.client.dispatch(id))).toMatchObject({
      code: 'PROVIDER',
      details: { row: false },
    })
    expect(b.out).toHaveLength(1)
  })
})
