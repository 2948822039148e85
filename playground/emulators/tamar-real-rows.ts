import type { RealDatabase } from './tamar-real-database.ts'
import type { Change, Columns, Row, Rows, Status } from './tamar-services.ts'

const SELECT = `SELECT id, target_user_id, push_type, seq, payload, status, command_request_id, command_response,
  command_response_queue, UNIX_TIMESTAMP(expired_at) AS expires, retry_interval FROM push_messages`
const OPEN = "deleted_at IS NULL AND status IN ('PENDING', 'DELIVERING', 'REQUEST_DELIVERED')"
const UNANSWERED = `push_type = 2 AND expired_at IS NOT NULL AND ${OPEN}`
/** Commands that are ended at a time. */
const MANY = 200

/** The column that notes when a row came to a status. */
const NOTED: Readonly<Partial<Record<Status, string>>> = {
  DELIVERING: 'delivering_at',
  REQUEST_DELIVERED: 'request_delivered_at',
  FINISHED: 'finished_at',
}

/** The rows of a real database. */
export class RealRows implements Rows {
  readonly #database: RealDatabase

  constructor(database: RealDatabase) {
    this.#database = database
  }

  async get(id: string): Promise<Row | undefined> {
    const rows = await this.#select('id = ? AND deleted_at IS NULL', id)
    // To the database, case makes no difference.
    return rows.find((row) => row.id === id)
  }

  async open(userId: string): Promise<readonly Row[]> {
    const rows = await this.#select(`target_user_id = ? AND ${OPEN} ORDER BY seq`, userId)
    return rows.filter((row) => row.userId === userId)
  }

  async change(id: string, { status, response, responseQueue }: Change): Promise<void> {
    const sets: string[] = []
    const values: string[] = []
    const set = (column: string, value: string | undefined): void => {
      if (value === undefined) return
      sets.push(`${column} = ?`)
      values.push(value)
    }
    set('status', status)
    set('command_response', response)
    set('command_response_queue', responseQueue)
    const noted = status === undefined ? undefined : NOTED[status]
    if (noted !== undefined) sets.push(`${noted} = CURRENT_TIMESTAMP`)
    if (sets.length === 0) return
    // Twice is as good as once: an answer that got lost does no harm. What is settled stays as it is.
    await this.#database.execute(`UPDATE push_messages SET ${sets.join(', ')} WHERE id = ? AND ${OPEN}`, [
      ...values,
      id,
    ])
  }

  async overdue(at: number): Promise<readonly Row[]> {
    const where = `${UNANSWERED} AND expired_at <= FROM_UNIXTIME(?) ORDER BY expired_at LIMIT ${MANY}`
    return this.#select(where, at / 1000)
  }

  async nextExpiry(): Promise<number | undefined> {
    const query = `SELECT UNIX_TIMESTAMP(MIN(expired_at)) AS first FROM push_messages WHERE ${UNANSWERED}`
    const [row] = await this.#database.execute(query, [])
    return instantOf(row?.first)
  }

  async #select(where: string, ...values: (string | number)[]): Promise<Row[]> {
    return (await this.#database.execute(`${SELECT} WHERE ${where}`, values)).map(rowOf)
  }
}

const instantOf = (seconds: string | null | undefined): number | undefined =>
  seconds == null ? undefined : Number(seconds) * 1000

const rowOf = (columns: Columns): Row => ({
  id: columns.id!,
  userId: columns.target_user_id!,
  pushType: Number(columns.push_type),
  seq: columns.seq ?? null,
  payload: columns.payload ?? null,
  status: columns.status as Status,
  requestId: columns.command_request_id ?? null,
  response: columns.command_response ?? null,
  responseQueue: columns.command_response_queue ?? null,
  expiresAt: instantOf(columns.expires),
  retryInterval: columns.retry_interval == null ? undefined : Number(columns.retry_interval),
})
