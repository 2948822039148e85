import type { ConnectionStatus } from '../core/connection.ts'
import type { IsomqError } from '../core/errors.ts'
import type { FeedOptions } from '../core/feed.ts'
import type { CloseOptions, LifeEvents } from '../core/life.ts'
import type { State } from '../core/machine.ts'
import type { WaitOptions } from '../core/wait.ts'
import type { TamburMode } from './sign.ts'

/** A message of a stream. */
export interface TamburMessage {
  readonly stream: string
  readonly text: string
  /** When it arrived here, in milliseconds since 1970. */
  readonly receivedAt: number
  /**
   * The text parsed as JSON.
   *
   * @throws IsomqError `PROTOCOL` when it is not JSON
   */
  json<T = unknown>(): T
}

/** A message that another user of the stream sent to this one. */
export interface TamburDirectMessage extends TamburMessage {
  readonly from: string
}

/** Who comes and goes; at a `reset` nobody is known any more, and whoever is there comes up again. */
export type TamburPresence =
  | { readonly kind: 'up' | 'down'; readonly userId: string }
  | { readonly kind: 'reset' }

/**
 * What a reconnect has made of a stream (`mode` is undefined) or of one of its modes: asked for again, or refused
 * and off, to be asked for again. From `restored` on nothing is missed: the time to fetch what was.
 */
export type TamburStreamStatus =
  | { readonly type: 'restored'; readonly mode: TamburMode | undefined }
  | { readonly type: 'refused'; readonly mode: TamburMode | undefined; readonly error: IsomqError }

export interface TamburStreamEvents {
  /** What was published to the stream. */
  message: TamburMessage
  /** What was published to `auth:STREAM`; needs auth mode. */
  auth: TamburMessage
  /** Needs direct mode. */
  direct: TamburDirectMessage
  /** Needs presence mode. */
  presence: TamburPresence
  status: TamburStreamStatus
}

export interface TamburMessagesOptions extends FeedOptions {
  /** What to iterate over. Default `message`. */
  kind?: 'message' | 'auth' | 'direct' | undefined
}

/**
 * A stream of a connection. What was asked for (the stream, its modes) is asked for again after every reconnect, once
 * per session, with new tokens. What waits for an answer takes `signal` and `timeout` (30,000 ms by default).
 *
 * @throws IsomqError `PROVIDER` with the service's reason when it refuses, `CONFIG` when it makes no sense (opening
 * an open stream, switching a mode on twice, a mode of a stream that is closed), `TIMEOUT`, `ABORTED`, `CLOSED`
 */
export interface TamburStream {
  readonly name: string
  /** `opening` until the service has acked it, and again while the connection is away. */
  readonly state: 'closed' | 'opening' | 'open'
  /** Who is there, as far as presence mode tells. */
  readonly present: ReadonlySet<string>
  /** Subscribes; resolves when the service has acked it. `private` needs no subscription, only a connection. */
  open(options?: WaitOptions): Promise<void>
  /** Unsubscribes. The modes end with it, and so do the loops; nothing arrives any more, save on `private`. */
  close(options?: WaitOptions): Promise<void>
  /** Adds a handler and returns what takes it off. It neither connects nor opens. */
  on<K extends keyof TamburStreamEvents>(
    type: K,
    handler: (event: TamburStreamEvents[K]) => unknown,
  ): () => void
  /**
   * Opens the stream when it is closed, and iterates over its messages. A loop that is too slow misses the oldest
   * (`maxBuffered`), which `stats().dropped` counts: nothing here can be sent again. It ends when the stream or the
   * connection is closed, and throws when the stream is refused or the client gives up, in both cases behind what has
   * arrived; its signal ends it at once (`ABORTED`).
   */
  messages(
    options?: TamburMessagesOptions & { kind?: 'message' | 'auth' },
  ): AsyncIterableIterator<TamburMessage>
  messages(options: TamburMessagesOptions & { kind: 'direct' }): AsyncIterableIterator<TamburDirectMessage>
  enableAuth(options?: WaitOptions): Promise<void>
  disableAuth(options?: WaitOptions): Promise<void>
  /** To be seen as a user, and to see the others: `on('presence')`, `present`. */
  enablePresence(userId: string, options?: WaitOptions): Promise<void>
  disablePresence(options?: WaitOptions): Promise<void>
  /** To send direct messages as a user, and to receive them: `direct()`, `on('direct')`. */
  enableDirect(userId: string, options?: WaitOptions): Promise<void>
  disableDirect(options?: WaitOptions): Promise<void>
  /**
   * Sends a text to a user of the stream; needs direct mode, and waits for it while it is on its way. Resolves when
   * the service has acked it.
   */
  direct(userId: string, text: string, options?: WaitOptions): Promise<void>
}

/** What happens on the line. */
export type TamburStatus =
  | ConnectionStatus
  /** A frame that is not of the protocol was dropped; the connection goes on. */
  | { readonly type: 'malformed'; readonly error: IsomqError; readonly bytes: number }
  /** The service refused to restore a stream or a mode; it is off, and can be asked for again. */
  | {
      readonly type: 'refused'
      readonly stream: string
      readonly mode: TamburMode | undefined
      readonly error: IsomqError
    }
  /**
   * The connection is back, and told so. What was published in these milliseconds, and in those until the streams are
   * `restored`, is gone: the protocol keeps nothing. The break may have begun before it was noticed here, so that this
   * is the least that it lasted.
   */
  | { readonly type: 'gap'; readonly session: number; readonly duration: number }

export type TamburEvents = LifeEvents<TamburStatus>

/** Counters since the connection was made. */
export interface TamburStats {
  /** Messages that arrived, of every kind. */
  readonly received: number
  /** Messages that a loop of `messages()` was too slow for. */
  readonly dropped: number
  readonly malformed: number
  readonly reconnects: number
  /** Streams that are open now. */
  readonly open: number
  /** Milliseconds that the service took for the last answer. */
  readonly lastRoundTrip: number | undefined
}

export interface TamburConnection extends AsyncDisposable {
  readonly state: State
  /** Names this connection to the service, while there is one; another after each reconnect. */
  readonly subscriberId: string | undefined
  /**
   * Resolves when the service has said the subscriber id. `timeout` is 30,000 ms by default; 0 waits for ever.
   *
   * @throws IsomqError `CONNECT_FAILED` or `CONNECT_TIMEOUT` when `reconnect` allows no more tries, `TIMEOUT`,
   * `ABORTED`, `CLOSED`
   */
  connect(options?: WaitOptions): Promise<void>
  /** Never rejects; may be called twice. `connect()` opens again, with the streams as they were. */
  close(options?: CloseOptions): Promise<void>
  /** The stream of that name; the same one for the same name. */
  stream(name: string): TamburStream
  on<K extends keyof TamburEvents>(type: K, handler: (event: TamburEvents[K]) => unknown): () => void
  stats(): TamburStats
}
