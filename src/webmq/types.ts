import type { ConnectionStatus } from '../core/connection.ts'
import type { IsomqError } from '../core/errors.ts'
import type { FeedOptions } from '../core/feed.ts'
import type { CloseOptions, LifeEvents } from '../core/life.ts'
import type { State } from '../core/machine.ts'
import type { WaitOptions } from '../core/wait.ts'

/** An event of a topic. */
export interface WampEvent {
  /** The topic it was published to, in full. */
  readonly topic: string
  /** The payload of version 1, the first argument of version 2. */
  readonly event: unknown
  /** All arguments; of version 1, the one. */
  readonly args: readonly unknown[]
  /** Named arguments; empty in version 1. */
  readonly kwargs: Readonly<Record<string, unknown>>
  /** Version 2 only. */
  readonly publication: number | undefined
  /** The publisher's session id, where it disclosed itself. Version 2 only. */
  readonly publisher: number | undefined
  /** When it arrived here, in milliseconds since 1970. */
  readonly receivedAt: number
}

/** How a topic is matched. Version 1 knows only `exact`. */
export type WampMatch = 'exact' | 'prefix' | 'wildcard'

export interface WampSubscribeOptions extends WaitOptions {
  /** Default `exact`. */
  match?: WampMatch | undefined
}

/** A subscription. After a reconnect the topic is subscribed again, once per session. */
export interface WampSubscription {
  readonly topic: string
  readonly match: WampMatch
  /** Whether it is there, for the present session or to be restored for the next. */
  readonly active: boolean
  /** Adds a handler and returns what takes it off. */
  on(type: 'event', handler: (event: WampEvent) => unknown): () => void
  /**
   * Iterates over events from now on. A loop that is too slow misses the oldest (`maxBuffered`), which
   * `stats().dropped` counts. It ends when the subscription or the session does, and throws when the server refuses to
   * restore it, the session gives up, or its signal ends it (`ABORTED`).
   */
  messages(options?: FeedOptions): AsyncIterableIterator<WampEvent>
  /** Ends it. The server hears of it when it was the topic's last one. */
  unsubscribe(options?: WaitOptions): Promise<void>
}

export interface WampPublishOptions extends WaitOptions {
  /** Whether this session does not get the event itself, also when it is eligible. Default true. */
  excludeMe?: boolean | undefined
  /** Session ids that do not get it. */
  exclude?: readonly (string | number)[] | undefined
  /** Session ids that get it, and nobody else. */
  eligible?: readonly (string | number)[] | undefined
  /** Wait until the router has taken it. Version 2 only. */
  acknowledge?: boolean | undefined
  /** Further arguments behind the event. Version 2 only. */
  args?: readonly unknown[] | undefined
  /** Named arguments. Version 2 only. */
  kwargs?: Readonly<Record<string, unknown>> | undefined
}

export interface WampCallOptions extends WaitOptions {
  /** Named arguments. Version 2 only. */
  kwargs?: Readonly<Record<string, unknown>> | undefined
}

/** What a session may do, as a WAMP 1 server told after the sign-in. */
export interface WampPermissions {
  readonly pubsub: readonly {
    readonly uri: string
    readonly prefix?: boolean
    readonly pub?: boolean
    readonly sub?: boolean
  }[]
  readonly rpc: readonly { readonly uri: string; readonly call?: boolean }[]
}

/** What happens on the line. */
export type WampStatus =
  | ConnectionStatus
  /** A frame that is not of the protocol was dropped; the connection goes on. */
  | { readonly type: 'malformed'; readonly error: IsomqError; readonly bytes: number }
  /** The server refused to restore a subscription; it is gone. */
  | { readonly type: 'refused'; readonly topic: string; readonly error: IsomqError }
  /** The connection is back. What was published in these milliseconds is gone: the protocol keeps nothing. */
  | { readonly type: 'gap'; readonly session: number; readonly duration: number }

export type WampEvents = LifeEvents<WampStatus>

/** Counters since the session was made. */
export interface WampStats {
  /** Events that arrived. */
  readonly received: number
  /** Events that a loop of `messages()` was too slow for, or beyond 1,000 that waited for somebody to listen. */
  readonly dropped: number
  readonly malformed: number
  readonly reconnects: number
  /** Subscriptions that the present session has. */
  readonly subscriptions: number
  /** Milliseconds that the server took for the last answer. */
  readonly lastRoundTrip: number | undefined
}

/**
 * A session with a WAMP server of either version. What waits takes `signal` and `timeout` (30,000 ms by default), and
 * throws an IsomqError: `PROVIDER` with the WAMP error in `details` (`uri`, `args`, `kwargs`), `CONNECTION_LOST` when
 * the connection broke after it was sent (it may have happened), `TIMEOUT`, `ABORTED`, `QUEUE_FULL`, `CONFIG` (also for
 * what the version does not have), `CLOSED`. What was not sent yet waits for the next connection, and is sent once.
 */
export interface WampSession extends AsyncDisposable {
  readonly state: State
  readonly version: 1 | 2
  /** What `exclude` and `eligible` name; another after each reconnect. */
  readonly sessionId: string | number | undefined
  /** Version 1, after a sign-in. */
  readonly permissions: WampPermissions | undefined
  /** Resolves when the session is signed in. */
  connect(options?: WaitOptions): Promise<void>
  /** Never rejects; may be called twice. `connect()` opens again, with the subscriptions as they were. */
  close(options?: CloseOptions): Promise<void>
  on<K extends keyof WampEvents>(type: K, handler: (event: WampEvents[K]) => unknown): () => void
  /** Resolves when the server has it; version 1 does not answer: when it was sent. */
  subscribe(topic: string, options?: WampSubscribeOptions): Promise<WampSubscription>
  /** Resolves when it was sent, or with `acknowledge` when the router has taken it: with the publication's id. */
  publish(topic: string, event?: unknown, options?: WampPublishOptions): Promise<number | undefined>
  /** A single result comes as it is, several as `{ args, kwargs }`. */
  call<T = unknown>(procedure: string, args?: readonly unknown[], options?: WampCallOptions): Promise<T>
  /** From now on `name:rest` means `uri` and what is behind it, wherever a topic or procedure stands. */
  prefix(name: string, uri: string): void
  stats(): WampStats
}
