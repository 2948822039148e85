import type { Delivery } from './delivery.ts'
import { isThenable } from './wait.ts'

/** Who takes deliveries: an iterator, or all handlers together. */
export interface Consumer<D> {
  /** Deliveries that it has and may have at once. */
  busy: number
  readonly limit: number
  /** Whether it settles by hand: a delivery is off its hands when it is settled, not when its handler ends. */
  readonly byHand: boolean
  /** Whether it asks for a delivery now. */
  asks(): boolean
  give(delivery: D): void
}

/** What a handler threw, which may be undefined. */
export interface Failure {
  readonly reason: unknown
}

export interface Handlers<D extends Delivery> extends Consumer<D> {
  /** Adds a handler and returns what takes it off. */
  add(handler: (delivery: D) => unknown): () => void
}

/** All handlers of `on('message')` together: each gets the delivery, which is done when the last has ended. */
export function createHandlers<D extends Delivery>(
  limit: number,
  done: (delivery: D, failure?: Failure) => void,
): Handlers<D> {
  const handlers = new Set<(delivery: D) => unknown>()
  return {
    busy: 0,
    limit,
    byHand: false,
    asks: () => handlers.size > 0,
    add(handler) {
      // The same function added twice runs twice.
      const own = (delivery: D) => handler(delivery)
      handlers.add(own)
      return () => handlers.delete(own)
    },
    give(delivery) {
      let left = 1
      let failure: Failure | undefined
      const ended = () => --left || done(delivery, failure)
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
}
