import type { Delivery } from './delivery.ts'
import { createEmitter } from './emitter.ts'
import { IsomqError, toError } from './errors.ts'
import { type BufferStatus, createInbox, type Inbox, type InboxOptions } from './inbox.ts'
import type { MessagesOptions } from './iterate.ts'
import type { StateChange } from './machine.ts'
import type { DebugRecord } from './options.ts'
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

export interface CloseOptions extends WaitOptions {
  /** Milliseconds that running handlers get to end. Default 10,000. */
  timeout?: number | undefined
}

export interface ReceiverOptions<D extends Delivery> extends InboxOptions<D> {
  readonly logger?: ((record: DebugRecord) => void) | undefined
  /** Somebody wants messages: connect, when that has not been done. */
  start(): void
  /** Sends what is still to be told; a part of what `close` waits for. */
  flush?(): Promise<void>
  /** Close what is open. */
  stop(error: IsomqError): Promise<void>
}

/** The half of a client that faces its user: handlers, iterators, events, counters, the way out. */
export interface Receiver<D extends Delivery, Message, Status>
  extends Pick<Inbox<D>, 'receive' | 'settled' | 'drop' | 'room' | 'stats'> {
  on<K extends keyof ReceiverEvents<Message, Status>>(
    type: K,
    handler: (event: ReceiverEvents<Message, Status>[K]) => unknown,
  ): () => void
  messages(options?: MessagesOptions): AsyncIterableIterator<D>
  report(error: Error): void
  /** Tells what happens on the line; a break is an error, too. */
  status(status: Status): void
  changed(change: StateChange): void
  /** A debug record, made only when somebody reads it. */
  trace(event: string, facts: () => Record<string, unknown>): void
  /** @throws IsomqError `CLOSED` when the client has ended and nobody revived it */
  check(): void
  revive(): void
  /** The client ended by itself. */
  gaveUp(error: IsomqError): void
  close(options?: CloseOptions): Promise<void>
}

const DRAIN = 10_000

export function createReceiver<
  D extends Message & Delivery,
  Message,
  Status extends { readonly type: string; readonly error?: IsomqError },
>(options: ReceiverOptions<D>): Receiver<D, Message, Status> {
  type Events = ReceiverEvents<Message, Status>
  const { provider, clock, logger } = options
  let closing: Promise<void> | undefined
  /** Ends the wait for running handlers. */
  let hurry = () => {}
  /** Why the client takes no more calls, once it does not. */
  let ended: IsomqError | undefined

  const emitter = createEmitter<Omit<Events, 'message'>>((thrown, type) => {
    // An error handler that fails has nobody left to tell.
    if (type !== 'error') report(toError(thrown))
  })
  const report = (error: Error) => emitter.emit('error', error)
  if (logger) emitter.on('debug', logger as never)
  const inbox = createInbox<D>(options, report, (status) => emitter.emit('status', status))

  function end(error: IsomqError, told?: IsomqError): void {
    ended = error
    inbox.drop(undefined, error)
    inbox.end(told)
  }

  const closed = (cause?: IsomqError) =>
    new IsomqError(provider, 'CLOSED', 'the client is closed; once that is done, connect() opens it again', {
      cause,
    })

  async function shut(): Promise<void> {
    const error = closed()
    ended = error
    const drained = inbox.drain(error).then(options.flush)
    // However the wait ends, what then still runs is given up.
    await Promise.race([drained, new Promise<void>((resolve) => (hurry = resolve))])
    end(error)
    await options.stop(error)
  }

  function trace(event: string, facts: () => Record<string, unknown>): void {
    if (emitter.has('debug')) emitter.emit('debug', { provider, at: clock.now(), event, ...facts() })
  }

  return {
    ...inbox,
    on(type, handler) {
      if (typeof handler !== 'function') {
        throw new IsomqError(provider, 'CONFIG', 'the second argument of on() must be a function')
      }
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
    report,
    status(status) {
      if (status.type === 'disconnected' && status.error?.code !== 'CLOSED') report(status.error!)
      emitter.emit('status', status)
    },
    changed(change) {
      trace('state', () => ({ from: change.from, to: change.to }))
      emitter.emit('state', change)
    },
    trace,
    check() {
      if (ended) throw closed(ended)
    },
    revive() {
      if (!closing) ended = undefined
    },
    gaveUp: (error) => end(error, closing ? undefined : error),
    async close({ signal, timeout = DRAIN } = {}) {
      closing ??= shut().finally(() => {
        closing = undefined
      })
      const now = closing
      // Each call has limits of its own, and the first that is reached ends the wait for the handlers.
      await wait<void>({ signal, timeout }, { provider, clock, what: 'end of the handlers' }, (resolve) => {
        now.then(resolve)
        return undefined
      }).catch(() => hurry())
      await now
    },
  }
}
