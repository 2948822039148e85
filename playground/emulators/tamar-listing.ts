import { TABLE } from './tamar-columns.ts'
import type { Mysql } from './tamar-mysql.ts'
import type { Columns, Listing, Wanted } from './tamar-services.ts'

/** The table of the room itself. */
export class EmbeddedListing implements Listing {
  readonly #mysql: Mysql

  constructor(mysql: Mysql) {
    this.#mysql = mysql
  }

  async rows(wanted: Wanted): Promise<readonly Columns[]> {
    const order = wanted.newest ? 'created_at DESC, seq DESC' : 'target_user_id, seq'
    const query = `SELECT * FROM ${TABLE}${whereOf(wanted)} ORDER BY ${order} LIMIT ${wanted.limit}`
    const { fields, rows } = this.#mysql.execute(query)
    return rows.map((row) => Object.fromEntries(fields.map(({ name }, i) => [name, row[i]!])))
  }

  async statuses(users: readonly string[]): Promise<Readonly<Record<string, number>>> {
    const query = `SELECT status, COUNT(*) FROM ${TABLE}${whereOf({ users })} GROUP BY status`
    const { rows } = this.#mysql.execute(query)
    return Object.fromEntries(rows.map(([status, count]) => [status, Number(count)]))
  }
}

function whereOf({ users, status = '', id = '' }: Partial<Wanted>): string {
  const tests: string[] = []
  if (users?.length) tests.push(`target_user_id IN (${users.map(quoted).join(', ')})`)
  if (status !== '') tests.push(`status = ${quoted(status)}`)
  if (id !== '') tests.push(`id = ${quoted(id)}`)
  return tests.length > 0 ? ` WHERE ${tests.join(' AND ')}` : ''
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
