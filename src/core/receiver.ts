import type { Clock } from './clock.ts'
import type { Delivery, Outcome } from './delivery.ts'
import { createEmitter } from './emitter.ts'
import { IsomqError, type Provider, toError } from './errors.ts'
import { createInbox } from './inbox.ts'
import type { MessagesOptions } from './iterate.ts'
import type { StateChange } from './machine.ts'
import type { DebugRecord } from './options.ts'
import type { Session } from './session.ts'
import { type WaitOptions, wait } from './wait.ts'

/** What a client that receives tells beside its messages. */
export interface ReceiverEvents<Message, Status> {
  message: Message
  state: StateChange
  status: Status | BufferStatus
  /** What no caller waits for: an `IsomqError`, or what a handler threw. */
  error: Error
  debug: DebugRecord
}

export type BufferStatus =
  /** The buffer ran full: what arrives now is left with the server until `relieved`. Once per crossing. */
  { readonly type: 'slow'; readonly buffered: number } | { readonly type: 'relieved' }

export interface DeliveryStats {
  readonly received: number
  /** Settled by `ack`, or by handlers that ended well. */
  readonly acked: number
  readonly nacked: number
  /** Marked by the server as sent before. */
  readonly redelivered: number
  /** Left with the server because the buffer was full. */
  readonly overflowed: number
  /** Given up because their connection was lost before they were settled; they come again. */
  readonly lost: number
  /** Given up because their deadline passed; they come again. */
  readonly expired: number
  /** Waiting for a consumer now. */
  readonly buffered: number
}

export interface CloseOptions extends WaitOptions {
  /** Milliseconds that running handlers get to end. Default 10,000. */
  timeout?: number | undefined
}

export interface ReceiverOptions<D extends Delivery> {
  readonly provider: Provider
  readonly clock: Clock
  readonly logger?: ((record: DebugRecord) => void) | undefined
  readonly concurrency: number
  readonly maxBuffered: number
  readonly handlerTimeout: number
  prepare?(delivery: D): Promise<void> | undefined
  /** The buffer has room again: ask for more. */
  relieved(): void
  /** Somebody wants messages: connect, when that has not been done. */
  start(): void
  /** Close what is open. */
  stop(error: IsomqError): Promise<void>
}

/** The half of a client that faces its user: handlers, iterators, events, counters, the way out. */
export interface Receiver<D extends Delivery, Message, Status> {
  on<K extends keyof ReceiverEvents<Message, Status>>(
    type: K,
    handler: (event: ReceiverEvents<Message, Status>[K]) => unknown,
  ): () => void
  messages(options?: MessagesOptions): AsyncIterableIterator<D>
  /** Takes a delivery in, unless the buffer is full; says whether it did. */
  receive(delivery: D, redelivered: boolean): boolean
  settled(delivery: D, outcome: Outcome): void
  /** The deliveries of a session are lost. */
  drop(session: Session, error: IsomqError): void
  /** Places that are left in the buffer. */
  readonly room: number
  report(error: Error): void
  status(status: Status): void
  changed(change: StateChange): void
  /** A debug record, made only when somebody reads it. */
  trace(event: string, facts: () => Record<string, unknown>): void
  stats(): DeliveryStats
  /** @throws IsomqError `CLOSED` when the client has ended and nobody revived it */
  check(): void
  revive(): void
  /** The client ended by itself. */
  gaveUp(error: IsomqError): void
  close(options?: CloseOptions): Promise<void>
}

const DRAIN = 10_000

export function createReceiver<D extends Message & Delivery, Message, Status>(
  options: ReceiverOptions<D>,
): Receiver<D, Message, Status> {
  type Events = ReceiverEvents<Message, Status>
  const { provider, clock, logger } = options
  const counters = { received: 0, acked: 0, nacked: 0, redelivered: 0, overflowed: 0, lost: 0, expired: 0 }
  let closing: Promise<void> | undefined
  /** Why the client takes no more calls, once it does not. */
  let ended: IsomqError | undefined

  const emitter = createEmitter<Omit<Events, 'message'>>((thrown, type) => {
    // An error handler that fails has nobody left to tell.
    if (type !== 'error') report(toError(thrown))
  })
  const report = (error: Error) => emitter.emit('error', error)
  if (logger) emitter.on('debug', logger as never)
  const inbox = createInbox<D>({
    ...options,
    report,
    slow: (buffered) => emitter.emit('status', { type: 'slow', buffered }),
    relieved() {
      emitter.emit('status', { type: 'relieved' })
      options.relieved()
    },
  })

  function end(error: IsomqError, told?: IsomqError): void {
    ended = error
    inbox.drop(undefined, error)
    inbox.end(told)
  }

  async function shut(limits: CloseOptions): Promise<void> {
    const error = new IsomqError(provider, 'CLOSED', 'the client was closed; connect() opens it again')
    ended = error
    const drained = inbox.drain(error)
    // However the wait ends, what then still runs is given up.
    await wait(limits, { provider, clock, what: 'end of the handlers' }, (resolve) => {
      drained.then(resolve as () => void)
      return undefined
    }).catch(() => {})
    end(error)
    await options.stop(error)
  }

  return {
    on(type, handler) {
      if (type !== 'message') return emitter.on(type as 'state', handler as never)
      const off = inbox.on(handler as (delivery: D) => unknown)
      if (!ended) options.start()
      return off
    },
    messages(limits = {}) {
      const iterable = inbox.messages(limits, ended)
      if (!ended && !limits.signal?.aborted) options.start()
      return iterable
    },
    receive(delivery, redelivered) {
      counters.received++
      if (redelivered) counters.redelivered++
      const taken = inbox.push(delivery)
      if (!taken) counters.overflowed++
      return taken
    },
    settled(delivery, outcome) {
      counters[outcome]++
      inbox.settled(delivery)
    },
    drop: (session, error) => inbox.drop(session, error),
    get room() {
      return inbox.room
    },
    report,
    status: (status) => emitter.emit('status', status),
    changed: (change) => emitter.emit('state', change),
    trace(event, facts) {
      if (emitter.has('debug')) emitter.emit('debug', { provider, at: clock.now(), event, ...facts() })
    },
    stats: () => ({ ...counters, buffered: inbox.buffered }),
    check() {
      if (ended)
        throw new IsomqError(provider, 'CLOSED', 'the client has ended; connect() opens it again', {
          cause: ended,
        })
    },
    revive() {
      if (!closing) ended = undefined
    },
    gaveUp: (error) => end(error, error),
    close(limits = {}) {
      closing ??= shut({ timeout: DRAIN, ...limits }).finally(() => {
        closing = undefined
      })
      return closing
    },
  }
}
