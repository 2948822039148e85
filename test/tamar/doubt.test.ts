// What an answer of the database says of a row: that it is not there, or that it may be.
import { describe, expect, test } from 'vitest'
import { rejection, until } from '../support/events.ts'
import { brokenOff, redirect, refusedBy, status } from '../support/tamar-http.ts'
import { DONE, DUPLICATE, errno, failed, ROW, sqlOf, storeOver } from '../support/tamar-table.ts'

describe('a row that is certainly not there', () => {
  test.each<[string, Response | Error | object, object]>([
    ['a refused connection', refusedBy(), { code: 'CONNECT_FAILED', retryable: true }],
    ['401', status(401, failed('no')), { code: 'AUTH_REJECTED', retryable: false }],
    ['403', status(403), { code: 'AUTH_REJECTED' }],
    ['404 in HTML', status(404, '<html>'), { code: 'HTTP', retryable: false }],
    ['a redirect', redirect(), { code: 'HTTP', retryable: false }],
    ['429', status(429, 'slow down'), { code: 'HTTP', retryable: true }],
    ['a column that is missing', status(400, errno(1054)), { code: 'PROVIDER', retryable: false }],
    ['an error in a good answer', errno(1048), { code: 'PROVIDER', details: { errno: 1048, row: false } }],
    ['a deadlock', errno(1213), { code: 'PROVIDER', retryable: true, details: { errno: 1213, row: false } }],
    ['a syntax error', failed('syntax error at position 5', 'INVALID_ARGUMENT'), { code: 'PROVIDER' }],
  ])('says so: %s', async (_, answer, expected) => {
    const { insert, clock } = storeOver([answer])
    expect(await rejection(insert())).toMatchObject({
      name: 'IsomqError',
      provider: 'tamar',
      details: { row: false },
      ...expected,
    })
    expect(clock.timers).toBe(0)
  })
})
describe('a row that may be there', () => {
  test.each<[string, Response | Error | object, number, object]>([
    ['500', status(500, 'oops'), 3, { code: 'HTTP' }],
    ['502 in HTML', status(502, '<html>'), 3, { code: 'HTTP' }],
    ['503 of a proxy', status(503), 3, { code: 'HTTP', retryable: true }],
    ['an answer that breaks off', brokenOff(), 3, { code: 'CONNECTION_LOST' }],
    ['a connection that breaks', refusedBy('ECONNRESET'), 3, { code: 'CONNECT_FAILED' }],
    ['a failure without a reason', new TypeError('Failed to fetch'), 3, { code: 'CONNECT_FAILED' }],
    ['a database that goes down', errno(1053), 3, { code: 'PROVIDER', retryable: true }],
    ['a lost connection to it', errno(2013), 3, { code: 'PROVIDER', retryable: true }],
    [
      'an error without a number',
      failed('context deadline exceeded', 'DEADLINE_EXCEEDED'),
      3,
      { code: 'PROVIDER' },
    ],
    ['HTML', status(200, '<html>'), 1, { code: 'PROTOCOL' }],
    ['half JSON', status(200, '{"result":{'), 1, { code: 'PROTOCOL' }],
    ['nothing', status(200), 1, { code: 'PROTOCOL' }],
    ['null', status(200, 'null'), 1, { code: 'PROTOCOL' }],
    ['a list', [DONE], 1, { code: 'PROTOCOL' }],
    ['no result', {}, 1, { code: 'PROTOCOL' }],
    ['a result that is a text', { result: 'OK' }, 1, { code: 'PROTOCOL' }],
  ])('is not denied: %s', async (_, answer, attempts, expected) => {
    const { asked, insert, clock } = storeOver([answer])
    const error = await rejection(insert())
    expect(error).toMatchObject({ name: 'IsomqError', provider: 'tamar', ...expected })
    expect(error.details).not.toHaveProperty('row')
    expect(asked).toHaveLength(attempts)
    expect(new Set(asked.map(sqlOf)).size).toBe(1)
    expect(clock.timers).toBe(0)
  })

  test('is a success when a later attempt finds it', async () => {
    for (const first of [status(500), brokenOff(), refusedBy('ECONNRESET'), errno(2013)]) {
      const { asked, insert } = storeOver([first, DUPLICATE])
      await insert()
      expect(asked).toHaveLength(2)
    }
  })

  test('stays in doubt when the last attempt did not get there', async () => {
    const { insert } = storeOver([status(500), refusedBy()])
    const error = await rejection(insert())
    expect(error).toMatchObject({ code: 'CONNECT_FAILED' })
    expect(error.details).not.toHaveProperty('row')
  })

  test('stays in doubt when the limit ends an attempt', async () => {
    const { store, clock, insert, asked } = storeOver([DONE, () => new Promise(() => {})])
    await insert()
    const failing = rejection(store.insert(ROW, { timeout: 2_000 }))
    await until(() => asked.length === 2)
    await clock.advance(2_000)
    const error = await failing
    expect(error).toMatchObject({ code: 'TIMEOUT' })
    expect(error.details).not.toHaveProperty('row')
    expect([asked[1]!.signal.aborted, clock.timers]).toEqual([true, 0])
  })

  test('is not tried again with 0 retries', async () => {
    const { asked, insert } = storeOver([status(500)], { retries: 0 })
    await rejection(insert())
    expect(asked).toHaveLength(1)
  })
})
