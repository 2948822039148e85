import type { Clock } from '../core/clock.ts'
import { type WaitOptions, wait } from '../core/wait.ts'
import type { WampMessage } from './wire.ts'
import { provider } from './wrong.ts'

/** Questions that wait for their answers. */
export interface Answers {
  /**
   * Calls `send` and waits for the answer to `key`; `what` names it in a timeout's text. `read` gets the answer the
   * moment it comes, before anything that follows on its heels. What one of them throws is the outcome. `gaveUp`,
   * which must not throw, is called when the limits ended the wait.
   */
  ask<T>(
    key: string,
    what: string,
    limits: WaitOptions,
    send: () => void,
    read: (answer: WampMessage) => T,
    gaveUp?: () => void,
  ): Promise<T>
  /** Hands an answer over; nothing happens when nobody waits for it any more. */
  settle(key: string, answer: WampMessage | Error): void
  /** Ends every wait: the connection is gone. */
  rejectAll(error: Error): void
}

export function createAnswers(clock: Clock): Answers {
  const table = new Map<string, (answer: WampMessage | Error) => void>()
  const settle: Answers['settle'] = (key, answer) => table.get(key)?.(answer)
  return {
    ask: (key, what, limits, send, read, gaveUp) =>
      wait(limits, { provider, clock, what: `answer to ${what}` }, (resolve, reject) => {
        table.set(key, (answer) => {
          table.delete(key)
          try {
            if (answer instanceof Error) throw answer
            resolve(read(answer))
          } catch (error) {
            reject(error as Error)
          }
        })
        try {
          send()
        } catch (error) {
          settle(key, error as Error)
        }
        return () => {
          if (table.delete(key)) gaveUp?.()
        }
      }),
    settle,
    rejectAll(error) {
      for (const key of [...table.keys()]) settle(key, error)
    },
  }
}
