import type { RealDatabase } from './tamar-real-database.ts'
import type { Columns, Listing, Wanted } from './tamar-services.ts'

/** Rows of a real table that one question gets: it may have any number. */
const MOST = 500

type Condition = readonly [where: string, values: readonly string[]]

/** The table of a real database. Whoever asks for certain users is spared a look at all the others'. */
export class RealListing implements Listing {
  readonly #database: RealDatabase

  constructor(database: RealDatabase) {
    this.#database = database
  }

  rows(wanted: Wanted): Promise<readonly Columns[]> {
    const [where, values] = conditionOf(wanted)
    const order = wanted.newest ? 'created_at DESC, seq DESC' : 'target_user_id, seq'
    const limit = Math.min(wanted.limit, MOST)
    return this.#database.execute(
      `SELECT * FROM push_messages${where} ORDER BY ${order} LIMIT ${limit}`,
      values,
    )
  }

  async statuses(users: readonly string[]): Promise<Readonly<Record<string, number>>> {
    const [where, values] = conditionOf({ users })
    const query = `SELECT status, COUNT(*) AS n FROM push_messages${where} GROUP BY status`
    const rows = await this.#database.execute(query, values)
    return Object.fromEntries(rows.map(({ status, n }) => [status, Number(n)]))
  }
}

function conditionOf({ users, status = '', id = '' }: Partial<Wanted>): Condition {
  const tests: string[] = []
  const values: string[] = []
  const add = (test: string, ...given: readonly string[]): void => {
    tests.push(test)
    values.push(...given)
  }
  if (users?.length) add(`target_user_id IN (${users.map(() => '?').join(', ')})`, ...users)
  if (status !== '') add('status = ?', status)
  if (id !== '') add('id = ?', id)
  return [tests.length > 0 ? ` WHERE ${tests.join(' AND ')}` : '', values]
}
