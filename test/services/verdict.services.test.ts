// What judges a fault run finds each fault that a run could have.
import type { TamarClient } from 'isomq/tamar'
import { describe, expect, test } from 'vitest'
import type { Dispatch } from './amqp.ts'
import type { Gateway, Row } from './gateway.ts'
import { lacking } from './services.ts'
import { judge, type Send, type Verdict } from './verdict.ts'

/** The table and the queue as a run left them; each row is `[id, n]`. */
interface Left {
  readonly rows: readonly (readonly [id: string, n: number])[]
  readonly dispatches: readonly string[]
}

/** `dispatch` does nothing: what was not dispatched stays so. */
function verdict(sends: readonly Send[], { rows, dispatches }: Left): Promise<Verdict> {
  const table = rows.map(([id, n], i): Row => {
    return { id, payload: String(n), target_user_id: 'u', seq: String(i) }
  })
  const gateway = {
    rabbit: {
      settle: async () => {},
      dispatches: dispatches.map((id) => ({ body: JSON.stringify({ message_id: id }) }) as Dispatch),
    },
    rows: async () => table,
  }
  const client = { dispatch: async () => {} }
  return judge(sends, gateway as unknown as Gateway, 'u', client as unknown as TamarClient)
}

const SENT: Send = { n: 1, id: 'a' }
const refused = (row: unknown, messageId?: string): Send => ({ n: 1, code: 'PROVIDER', row, messageId })
const THERE: Left = { rows: [['a', 1]], dispatches: ['a'] }
const NOTHING: Left = { rows: [], dispatches: [] }
const FINE = { lost: 0, untrue: 0, doubled: 0, strays: 0, odd: 0 }

describe.skipIf(lacking)('the judge of a fault run', () => {
  test.each<[string, Send, Left]>([
    ['resolved, with its row and its dispatch', SENT, THERE],
    ['dispatched twice', SENT, { ...THERE, dispatches: ['a', 'a'] }],
    ['rejected with a row', refused(true, 'a'), THERE],
    ['rejected without a row', refused(false), NOTHING],
    ['not known, and there', refused('unknown', 'a'), THERE],
    ['not known, and not there', refused('unknown', 'a'), NOTHING],
  ])('is content: %s', async (_, send, left) => {
    expect(await verdict([send], left)).toMatchObject(FINE)
  })

  test.each<[string, Send, Left, Partial<Verdict>]>([
    ['resolved without a row', SENT, { ...NOTHING, dispatches: ['a'] }, { lost: 1, strays: 1 }],
    ['resolved without a dispatch', SENT, { ...THERE, dispatches: [] }, { dispatched: 0, lost: 2 }],
    [
      'resolved with the row of another',
      SENT,
      { rows: [['b', 1]], dispatches: ['b'] },
      { lost: 1, dispatched: 0 },
    ],
    ['two rows', SENT, { rows: [...THERE.rows, ['b', 1]], dispatches: ['a', 'b'] }, { lost: 1, doubled: 1 }],
    ['a row that stays undispatched', refused(true, 'a'), { ...THERE, dispatches: [] }, { lost: 1 }],
    ['says there is a row', refused(true, 'a'), NOTHING, { untrue: 1 }],
    ['says there is none', refused(false), THERE, { untrue: 1 }],
    ['says nothing', refused(undefined), NOTHING, { untrue: 1 }],
    ['does not know, without an id', refused('unknown'), NOTHING, { untrue: 1 }],
    ['does not know, with a wrong id', refused('unknown', 'b'), THERE, { untrue: 1 }],
    ['another error', { ...refused(false), code: 'TypeError' }, NOTHING, { odd: 1 }],
  ])('complains: %s', async (_, send, left, found) => {
    expect(await verdict([send], left)).toMatchObject({ ...FINE, ...found })
  })
})
