import type { CloseOptions, LifeEvents } from '../core/life.ts'
import type { DebugRecord, Injected } from '../core/options.ts'
import type { WaitOptions } from '../core/wait.ts'
import type { TamarBroker, TamarRedis, TamarStore } from './ports.ts'

/** Options of `createTamarClient`. */
export interface TamarClientOptions extends Injected {
  redis: TamarRedis
  store: TamarStore
  broker: TamarBroker
  /** Milliseconds that each step (sequence number, row, dispatch) may take; 0 sets no limit. Default 30,000. */
  stepTimeout?: number | undefined
  /** Bytes that the JSON of a payload may have. Default 1,000,000. */
  maxPayload?: number | undefined
  /** Commands that may wait for an answer; more are `QUEUE_FULL`. Default 10,000. */
  maxPending?: number | undefined
  /**
   * Milliseconds after which a command that still waits is looked up in the table, and again each time; 0 looks only
   * when the reply queue was lost, and before it gives up. Default 30,000.
   */
  lookEvery?: number | undefined
}

/** Who sends. */
export interface TamarSender {
  /** Default `server`. */
  senderType?: 'server' | 'client' | undefined
  senderId?: string | null | undefined
}

/** What ends the wait, by `ABORTED` or `TIMEOUT`, does not end what has begun. */
export interface TamarSendOptions extends TamarSender, WaitOptions {}

export interface TamarCommand extends TamarSendOptions {
  /** What the user's client is to do. */
  type: string
  /** Any JSON value. Default null. */
  data?: unknown
  /** Milliseconds until the command expires, and the wait for its answer ends. Default 1,800,000. */
  timeout?: number | undefined
  /** Milliseconds after which the gateway pushes again what was not acknowledged. Default 60,000. */
  retryInterval?: number | undefined
  /** Wait for the answer; false resolves with the message id. Default true. */
  wait?: boolean | undefined
}

/** A row's fate. */
export interface TamarResult<T = unknown> {
  readonly messageId: string
  /** `PENDING`, `DELIVERING`, `REQUEST_DELIVERED`, `FINISHED` or `TIMED_OUT`. */
  readonly status: string
  /** What the user's client answered to a command; undefined while it has not. */
  readonly response: T | undefined
}

/** Counters since the client was made. */
export interface TamarStats {
  readonly realtime: number
  /** Rows written. */
  readonly rows: number
  /** Confirmed by RabbitMQ. */
  readonly dispatched: number
  /** Answers that somebody waited for. */
  readonly answered: number
  /** Answers of those that were found in the table. */
  readonly found: number
  /** Answers that nobody waited for (any more). */
  readonly unclaimed: number
  /** Commands that wait for an answer now. */
  readonly waiting: number
}

export interface TamarEvents {
  /** What no caller waits for: a send that failed after its signal had ended the wait, or what a handler threw. */
  error: Error
  debug: DebugRecord
}

/** The same with what the way out of every client tells. */
export type TamarLifeEvents = LifeEvents<never> & TamarEvents

/**
 * Sends to a user's devices through the gateway.
 *
 * What fails of the three is told by `PROVIDER` errors, whose `details` hold `service` (`redis`, `store` or `broker`).
 * Every error of a send that may have left a row has `messageId` and `row` (true, false or `'unknown'`) in its
 * `details`, also `ABORTED` and `TIMEOUT`.
 */
export interface TamarClient {
  /**
   * Shows a user something now; who is offline never sees it. Any JSON value.
   *
   * @throws IsomqError `PROVIDER`, `CONFIG`, `LIMIT`, `ABORTED`, `CLOSED`
   */
  sendRealtime(userId: string, payload: unknown, options?: WaitOptions): Promise<void>
  /**
   * Sends what must arrive, at least once; kept for who is offline. Resolves with the message id when the row is
   * written and RabbitMQ has confirmed its dispatch.
   *
   * @throws IsomqError `PROVIDER` (with `row: true` only the dispatch failed: call `dispatch(messageId)`), `CONFIG`,
   * `LIMIT`, `ABORTED`, `CLOSED`
   */
  sendReliable(userId: string, payload: unknown, options?: TamarSendOptions): Promise<string>
  /**
   * Sends a command and resolves with the answer of the user's client, or with the message id for `wait: false`.
   *
   * @throws IsomqError `TIMEOUT` without an answer, `PROTOCOL` when the answer is no JSON, `QUEUE_FULL`, and what
   * `sendReliable` throws
   */
  sendCommand(userId: string, command: TamarCommand & { wait: false }): Promise<string>
  sendCommand<T = unknown>(userId: string, command: TamarCommand & { wait?: true | undefined }): Promise<T>
  sendCommand<T = unknown>(userId: string, command: TamarCommand): Promise<T | string>
  /**
   * Publishes the name of a row (again) whose dispatch failed; no second row appears.
   *
   * @throws IsomqError `PROVIDER`, also when there is no such row, `CONFIG`, `ABORTED`, `CLOSED`
   */
  dispatch(messageId: string, options?: WaitOptions): Promise<void>
  /** Reads what became of a message; undefined when there is no such row. */
  result<T = unknown>(messageId: string, options?: WaitOptions): Promise<TamarResult<T> | undefined>
  /** Opens the broker's connection, which the first dispatch would do otherwise. */
  connect(options?: WaitOptions): Promise<void>
  /** Adds a handler; returns what takes it off again. */
  on<K extends keyof TamarEvents>(type: K, handler: (event: TamarEvents[K]) => unknown): () => void
  stats(): TamarStats
  /** Takes nothing more, lets running sends end, rejects the waits for answers with `CLOSED`, closes the broker. */
  close(options?: CloseOptions): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
