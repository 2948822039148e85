import { alarm, type Clock } from './clock.ts'
import type { Delivery, DeliveryStats, Outcome } from './delivery.ts'
import { IsomqError, type Provider, toError } from './errors.ts'
import { type Consumer, createHandlers, type Failure } from './handlers.ts'
import { createIterator, type MessagesOptions } from './iterate.ts'
import type { Session } from './session.ts'

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
  /** The buffer is half empty again: ask for more. */
  relieved(): void
}

export type BufferStatus =
  /** The buffer ran full: what arrives now is left with the server until `relieved`. Once per crossing. */
  { readonly type: 'slow'; readonly buffered: number } | { readonly type: 'relieved' }

export interface Inbox<D extends Delivery> {
  stats(): DeliveryStats
  /** Places that are left in the buffer. */
  room(): number
  /** Takes a delivery in; false when the buffer is full and it was left to come again. */
  receive(delivery: D, redelivered: boolean): boolean
  on(handler: (delivery: D) => unknown): () => void
  /** Iterates; with `ended` there is nothing to iterate over, and the loop throws it. */
  messages(options: MessagesOptions, ended?: IsomqError): AsyncIterableIterator<D>
  /** To be called for each settled delivery. */
  settled(delivery: D, outcome: Outcome): void
  /** The deliveries of a session (or, with none, all) cannot be acked any more. */
  drop(session: Session | undefined, error: IsomqError): void
  /** Takes nothing more, leaves what waits to come again; resolves when every consumer is done. */
  drain(error: IsomqError): Promise<void>
  /** Ends the iterators: with an error, or (after a `close()`) without one. */
  end(error?: IsomqError): void
}

/** A bounded buffer between a connection and its consumers; each delivery goes to one of them. */
export function createInbox<D extends Delivery>(
  options: InboxOptions<D>,
  /** Tells what failed that no caller waits for. */
  report: (error: Error) => void,
  status: (status: BufferStatus) => void,
): Inbox<D> {
  const { provider, clock, maxBuffered, handlerTimeout } = options
  const counters = { received: 0, acked: 0, nacked: 0, redelivered: 0, overflowed: 0, lost: 0, expired: 0 }
  let queue: D[] = []
  /** Handed out and not released, in order of arrival; with whom. */
  const out = new Map<D, Consumer<D>>()
  const iterators = new Set<Consumer<D> & { end(error?: IsomqError): void }>()
  let full = false
  let pumping = false
  let preparing = false
  let drained: (() => void) | undefined
  let cancelSweep: (() => void) | undefined

  const everyHandler = createHandlers<D>(options.concurrency, finish)

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

  const isFree = (one: Consumer<D>) => one.busy < one.limit && one.asks()

  function taker(): Consumer<D> | undefined {
    for (const one of iterators) if (isFree(one)) return one
    return isFree(everyHandler) ? everyHandler : undefined
  }

  function pump(): void {
    // Handing out may release, which pumps again: the loop below sees to it.
    if (pumping) return
    pumping = true
    for (let to = taker(); to && queue.length > 0 && isPrepared(queue[0]!); to = taker()) {
      const delivery = queue.shift()!
      if (!delivery.outcome && !expired(delivery)) {
        out.set(delivery, to)
        to.busy++
        armSweep()
      }
      // Who hears of the relief may end the connection or the iterator that this goes to.
      relieve()
      if (!out.has(delivery)) continue
      if (delivery.outcome) release(delivery)
      else if (to.asks()) to.give(delivery)
      else {
        out.delete(delivery)
        to.busy--
        queue.unshift(delivery)
      }
    }
    pumping = false
  }

  function relieve(): void {
    if (!full || queue.length > maxBuffered / 2) return
    full = false
    status({ type: 'relieved' })
    options.relieved()
  }

  /** Whether the first in the queue can go out; if not, its preparation is under way and pumps when done. */
  function isPrepared(first: D): boolean {
    if (preparing) return false
    const promise = first.outcome ? undefined : options.prepare?.(first)
    if (!promise) return true
    preparing = true
    promise
      .catch((reason) => {
        queue = queue.filter((one) => one !== first)
        finish(first, { reason })
        relieve()
      })
      .then(() => {
        preparing = false
        pump()
      })
    return false
  }

  function lose(dead: D[], error: IsomqError): void {
    for (const delivery of dead) delivery.drop('lost', error)
    queue = queue.filter(({ outcome }) => !outcome)
    relieve()
  }

  /** Whether the deadline of a delivery has passed; if so, it is given up. */
  function expired(delivery: D): boolean {
    if (!handlerTimeout || clock.now() - delivery.receivedAt < handlerTimeout) return false
    const text = `a message took longer than ${handlerTimeout} ms and will come again; raise handlerTimeout`
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
    stats: () => ({ ...counters, buffered: queue.length }),
    // One that drains takes nothing more.
    room: () => (drained ? 0 : maxBuffered - queue.length),
    receive(delivery, redelivered) {
      counters.received++
      if (redelivered) counters.redelivered++
      if (drained || queue.length >= maxBuffered) {
        counters.overflowed++
        return false
      }
      queue.push(delivery)
      pump()
      if (!full && queue.length >= maxBuffered) {
        full = true
        status({ type: 'slow', buffered: queue.length })
      }
      return true
    },
    on(handler) {
      const off = everyHandler.add(handler)
      pump()
      return off
    },
    messages(limits, ended) {
      const iterator = createIterator<D>(provider, limits, pump, () => iterators.delete(iterator))
      iterators.add(iterator)
      if (ended) iterator.end(ended)
      return iterator.iterable
    },
    settled(delivery, outcome) {
      counters[outcome]++
      if (out.get(delivery)?.byHand) release(delivery)
    },
    drop(session, error) {
      lose(
        [...queue, ...out.keys()].filter(({ from }) => !session || from === session),
        error,
      )
    },
    drain(error) {
      return new Promise<void>((resolve) => {
        drained = resolve
        full = false
        lose([...queue], error)
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
