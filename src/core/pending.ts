import type { Clock } from './clock.ts'
import { IsomqError, type Provider } from './errors.ts'
import { type WaitOptions, wait } from './wait.ts'

/** Requests that wait for the answer with their key. */
export interface Pending<K, T> {
  /**
   * Calls `send` and waits for the answer to `key`; `what` names it in a timeout's text. Nothing is sent when
   * the caller's signal has ended already or the table is full. `taken` gets the answer the moment it comes, before
   * anything that follows on its heels.
   */
  add(key: K, what: string, options: WaitOptions, send: () => void, taken?: (answer: T) => void): Promise<T>
  /** Hands an answer over; false when nobody waits for it any more. */
  settle(key: K, answer: T | Error): boolean
  /** Ends every wait: the connection is gone. */
  rejectAll(error: Error): void
  readonly size: number
}

/** A table of at most `most` requests; one more is `QUEUE_FULL`. */
export function createPending<K, T>(provider: Provider, clock: Clock, most = 10_000): Pending<K, T> {
  const table = new Map<K, (answer: T | Error) => void>()
  return {
    add: (key, what, options, send, taken) =>
      wait(options, { provider, clock, what }, (resolve, reject) => {
        if (table.size >= most) {
          reject(
            new IsomqError(provider, 'QUEUE_FULL', `${most} requests wait for an answer; await some first`),
          )
          return undefined
        }
        table.set(key, (answer) => {
          if (answer instanceof Error) return reject(answer)
          taken?.(answer)
          resolve(answer)
        })
        try {
          send()
        } catch (error) {
          reject(error as Error)
        }
        return () => table.delete(key)
      }),
    settle(key, answer) {
      const settle = table.get(key)
      settle?.(answer)
      return settle !== undefined
    },
    rejectAll(error) {
      for (const settle of [...table.values()]) settle(error)
    },
    get size() {
      return table.size
    },
  }
}
