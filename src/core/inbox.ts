import { alarm, type Clock } from './clock.ts'
import type { Delivery } from './delivery.ts'
import { IsomqError, type Provider, toError } from './errors.ts'
import { createIterator, type MessagesOptions } from './iterate.ts'
import type { Session } from './session.ts'
import { isThenable } from './wait.ts'

export interface InboxOptions<D extends Delivery> {
  readonly provider: Provider
  readonly clock: Clock
  /** Handlers of `on('message')` that may run at once. */
  readonly concurrency: number
  /** Deliveries that may wait for a consumer. */
  readonly maxBuffered: number
  /** Milliseconds from arrival to the deadline; 0 sets none. */
  readonly handlerTimeout: number
  /** Makes a delivery ready for its consumer, such as inflating it; what it rejects with fails the delivery. */
  prepare?(delivery: D): Promise<void> | undefined
  /** Something failed that no caller waits for. */
  report(error: Error): void
  /** The buffer ran full (once per crossing), or is half empty again. */
  slow(buffered: number): void
  relieved(): void
}

/** Who takes deliveries: an iterator, or all handlers together. */
export interface Consumer<D extends Delivery> {
  /** Deliveries that it has and may have at once. */
  busy: number
  readonly limit: number
  /** Whether it settles by hand: a delivery is off its hands when it is settled, not when its handler ends. */
  readonly byHand: boolean
  /** Whether it asks for a delivery now. */
  asks(): boolean
  give(delivery: D): void
}

export interface Inbox<D extends Delivery> {
  readonly buffered: number
  /** Places that are left in the buffer. */
  readonly room: number
  /** Takes a delivery in; false when the buffer is full and it was left to come again. */
  push(delivery: D): boolean
  on(handler: (delivery: D) => unknown): () => void
  /** Iterates; with `ended` there is nothing to iterate over, and the loop throws it. */
  messages(options: MessagesOptions, ended?: IsomqError): AsyncIterableIterator<D>
  /** To be called for each settled delivery. */
  settled(delivery: D): void
  /** The deliveries of a session (or, with none, all) cannot be acked any more. */
  drop(session: Session | undefined, error: IsomqError): void
  /** Takes nothing more, leaves what waits to come again; resolves when every consumer is done. */
  drain(error: IsomqError): Promise<void>
  /** Ends the iterators: with an error, or (after a `close()`) without one. */
  end(error?: IsomqError): void
}

/** What a handler threw, which may be undefined. */
interface Failure {
  readonly reason: unknown
}

