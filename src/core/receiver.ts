import type { Delivery } from './delivery.ts'
import type { IsomqError } from './errors.ts'
import { type BufferStatus, createInbox, type Inbox, type InboxOptions } from './inbox.ts'
import type { MessagesOptions } from './iterate.ts'
import { type CloseOptions, createLife, type Life, type LifeEvents, type LifeOptions } from './life.ts'
import type { State } from './machine.ts'

/** What a client that receives tells beside its messages. */
export interface ReceiverEvents<Message, Status> extends LifeEvents<Status | BufferStatus> {
  message: Message
}

/** What every client that receives has; see its factory. */
export interface ReceivingClient<Message, Events> extends AsyncDisposable {
  readonly state: State
  /**
   * Stops taking, lets what runs end and be acked, then closes. Never rejects; may be called twice. A handler
   * that awaits it waits for itself, until `timeout` ends that: call it without `await` there.
   */
  close(options?: CloseOptions): Promise<void>
  /**
   * Adds a handler and returns what takes it off. Handlers of `message` connect the client; a message is acked
   * when all of them have ended well, and nacked when one throws.
   */
  on<K extends keyof Events>(type: K, handler: (event: Events[K]) => unknown): () => void
  /**
   * Connects, and iterates over messages; each is to be settled by its `ack()` or `nack()`. The loop throws
   * when its signal ends it (`ABORTED`) or the client gives up, and just ends when the client is closed.
   */
  messages(options?: MessagesOptions): AsyncIterableIterator<Message>
}

export interface ReceiverOptions<D extends Delivery>
  extends InboxOptions<D>,
    Pick<LifeOptions, 'logger' | 'stop'> {
  /** Somebody wants messages: connect, when that has not been done. */
  start(): void
  /** Sends what is still to be told; a part of what `close` waits for. */
  flush?(): Promise<void>
}

/** The half of a client that faces its user: handlers, iterators, events, counters, the way out. */
export interface Receiver<D extends Delivery, Message, Status>
  extends Pick<Inbox<D>, 'receive' | 'settled' | 'drop' | 'room' | 'stats'>,
    Omit<Life<ReceiverEvents<Message, Status>>, 'emit' | 'status' | 'ended'> {
  messages(options?: MessagesOptions): AsyncIterableIterator<D>
  status(status: Status): void
}

export function createReceiver<
  D extends Message & Delivery,
  Message,
  Status extends { readonly type: string; readonly error?: IsomqError },
>(options: ReceiverOptions<D>): Receiver<D, Message, Status> {
  const { start, flush } = options
  const life: Life<ReceiverEvents<Message, Status>> = createLife({
    ...options,
    drain: (error) => inbox.drain(error).then(flush),
    drop(error, told) {
      inbox.drop(undefined, error)
      inbox.end(told)
    },
  })
  const inbox: Inbox<D> = createInbox(options, life.report, (status) => life.emit('status', status))

  return {
    ...life,
    ...inbox,
    on(type, handler) {
      if (type !== 'message' || typeof handler !== 'function') return life.on(type, handler)
      const off = inbox.on(handler as (delivery: D) => unknown)
      if (!life.ended) start()
      return off
    },
    messages(limits = {}) {
      const iterable = inbox.messages(limits, life.ended)
      if (!life.ended && !limits.signal?.aborted) start()
      return iterable
    },
  }
}
