// Answers over the HTTP API of RabbitMQ: the queue they come to, and when it is asked.
import { describe, expect, test } from 'vitest'
import { rejection } from '../support/events.ts'
import { brokerOver, COMMAND, DISPATCH, message, NO_LIMIT, QUEUE } from '../support/tamar-api.ts'
import { brokenOff, driven, type Given, refusedBy, status, turns } from '../support/tamar-http.ts'

describe('the queue for answers', () => {
  test('is declared once for many, and each broker has its own', async () => {
    const b = brokerOver()
    await Promise.all([b.publish(COMMAND), b.publish(COMMAND), b.publish(COMMAND)])
    await b.publish(COMMAND)
    expect(b.asked.filter(({ method }) => method === 'PUT')).toHaveLength(1)
    const other = brokerOver()
    await other.publish(COMMAND)
    expect(other.asked[0]!.url).not.toBe(b.asked[0]!.url)
  })

  test('is declared again when it may have expired', async () => {
    const b = brokerOver()
    await b.publish(COMMAND)
    b.told.waiting = false
    await b.pass(29_000)
    await b.publish(COMMAND)
    expect(b.asked.filter(({ method }) => method === 'PUT')).toHaveLength(1)
    await b.pass(60_000)
    await b.publish(COMMAND)
    expect(b.asked.filter(({ method }) => method === 'PUT')).toHaveLength(2)
  })

  test('is there for the others when who asked for it first has left', async () => {
    let declared: (answer: unknown) => void = () => {}
    const b = brokerOver({ declare: () => new Promise((resolve) => (declared = resolve)) })
    const abort = new AbortController()
    const first = rejection(b.broker.publish(COMMAND, { signal: abort.signal }))
    const brief = rejection(b.broker.publish(COMMAND, { timeout: 50 }))
    const second = b.broker.publish(COMMAND, NO_LIMIT)
    await turns()
    abort.abort()
    expect(await first).toMatchObject({ code: 'ABORTED' })
    await b.clock.advance(50)
    expect(await brief).toMatchObject({ code: 'TIMEOUT' })
    declared(status(201))
    await driven(b.clock, second)
    expect(b.paths().map((path) => path.replace(/ .*\//, ' '))).toEqual(['PUT Q', 'POST publish'])
  })

  test('that cannot be declared fails the command, which is not published', async () => {
    const b = brokerOver({ declare: status(401) })
    expect(await rejection(b.publish(COMMAND))).toMatchObject({ code: 'AUTH_REJECTED' })
    expect(b.paths()).toEqual([`PUT ${QUEUE}`])
  })
})
describe('answers', () => {
  test('are asked for while somebody waits', async () => {
    const b = brokerOver()
    await b.publish()
    await b.pass(10_000)
    expect(b.polls()).toBe(0)
    await b.publish(COMMAND)
    await b.pass(999)
    expect(b.polls()).toBe(0)
    await b.pass(1)
    expect(b.polls()).toBe(1)
    expect(JSON.parse(b.asked.at(-1)!.body)).toEqual({
      count: 100,
      ackmode: 'ack_requeue_false',
      encoding: 'auto',
    })
    await b.pass(1_000)
    expect(b.polls()).toBe(2)
    b.told.waiting = false
    await b.pass(1_000)
    expect(b.polls()).toBe(3)
    await b.pass(100_000)
    expect([b.polls(), b.clock.timers]).toEqual([3, 0])
    b.told.waiting = true
    await b.publish(COMMAND)
    await b.pass(1_000)
    expect(b.polls()).toBe(4)
  })

  test('are one question at a time, however many commands there are', async () => {
    const b = brokerOver()
    await Promise.all(Array.from({ length: 10 }, () => b.publish(COMMAND)))
    await b.pass(1_000)
    expect(b.polls()).toBe(1)
  })

  test('are handed over as text, whatever they are sent as', async () => {
    const utf8 = btoa(String.fromCharCode(...new TextEncoder().encode('{"a":"ü王"}')))
    const given = [
      message('c-1', '{"a":1}'),
      message('c-2', utf8, 'base64'),
      message(undefined, 'x'),
      message('c-3', ''),
    ]
    const b = brokerOver({ get: given })
    await b.publish(COMMAND)
    await b.pass(1_000)
    expect(b.replies).toEqual([
      ['c-1', '{"a":1}'],
      ['c-2', '{"a":"ü王"}'],
      ['', 'x'],
      ['c-3', ''],
    ])
  })

  test('that are many are fetched without a pause', async () => {
    let left = 250
    const b = brokerOver({
      get: () => {
        const count = Math.min(100, left)
        left -= count
        return Array.from({ length: count }, (_, i) => message(`c-${left + i}`, '1'))
      },
    })
    await b.publish(COMMAND)
    await b.pass(1_000)
    await b.pass(1)
    await b.pass(1)
    expect([b.replies.length, b.polls()]).toEqual([250, 3])
  })

  test('that are strange harm nothing: the table is looked at, and the others are handed over', async () => {
    const strange = [null, 5, {}, message('bad', '%%%', 'base64'), { payload: 5, properties: null }]
    const b = brokerOver({ get: [...strange, message('c-1', '1')] })
    await b.publish(COMMAND)
    await b.pass(1_000)
    expect(b.replies.at(-1)).toEqual(['c-1', '1'])
    expect(b.told.lost).toBeGreaterThan(0)
    await b.pass(1_000)
    expect(b.polls()).toBe(2)
  })

  test.each<[string, Given]>([
    ['404, the queue is gone', status(404, { error: 'Object Not Found', reason: 'Not Found' })],
    ['401', status(401)],
    ['500', status(500)],
    ['HTML', status(200, '<html>')],
    ['no list', {}],
    ['null', status(200, 'null')],
    ['nothing', status(200)],
    ['an answer that breaks off', brokenOff('[{"pay')],
    ['no connection', refusedBy()],
  ])('that do not come lead to a look at the table: %s', async (_, get) => {
    const b = brokerOver({ get })
    await b.publish(COMMAND)
    await b.pass(1_000)
    expect(b.told.lost).toBe(1)
    expect(b.records.filter(({ event }) => event === 'unasked')).toHaveLength(1)
    // The pause grows: 2, 4, 8, 16, 30, 30 s.
    await b.pass(1_999)
    expect(b.polls()).toBe(1)
    await b.pass(1)
    expect(b.polls()).toBe(2)
    for (const pause of [4_000, 8_000, 16_000, 30_000, 30_000]) await b.pass(pause)
    expect(b.polls()).toBe(7)
    b.api.get = [message('c-1', '1')]
    await b.pass(30_000)
    expect(b.replies).toEqual([['c-1', '1']])
    await b.pass(1_000)
    expect(b.polls()).toBe(9)
  })

  test('come to the same queue after it was gone: it is declared again', async () => {
    const b = brokerOver({ get: status(404) })
    await b.publish(COMMAND)
    await b.pass(1_000)
    await b.pass(2_000)
    const puts = b.asked.filter(({ method }) => method === 'PUT').map(({ url }) => url)
    expect(puts).toHaveLength(2)
    expect(new Set(puts).size).toBe(1)
  })

  test('that take too long are given up, and asked for again', async () => {
    const b = brokerOver({ get: () => new Promise(() => {}) }, { timeout: 5_000 })
    await b.publish(COMMAND)
    await b.pass(1_000)
    await b.pass(5_000)
    expect([b.told.lost, b.asked.at(-1)!.signal.aborted]).toEqual([1, true])
    await b.pass(2_000)
    expect(b.polls()).toBe(2)
  })
})
describe('close()', () => {
  test('ends the questions, planned or under way', async () => {
    const planned = brokerOver()
    await planned.publish(COMMAND)
    await planned.broker.close()
    expect(planned.clock.timers).toBe(0)
    const asking = brokerOver({ get: () => new Promise(() => {}) })
    await asking.publish(COMMAND)
    await asking.pass(1_000)
    await asking.broker.close()
    await turns()
    expect([asking.clock.timers, asking.asked.at(-1)!.signal.aborted, asking.told.lost]).toEqual([0, true, 0])
  })

  test('ends the messages under way, and the wait for a retry', async () => {
    const answers = [() => new Promise(() => {}), status(503)]
    for (const publish of answers) {
      const b = brokerOver({ publish })
      const sent = rejection(b.broker.publish(DISPATCH, { timeout: 30_000 }))
      await turns()
      await b.broker.close()
      expect(await sent).toMatchObject({ code: 'CLOSED' })
      await turns()
      expect([b.clock.timers, b.asked.length, b.asked[0]!.signal.aborted]).toEqual([0, 1, true])
    }
  })

  test('refuses what comes afterwards, until connect()', async () => {
    const b = brokerOver({ declare: {} })
    await b.broker.close()
    await b.broker.close()
    expect(await rejection(b.publish())).toMatchObject({ code: 'CLOSED' })
    expect(b.asked).toEqual([])
    await driven(b.clock, b.broker.connect!(NO_LIMIT))
    await b.publish(COMMAND)
    await b.pass(1_000)
    expect(b.polls()).toBe(1)
  })

  test('and connect() while a question is under way make one line of questions, not two', async () => {
    const b = brokerOver({ get: () => new Promise(() => {}), declare: {} })
    await b.publish(COMMAND)
    await b.pass(1_000)
    await b.broker.close()
    b.api.get = []
    await driven(b.clock, b.broker.connect!(NO_LIMIT))
    await b.publish(COMMAND)
    await b.pass(1_000)
    await b.pass(1_000)
    expect(b.polls()).toBe(3)
  })
})