/** A bounded buffer between a connection and its consumers; each delivery goes to one of them. */
export function createInbox<D extends Delivery>(options: InboxOptions<D>): Inbox<D> {
  const { provider, clock, maxBuffered, handlerTimeout, report } = options
  const queue: D[] = []
  /** Handed out and not released, in order of arrival; with whom. */
  const out = new Map<D, Consumer<D>>()
  const iterators = new Set<Consumer<D> & { end(error?: IsomqError): void }>()
  const handlers = new Set<(delivery: D) => unknown>()
  let full = false
  let pumping = false
  let preparing: D | undefined
  let drained: (() => void) | undefined
  let cancelSweep: (() => void) | undefined

  const everyHandler: Consumer<D> = {
    busy: 0,
    limit: options.concurrency,
    byHand: false,
    asks: () => handlers.size > 0,
    give(delivery) {
      let left = 1
      let failure: Failure | undefined
      const ended = () => --left || finish(delivery, failure)
      const failed = (reason: unknown) => {
        failure ??= { reason }
        ended()
      }
      for (const handler of handlers) {
        left++
        try {
          const result = handler(delivery)
          if (isThenable(result)) result.then(ended, failed)
          else ended()
        } catch (thrown) {
          failed(thrown)
        }
      }
      ended()
    },
  }

  /** The handlers have ended: settles the delivery by how. */
  function finish(delivery: D, failure?: Failure): void {
    const told = delivery.outcome
    try {
      if (failure) {
        const error = toError(failure.reason)
        report(error)
        if (!told) delivery.settle('nacked', error.message)
      } else delivery.settle('acked')
    } catch (error) {
      // What became of a connection or a deadline before was told then.
      if (!told) report(error as Error)
    }
    release(delivery)
  }

  function release(delivery: D): void {
    const owner = out.get(delivery)
    if (!owner) return
    out.delete(delivery)
    owner.busy--
    if (out.size === 0) drained?.()
    pump()
  }

  function taker(): Consumer<D> | undefined {
    for (const one of iterators) if (one.busy < one.limit && one.asks()) return one
    return everyHandler.busy < everyHandler.limit && everyHandler.asks() ? everyHandler : undefined
  }

  function pump(): void {
    // Handing out may release, which pumps again: the loop below sees to it.
    if (pumping) return
    pumping = true
    for (let to = taker(); to && queue.length > 0 && isPrepared(queue[0]!); to = taker()) {
      const delivery = shift()
      if (delivery.outcome || expired(delivery)) continue
      out.set(delivery, to)
      to.busy++
      armSweep()
      to.give(delivery)
    }
    pumping = false
  }

  function shift(): D {
    const delivery = queue.shift()!
    relieve()
    return delivery
  }

  function relieve(): void {
    if (!full || queue.length > maxBuffered / 2) return
    full = false
    options.relieved()
  }

  /** Whether the first in the queue can go out; if not, its preparation is under way and pumps when done. */
  function isPrepared(first: D): boolean {
    if (preparing === first) return false
    const promise = first.outcome ? undefined : options.prepare?.(first)
    if (!promise) return true
    preparing = first
    const done = (failure?: Failure) => {
      preparing = undefined
      if (failure) {
        if (queue[0] === first) shift()
        finish(first, failure)
      }
      pump()
    }
    promise.then(
      () => done(),
      (reason) => done({ reason }),
    )
    return false
  }

  /** Whether the deadline of a delivery has passed; if so, it is given up. */
  function expired(delivery: D): boolean {
    if (!handlerTimeout || clock.now() - delivery.receivedAt < handlerTimeout) return false
    const text = `a message was not done within ${handlerTimeout} ms and will come again; work faster, or raise handlerTimeout`
    const error = new IsomqError(provider, 'TIMEOUT', text)
    if (out.has(delivery) && !delivery.outcome) report(error)
    delivery.drop('expired', error)
    return true
  }

  function armSweep(): void {
    if (!handlerTimeout || cancelSweep) return
    const [first] = out.keys()
    if (!first) return
    cancelSweep = alarm(clock, Math.max(1, first.receivedAt + handlerTimeout - clock.now()), () => {
      cancelSweep = undefined
      for (const delivery of [...out.keys()]) {
        if (!expired(delivery)) break
        // A handler that hangs must not hold its place for ever.
        release(delivery)
      }
      armSweep()
    })
  }

  return {
    get buffered() {
      return queue.length
    },
    get room() {
      return maxBuffered - queue.length
    },
    push(delivery) {
      if (drained || queue.length >= maxBuffered) return false
      queue.push(delivery)
      pump()
      if (!full && queue.length >= maxBuffered) {
        full = true
        options.slow(queue.length)
      }
      return true
    },
    on(handler) {
      // The same function added twice runs twice.
      const own = (delivery: D) => handler(delivery)
      handlers.add(own)
      pump()
      return () => handlers.delete(own)
    },
    messages(limits, ended) {
      const iterator = createIterator<D>(provider, limits, pump, () => iterators.delete(iterator))
      iterators.add(iterator)
      if (ended) iterator.end(ended)
      return iterator.iterable
    },
    settled(delivery) {
      if (out.get(delivery)?.byHand) release(delivery)
    },
    drop(session, error) {
      const mine = (delivery: D) => !session || delivery.from === session
      const dead = [...queue, ...out.keys()].filter(mine)
      queue.splice(0, queue.length, ...queue.filter((delivery) => !mine(delivery)))
      for (const delivery of dead) delivery.drop('lost', error)
      relieve()
    },
    drain(error) {
      return new Promise<void>((resolve) => {
        drained = resolve
        for (const delivery of queue.splice(0)) delivery.drop('lost', error)
        full = false
        if (out.size === 0) resolve()
      })
    },
    end(error) {
      cancelSweep?.()
      cancelSweep = undefined
      for (const iterator of [...iterators]) iterator.end(error)
      // A handler that hangs through the end must not hold its place in a client that is opened again.
      for (const delivery of [...out.keys()]) release(delivery)
      drained = undefined
    },
  }
}
