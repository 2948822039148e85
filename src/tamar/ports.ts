import type { WaitOptions } from '../core/wait.ts'

// What Tamar needs of Redis, MySQL and RabbitMQ, and no more: who has another way to reach them writes a driver.
// Whatever a driver rejects with becomes the cause of an error that says which of the three failed.

/** Redis: a channel per user for what is realtime, a counter per user for the order of the rest. */
export interface TamarRedis {
  /** PUBLISH, once: what may have been taken must not be tried again, or a user sees it twice. */
  publish(channel: string, message: string, limits: WaitOptions): Promise<unknown>
  /** INCR; gives the new value. */
  incr(key: string, limits: WaitOptions): Promise<number | bigint | string>
}

/** A row of `push_messages` as it is written. */
export interface TamarRow {
  /** Primary key. */
  readonly id: string
  readonly senderType: string
  readonly senderId: string | null
  readonly targetUserId: string
  /** 1 reliable, 2 command. */
  readonly pushType: 1 | 2
  /** Decimal digits. */
  readonly seq: string
  /** JSON. */
  readonly payload: string
  readonly status: 'PENDING'
  /** Commands alone; what their answers are matched by. */
  readonly commandRequestId: string | null
  readonly nonce: string
  /** Commands alone; milliseconds since 1970. The row holds this instant whatever the session's time zone. */
  readonly expiresAt: number | null
  /** Commands alone; milliseconds. */
  readonly retryInterval: number | null
}

/** A row of `push_messages` as it is read. */
export interface TamarRecord {
  readonly id: string
  readonly status: string
  readonly commandRequestId: string | null
  /** JSON, once the gateway has written it. */
  readonly commandResponse: string | null
}

/** MySQL, the table `push_messages`. */
export interface TamarStore {
  /**
   * Writes a row. It may be tried again: the second time its id is taken, which then is a success. What it rejects
   * with says `row: false` in its `details` when the row is certainly not there.
   */
  insert(row: TamarRow, limits: WaitOptions): Promise<unknown>
  /** Reads the rows with these ids (100 at most), in any order; what does not exist is left out. */
  select(ids: readonly string[], limits: WaitOptions): Promise<readonly TamarRecord[]>
}

/** What goes to the gateway. */
export interface TamarDispatch {
  /** JSON that names the row. */
  readonly body: string
  /** Commands alone: the answer comes with it to the reply queue of this broker. */
  readonly correlationId?: string | undefined
}

/** Where a broker takes the answers to commands. */
export interface TamarReplies {
  /** Whether anybody waits for an answer: a broker that has to ask for them asks only then. */
  readonly waiting: boolean
  reply(correlationId: string, body: string): void
  /** The reply queue is gone or cannot be asked: answers to what was dispatched until now may be gone with it. */
  lost(reason?: Error): void
}

/** RabbitMQ: the exchange that the gateway listens to, and a queue for answers. */
export interface TamarBroker {
  /** Publishes a persistent message; resolves when RabbitMQ has confirmed it. Twice is better than never. */
  publish(dispatch: TamarDispatch, limits: WaitOptions): Promise<unknown>
  /** Called once, by the client that uses the broker. */
  listen(replies: TamarReplies): void
  /** Opens what there is to open, so that a mistake shows before the first message. */
  connect?(limits: WaitOptions): Promise<unknown>
  close(): Promise<unknown>
}
