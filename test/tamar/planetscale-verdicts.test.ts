// Answers of the database that look like more than they say: is the row there, is it not, or may it be?
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { rejection } from '../support/events.ts'
import { status } from '../support/tamar-http.ts'
import { DONE, errno, failed, password, ROW, storeOver } from '../support/tamar-table.ts'

type Answer = Response | object

const said = (code: string, number: number, text = 'it failed'): object =>
  failed(`target: db.-.primary: vttablet: rpc error: code = X desc = ${text} (errno ${number})`, code)
const taken = (entry: string, key: string): object =>
  errno(1062, `Duplicate entry '${entry}' for key '${key}'`)
const GATEWAY = { error: { code: 504, message: 'Gateway timeout' } }

describe('a row that may be there is not denied, and tried again, after', () => {
  test.each<[string, Answer]>([
    ['504 with an error of a gateway', status(504, GATEWAY)],
    ['502 with an error of a gateway', status(502, { error: { code: 502, message: 'Bad gateway' } })],
    ['503 with an error without a word', status(503, { error: {} })],
    ['500 with a list', status(500, { error: [] })],
    ['503 with a code of gRPC', status(503, failed('no', 'UNAVAILABLE'))],
    ['500 with a code that would be certain', status(500, failed('no', 'INVALID_ARGUMENT'))],
    ['an error without a word in a good answer', { error: {} }],
    ['an error whose code is a number', { error: { code: 504, message: 'Gateway timeout' } }],
    ['a code that nobody knows', failed('no', 'CLUSTER_EVENT')],
    ['UNKNOWN without a number', failed('no', 'UNKNOWN')],
    ['UNAVAILABLE, which has no number of its own', said('UNAVAILABLE', 1105)],
    ['DEADLINE_EXCEEDED', said('DEADLINE_EXCEEDED', 1317)],
    ['CANCELED', said('CANCELED', 1317)],
    ['CANCELLED', said('CANCELLED', 1317)],
    ['INTERNAL', said('INTERNAL', 1815)],
    ['a vague code with any number', said('UNAVAILABLE', 1048)],
    ['1105, whatever the code', said('INVALID_ARGUMENT', 1105)],
    ['1317, whatever the code', said('UNKNOWN', 1317)],
    ['1815, whatever the code', said('UNKNOWN', 1815)],
    ['a commit that failed', said('UNKNOWN', 1180)],
    ['a duplicate that is not named', failed('duplicate entry', 'ALREADY_EXISTS')],
    ['a duplicate in other words', errno(1062, 'Doppelter Eintrag')],
  ])('%s', async (_, answer) => {
    const { asked, insert, clock } = storeOver([answer])
    const error = await rejection(insert())
    expect(error).toMatchObject({ name: 'IsomqError', retryable: true })
    expect(error.details).not.toHaveProperty('row')
    expect(asked).toHaveLength(3)
    expect(clock.timers).toBe(0)
    // What passes is no failure.
    await storeOver([answer, DONE]).insert()
  })
})

describe('a row that is certainly not there is denied after', () => {
  test.each<[string, Answer, boolean]>([
    ['a number of MySQL in a failed request', status(500, errno(1054)), false],
    ['a number without a code of its own', said('UNKNOWN', 1054), false],
    ['a certain code', failed('no', 'FAILED_PRECONDITION'), false],
    ['a deadlock, though its code is vague', said('ABORTED', 1213), true],
    ['a lock that was not free in time', said('DEADLINE_EXCEEDED', 1205), true],
    ['too many connections', said('RESOURCE_EXHAUSTED', 1040), true],
  ])('%s', async (_, answer, retryable) => {
    const { asked, insert } = storeOver([answer])
    expect(await rejection(insert())).toMatchObject({ code: 'PROVIDER', retryable, details: { row: false } })
    expect(asked).toHaveLength(retryable ? 3 : 1)
  })
})

describe('an INSERT that is said to be done', () => {
  test.each<[string, object]>([
    ['nothing', { session: null, result: {} }],
    ['a list', { session: null, result: [] }],
    ['no row', { result: { rowsAffected: '0' } }],
    ['a number of rows that is none', { result: { rowsAffected: 'many' } }],
    ['rows, as of a SELECT', { result: { fields: [{ name: 'id' }], rows: [] } }],
  ])('without a row is no success: %s', async (_, answer) => {
    const { asked, insert } = storeOver([answer])
    const error = await rejection(insert())
    expect(error).toMatchObject({ name: 'IsomqError', code: 'PROTOCOL' })
    expect(error.details).not.toHaveProperty('row')
    expect(asked).toHaveLength(1)
  })
})

describe('a duplicate', () => {
  const OWN = ['PRIMARY', 'push_messages.PRIMARY']
  test.each(OWN)('of the id in %s is the row that was written, on any attempt', async (key) => {
    for (const before of [[], [status(502)], [status(429)], [status(504, GATEWAY)]]) {
      const { asked, insert } = storeOver([...before, status(400, taken(ROW.id, key))])
      await insert()
      expect(asked).toHaveLength(before.length + 1)
    }
    await storeOver([failed(`Duplicate entry '${ROW.id}' for key '${key}'`, 'ALREADY_EXISTS')]).insert()
  })

  test.each<[string, string, string]>([
    ['another key', 'u1-7', 'push_messages.of_user'],
    ['the id in another key', ROW.id, 'push_messages.nonce'],
    ['the id in another table', ROW.id, 'others.PRIMARY'],
    ['another id', 'other', 'PRIMARY'],
    ['what has quotes', "a' for key b", 'push_messages.of_user'],
    ['nothing', '', 'push_messages.PRIMARY'],
  ])('of %s is a row that was not written, on any attempt', async (_, entry, key) => {
    for (const before of [[], [status(502)], [status(429)]]) {
      const { asked, insert } = storeOver([...before, taken(entry, key)])
      expect(await rejection(insert())).toMatchObject({
        code: 'PROVIDER',
        retryable: false,
        details: { errno: 1062, row: false },
      })
      expect(asked).toHaveLength(before.length + 1)
    }
  })

  test('of the id is recognized whatever is hidden in its text', async () => {
    const { insert } = storeOver([status(400, taken(ROW.id, 'PRIMARY'))], { password: ROW.id[0]! })
    await insert()
  })

  test('of another key shows no password', async () => {
    const { insert } = storeOver([taken(password, 'x')])
    expect(everything([await rejection(insert())])).not.toContain(password)
  })
})

test.each([1049, 1146])('an error %i says where to look', async (number) => {
  const { insert, select } = storeOver([errno(number, "Table 'x.push_messages' doesn't exist")])
  for (const error of [await rejection(insert()), await rejection(select('a'))]) {
    expect(error.message).toMatch(/doesn't exist.*; check the database that the credentials choose$/)
  }
  expect((await rejection(storeOver([errno(1054)]).insert())).message).not.toContain('credentials')
})
