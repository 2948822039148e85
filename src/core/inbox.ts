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
  /** Makes a delivery ready for its consumer, such as inflating it; what it throws fails the delivery. */
  prepare?(delivery: D): Promise<void> | undefined
  /** Something failed that no caller waits for. */
  report(error: Error): void
  /** The buffer ran full (once per crossing), or is half empty again. */
  slow(buffered: number): void
  relieved(): void
}

/** Who takes deliveries: an iterator, or all handlers together. */
export interface Consumer<D extends Delivery> {
  /** Whether it takes one now. */
  free(): boolean
  give(delivery: D): void
  /** A delivery of its own was settled. */
  settled(delivery: D): void
}

export interface Inbox<D extends Delivery> {
  readonly buffered: number
  /** Places that are left in the buffer. */
  readonly room: number
  /** Takes a delivery in; false when the buffer is full and it was left to come again. */
  push(delivery: D): boolean
  on(handler: (delivery: D) => unknown): () => void
  messages(options: MessagesOptions): AsyncIterableIterator<D>
  /** To be called for each settled delivery. */
  settled(delivery: D): void
  /** The deliveries of a session (or, with none, all) cannot be acked any more. */
  drop(session: Session | undefined, error: IsomqError): void
  /** Takes nothing more, leaves what waits to come again; resolves when every consumer is done. */
  drain(error: IsomqError): Promise<void>
  /** Ends the iterators: with an error, or (after a `close()`) without one. */
  end(error?: IsomqError): void
}

/** A bounded buffer between a connection and its consumers; each delivery goes to one of them. */
export function createInbox<D extends Delivery>(options: InboxOptions<D>): Inbox<D> {
  const { provider, clock, concurrency, maxBuffered, handlerTimeout } = options
  const queue: D[] = []
  /** Handed out and not released, in order of arrival; with whom. */
  const out = new Map<D, Consumer<D>>()
  const iterators = new Set<ReturnType<typeof createIterator<D>>>()
  const handlers = new Set<(delivery: D) => unknown>()
  let running = 0
  let full = false
  let preparing: D | undefined
  let draining: (() => void) | undefined
  let cancelSweep: (() => void) | undefined

  const everyHandler: Consumer<D> = {
    free: () => handlers.size > 0 && running < concurrency,
    give(delivery) {
      running++
      const done = run(delivery)
      if (done) done.then(() => release(delivery), options.report)
      else release(delivery)
    },
    settled() {},
  }

  /** Runs all handlers and settles the delivery by how they end. Without a promise when none gave one. */
  function run(delivery: D): PromiseLike<void> | undefined {
    const pending: PromiseLike<unknown>[] = []
    for (const handler of handlers) {
      try {
        const result = handler(delivery)
        if (isThenable(result)) pending.push(result)
      } catch (thrown) {
        pending.push(Promise.reject(thrown))
      }
    }
    const good = () => finish(delivery)
    const bad = (thrown: unknown) => fail(delivery, thrown)
    if (pending.length === 0) return void good()
    if (pending.length === 1) return pending[0]!.then(good, bad)
    return Promise.allSettled(pending).then((results) => {
      const failed = results.find((result) => result.status === 'rejected')
      return failed ? bad(failed.reason) : good()
    })
  }

  function finish(delivery: D): void {
    if (delivery.outcome === 'nacked') return
    // What became of a lost connection or a deadline was told when it happened.
    delivery.ack().catch((error) => delivery.outcome || options.report(error))
  }

  function fail(delivery: D, thrown: unknown): void {
    const error = toError(thrown)
    options.report(error)
    if (!delivery.outcome) delivery.nack(error.message).catch(options.report)
  }

  function release(delivery: D): void {
    const owner = out.get(delivery)
    if (!owner) return
    out.delete(delivery)
    if (owner === everyHandler) running--
    if (out.size === 0) draining?.()
    pump()
  }

  function consumer(): Consumer<D> | undefined {
    for (const iterator of iterators) if (iterator.free()) return iterator
    return everyHandler.free() ? everyHandler : undefined
  }

  let pumping = false
  function pump(): void {
    // Handing out may release, which pumps again: the loop below sees to it.
    if (pumping || draining) return
    pumping = true
    for (let taker = consumer(); taker && queue.length > 0 && isPrepared(queue[0]!); taker = consumer()) {
      const delivery = shift()
      if (delivery.outcome || expire(delivery)) continue
      out.set(delivery, taker)
      armSweep()
      taker.give(delivery)
    }
    pumping = false
  }

  function shift(): D {
    const delivery = queue.shift()!
    if (full && queue.length <= maxBuffered / 2) {
      full = false
      options.relieved()
    }
    return delivery
  }

  /** Whether the first in the queue can go out; if not, its preparation is under way and pumps when done. */
  function isPrepared(first: D): boolean {
    if (preparing === first) return false
    const promise = first.outcome ? undefined : options.prepare?.(first)
    if (!promise) return true
    preparing = first
    const done = () => {
      preparing = undefined
      pump()
    }
    promise.then(done, (thrown) => {
      if (queue[0] === first) shift()
      fail(first, thrown)
      done()
    })
    return false
  }

  const late = () =>
    new IsomqError(
      provider,
      'TIMEOUT',
      `a message was not done within ${handlerTimeout} ms and will come again; work faster, or raise handlerTimeout`,
    )

  /** Drops a delivery whose deadline has passed. */
  function expire(delivery: D): boolean {
    if (!handlerTimeout || clock.now() - delivery.receivedAt < handlerTimeout) return false
    delivery.drop('expired', late())
    return true
  }

  function armSweep(): void {
    if (!handlerTimeout || cancelSweep) return
    const [first] = out.keys()
    if (!first) return
    const left = first.receivedAt + handlerTimeout - clock.now()
    cancelSweep = alarm(clock, Math.max(1, left), () => {
      cancelSweep = undefined
      for (const delivery of [...out.keys()]) {
        if (clock.now() - delivery.receivedAt < handlerTimeout) break
        if (!delivery.outcome && expire(delivery)) {
          options.report(late())
        }
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
      if (draining || queue.length >= maxBuffered) return false
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
    messages(limits) {
      const iterator = createIterator<D>(provider, limits, pump, () => iterators.delete(iterator))
      iterators.add(iterator)
      return iterator.iterable
    },
    settled(delivery) {
      const owner = out.get(delivery)
      if (!owner || owner === everyHandler) return
      owner.settled(delivery)
      release(delivery)
    },
    drop(session, error) {
      const mine = (delivery: D) => !session || delivery.from === session
      const dead = queue.filter(mine)
      if (dead.length > 0) queue.splice(0, queue.length, ...queue.filter((delivery) => !mine(delivery)))
      for (const delivery of dead) delivery.drop('lost', error)
      for (const delivery of [...out.keys()]) if (mine(delivery)) delivery.drop('lost', error)
      if (full && queue.length <= maxBuffered / 2) full = false
    },
    drain(error) {
      for (const delivery of queue.splice(0)) delivery.drop('lost', error)
      full = false
      return new Promise<void>((resolve) => {
        draining = resolve
        if (out.size === 0) resolve()
      })
    },
    end(error) {
      cancelSweep?.()
      cancelSweep = undefined
      for (const iterator of [...iterators]) iterator.end(error)
      draining = undefined
    },
  }
}
