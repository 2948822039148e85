// The gateway's three services as they are in the room itself.
import type { SqlStorage } from '../cloudflare.ts'
import { checked, TABLE, timestampOf } from './tamar-columns.ts'
import type { Mysql } from './tamar-mysql.ts'
import type { Consumer, Queued } from './tamar-queue.ts'
import type { Listener } from './tamar-redis.ts'
import type { TamarRoom } from './tamar-room.ts'
import type { Change, Dispatch, Dispatches, Realtime, Row, Rows, Status } from './tamar-services.ts'
import { QUEUE } from './tamar-settings.ts'

type Kept = Readonly<Record<'id' | 'userId' | 'status', string>> &
  Readonly<Record<'seq' | 'payload' | 'requestId' | 'response' | 'responseQueue', string | null>> & {
    readonly pushType: number
    readonly expires: number | null
    readonly retry: number | null
  }

// Numbers of 64 bits go as text.
const SELECT = `SELECT id, target_user_id AS userId, push_type AS pushType, CAST(seq AS TEXT) AS seq, payload, status,
  command_request_id AS requestId, command_response AS response, command_response_queue AS responseQueue,
  unixepoch(expired_at) AS expires, retry_interval AS retry FROM ${TABLE}`
const OPEN = "deleted_at IS NULL AND status IN ('PENDING', 'DELIVERING', 'REQUEST_DELIVERED')"
const UNANSWERED = `push_type = 2 AND expired_at IS NOT NULL AND ${OPEN}`

/** The column that notes when a row came to a status. */
const NOTED = {
  DELIVERING: 'delivering_at',
  REQUEST_DELIVERED: 'request_delivered_at',
  FINISHED: 'finished_at',
} as const

export class EmbeddedRows implements Rows {
  readonly #sql: SqlStorage
  readonly #mysql: Mysql
  readonly #now: () => number

  constructor(sql: SqlStorage, mysql: Mysql, now: () => number) {
    this.#sql = sql
    this.#mysql = mysql
    this.#now = now
  }

  async get(id: string): Promise<Row | undefined> {
    // By the key, which has no case, and then exactly.
    const query = `${SELECT} WHERE id = ? AND id = ? COLLATE BINARY AND deleted_at IS NULL`
    const found = this.#sql.exec<Kept>(query, id, id)
    return found.toArray().map(rowOf)[0]
  }

  async open(userId: string): Promise<readonly Row[]> {
    const query = `${SELECT} WHERE target_user_id = ? COLLATE BINARY AND ${OPEN} ORDER BY ${TABLE}.seq`
    return this.#sql.exec<Kept>(query, userId).toArray().map(rowOf)
  }

  async change(id: string, { status, response, responseQueue }: Change): Promise<void> {
    const noted = Object.hasOwn(NOTED, status ?? '') ? NOTED[status as keyof typeof NOTED] : undefined
    this.#mysql.change(id, {
      ...(status !== undefined && { status }),
      ...(response !== undefined && { command_response: checked('command_response', response, 0, 1) }),
      ...(responseQueue !== undefined && { command_response_queue: responseQueue }),
      ...(noted !== undefined && { [noted]: timestampOf(this.#now() / 1000) }),
    })
  }

  async overdue(at: number): Promise<readonly Row[]> {
    const query = `${SELECT} WHERE ${UNANSWERED} AND unixepoch(expired_at) * 1000 <= ?`
    return this.#sql.exec<Kept>(query, at).toArray().map(rowOf)
  }

  async nextExpiry(): Promise<number | undefined> {
    const query = `SELECT MIN(unixepoch(expired_at)) AS first FROM ${TABLE} WHERE ${UNANSWERED}`
    const { first } = this.#sql.exec<{ first: number | null }>(query).one()
    return first === null ? undefined : first * 1000
  }
}

const rowOf = ({ status, expires, retry, ...rest }: Kept): Row => ({
  ...rest,
  status: status as Status,
  expiresAt: expires === null ? undefined : expires * 1000,
  retryInterval: retry ?? undefined,
})

const PREFETCH = 200

/** The gateway's end of the queue. */
export class EmbeddedDispatches implements Dispatches {
  readonly #room: TamarRoom

  constructor(room: TamarRoom) {
    this.#room = room
  }

  consume(take: (dispatch: Dispatch) => Promise<unknown>): () => void {
    const { broker } = this.#room
    const queue = broker.queues.get(QUEUE)
    const deliver = async (message: Queued): Promise<void> => {
      await take({ body: new TextDecoder().decode(message.body), replyTo: message.properties.reply_to })
      // Given back meanwhile, it is not this consumer's any more.
      if (!consumer.unconfirmed.delete(message.seq)) return
      queue?.settle(message)
      queue?.pump()
    }
    const consumer: Consumer = {
      noAck: false,
      prefetch: PREFETCH,
      unconfirmed: new Map(),
      deliver: (message) => void deliver(message),
      cancelled: () => consumer.unconfirmed.clear(),
    }
    queue?.consume(consumer)
    return () => queue?.cancel(consumer)
  }

  async reply(to: string, correlationId: string, body: string): Promise<void> {
    this.#room.reply(to, correlationId, body)
  }
}

const PREFIX = 'realtime:user:'

export class EmbeddedRealtime implements Realtime {
  readonly #room: TamarRoom

  constructor(room: TamarRoom) {
    this.#room = room
  }

  listen(hear: (userId: string, payload: string) => void): () => void {
    const { listeners } = this.#room.redis
    const listener: Listener = {
      name: `${PREFIX}*`,
      isPattern: true,
      hear: (channel, message) => hear(channel.slice(PREFIX.length), message),
    }
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
}
