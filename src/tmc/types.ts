import type { ConnectionStatus } from '../core/connection.ts'
import type { DeliveryStats } from '../core/delivery.ts'
import type { IsomqError } from '../core/errors.ts'
import type { ReceiverEvents, ReceivingClient } from '../core/receiver.ts'
import type { WaitOptions } from '../core/wait.ts'
import type { TmcMessage } from './message.ts'

/** What happens on the lines; `connection` counts from 1. */
export type TmcStatus =
  | (ConnectionStatus & { readonly connection: number })
  /** A frame that is not of the protocol was dropped; the connection goes on. */
  | {
      readonly type: 'malformed'
      readonly error: IsomqError
      readonly bytes: number
      readonly connection: number
    }

export type TmcEvents = ReceiverEvents<TmcMessage, TmcStatus>

/** Counters since the client was made. */
export interface TmcStats extends DeliveryStats {
  /** Confirmed (and counted in `acked`) without being handed out: handled before, within `dedupe`. */
  readonly duplicates: number
  readonly malformed: number
  readonly produced: number
  readonly reconnects: number
  /** Signed-in connections now. */
  readonly connections: number
  /** Milliseconds that the server took to answer the last `produce`. */
  readonly lastRoundTrip: number | undefined
}

/** A message for `produce`. */
export interface TmcProduceInput {
  readonly topic: string
  /** Text goes as it is, anything else as JSON. */
  readonly content: unknown
  /** The authorization of the user in whose name it is sent. */
  readonly session?: string | undefined
}

/** What the socket client and the poller have in common: see `createTmcClient` and `createTmcPoller`. */
export type TmcConsumer<Events = TmcEvents> = ReceivingClient<TmcMessage, Events>

export interface TmcClient extends TmcConsumer {
  /**
   * Resolves when every connection is signed in. `timeout` is 30,000 ms by default; 0 waits for ever.
   *
   * @throws IsomqError `AUTH_REJECTED` when the server refuses, `CONNECT_FAILED` or `CONNECT_TIMEOUT` when
   * `reconnect` allows no more tries, `TIMEOUT`, `ABORTED`, `CLOSED`
   */
  connect(options?: WaitOptions): Promise<void>
  /**
   * Sends a message into TMC and resolves when the server took it; waits for a connection. `timeout` covers
   * both and is 30,000 ms by default.
   *
   * @throws IsomqError `PROVIDER` with the server's code and phrase, `TIMEOUT` or `CONNECTION_LOST` (in both
   * the message may have been taken), `QUEUE_FULL`, `ABORTED`, `CLOSED`, `CONFIG`
   */
  produce(message: TmcProduceInput, options?: WaitOptions): Promise<void>
  /** Confirms a message by its id, on whichever connection is there; waits for one. */
  confirm(id: string | bigint, options?: WaitOptions): Promise<void>
  /** Fails a message by its id: it comes again. */
  fail(id: string | bigint, reason?: string, options?: WaitOptions): Promise<void>
  stats(): TmcStats
}
