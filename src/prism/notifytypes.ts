import type { ReconnectOptions } from '../core/backoff.ts'
import type { ConnectionStatus } from '../core/connection.ts'
import type { DeliveryStats } from '../core/delivery.ts'
import type { IsomqError } from '../core/errors.ts'
import type { ReceiverEvents, ReceivingClient } from '../core/receiver.ts'
import type { WaitOptions } from '../core/wait.ts'
import type { PrismDeliveryFields } from './codec.ts'

/** Options of `client.notify()`. */
export interface PrismNotifyOptions {
  /** The queue to consume. Default: the application's default queue. */
  queue?: string | undefined
  /** Path of the notify API below the base URL. Default `/platform/notify`. */
  path?: string | undefined
  /** Handlers of `on('message')` that may run at once. Default 16. */
  concurrency?: number | undefined
  /** Messages that may wait for a consumer; see `redeliverAfter` for what becomes of more. Default 10,000. */
  maxBuffered?: number | undefined
  /** `publish` calls that may be under way; more are `QUEUE_FULL`. Default 1,000. */
  maxPending?: number | undefined
  /** Bytes that may wait for the network; with more, `publish` waits. Default 1 MiB. */
  maxUnsent?: number | undefined
  /** Bytes that a routing key may have. Default 256, the documented limit. */
  maxKey?: number | undefined
  /** Bytes that a body may have. Default 65,536, the documented limit. */
  maxBody?: number | undefined
  /**
   * Milliseconds from a message's arrival to its deadline; past it the message is given up and comes again.
   * Default 0, none: the server waits for acks for as long as the connection lives.
   */
  handlerTimeout?: number | undefined
  /**
   * The server sends what was not acknowledged (a handler threw, a deadline passed, the buffer was full) again
   * only on another connection. So after this many milliseconds the connection is replaced, at a moment when no
   * message is being handled if there is one; after the buffer was full, as soon as that is so. 0 never does, and
   * such messages wait for the next break. Default 60,000.
   */
  redeliverAfter?: number | undefined
  /** Milliseconds for signing and opening the socket together. Default 10,000. */
  connectTimeout?: number | undefined
  /**
   * Milliseconds of silence after which a socket is replaced; 0 never. Default 300,000: a quiet queue's server says
   * nothing, and the protocol has no way to ask whether it is there.
   */
  idleTimeout?: number | undefined
  /** When to try again; false never does. */
  reconnect?: false | ReconnectOptions | undefined
}

/** A message and the ways to settle it. */
export interface PrismMessage extends PrismDeliveryFields {
  /** When it arrived here, in milliseconds since 1970. */
  readonly receivedAt: number
  /** Ends when the message cannot be acknowledged any more and will come again: stop working on it. */
  readonly signal: AbortSignal
  /**
   * The body parsed as JSON. With `exact`, integers of 16 digits and more come as text instead of being rounded.
   *
   * @throws IsomqError `PROTOCOL` when the body is not JSON
   */
  json<T = unknown>(options?: { exact?: boolean }): T
  /**
   * Acknowledges the message: the server forgets it. Resolves when the ack has been handed to the socket. Only the
   * first `ack` or `nack` counts.
   *
   * @throws IsomqError `CONNECTION_LOST` or `TIMEOUT` when it is too late; the message will come again
   */
  ack(): Promise<void>
  /** Gives the message up. Prism has no word for that: it stays unacknowledged, and see `redeliverAfter`. */
  nack(reason?: string): Promise<void>
}

/** What happens on the line. */
export type PrismStatus =
  | ConnectionStatus
  /** A frame that is no delivery was dropped; the connection goes on. */
  | { readonly type: 'malformed'; readonly error: IsomqError; readonly bytes: number }
  /**
   * A connection broke after these publishes were handed to its socket: they may not have arrived. `first` and
   * `last` are numbers that `publish()` gave. All those that were handed over since the last sign of life of the
   * server, or within the 10 seconds before it.
   */
  | { readonly type: 'doubtful'; readonly session: number; readonly first: number; readonly last: number }

export type PrismEvents = ReceiverEvents<PrismMessage, PrismStatus>

/** Counters since the notify was made. */
export interface PrismStats extends DeliveryStats {
  readonly malformed: number
  /** Publishes that were handed to a socket. */
  readonly published: number
  /** Those of them that were told as doubtful. */
  readonly doubtful: number
  readonly reconnects: number
}

export interface PrismPublishOptions extends WaitOptions {
  /** Default: `text/plain` for text, `application/octet-stream` for bytes, `application/json` for all else. */
  contentType?: string | undefined
}

export interface PrismNotify extends ReceivingClient<PrismMessage, PrismEvents> {
  /**
   * Resolves when the socket is open. `timeout` is 30,000 ms by default; 0 waits for ever.
   *
   * @throws IsomqError `AUTH_REJECTED` when the server refuses the signature, `CONNECT_FAILED` or `CONNECT_TIMEOUT`
   * when `reconnect` allows no more tries, `TIMEOUT`, `ABORTED`, `CLOSED`
   */
  connect(options?: WaitOptions): Promise<void>
  /**
   * Publishes a message: text, bytes, or anything that goes as JSON. Waits for a connection, then hands it to the
   * socket, once. The protocol answers nothing, so the promise says no more than that: it resolves with the
   * message's number, and when the connection breaks soon after, a `doubtful` status names the numbers that may
   * not have arrived. `timeout` is 30,000 ms by default.
   *
   * @throws IsomqError `LIMIT` when routing key or body is too long, `CONFIG`, `QUEUE_FULL`, `TIMEOUT`, `ABORTED`,
   * `CLOSED`: in all of these, nothing was sent
   */
  publish(routingKey: string, body: unknown, options?: PrismPublishOptions): Promise<number>
  stats(): PrismStats
}
