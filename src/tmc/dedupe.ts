import type { Clock } from '../core/clock.ts'

/** Ids that were handled a while ago; both bounds keep it small. */
export interface Dedupe {
  /** The message was handled, whether or not that could be told to the server. */
  done(id: bigint): void
  isDone(id: bigint): boolean
}

const MOST = 100_000

export function createDedupe(clock: Clock, window: number): Dedupe {
  const doneAt = new Map<bigint, number>()
  const forget = () => {
    for (const [id, at] of doneAt) {
      if (doneAt.size <= MOST && clock.now() - at < window) break
      doneAt.delete(id)
    }
  }
  return {
    done(id) {
      if (!window) return
      doneAt.delete(id)
      doneAt.set(id, clock.now())
      forget()
    },
    isDone(id) {
      if (!window) return false
      forget()
      return doneAt.has(id)
    },
  }
}
