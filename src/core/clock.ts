/** Time, as the library sees it; inject another one to test what happens in an hour. */
export interface Clock {
  /** Milliseconds since 1970, by the wall. */
  now(): number
  setTimeout(fire: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (fire, ms) => globalThis.setTimeout(fire, ms),
  clearTimeout: (timer) => globalThis.clearTimeout(timer as number),
}

/**
 * A timer that comes later than this was not throttled (browsers fire hidden pages' timers once a minute):
 * the machine slept, and what arrived meanwhile is still waiting to be read.
 */
const ASLEEP = 90_000
const AWAKE = 1_000

/** Runs `fire` after `ms`, and a moment later when the machine slept through it. Returns what cancels it. */
export function alarm(clock: Clock, ms: number, fire: () => void): () => void {
  let due = clock.now() + ms
  let timer = clock.setTimeout(ring, ms)
  function ring(): void {
    if (clock.now() - due < ASLEEP) return fire()
    due = clock.now() + AWAKE
    timer = clock.setTimeout(ring, AWAKE)
  }
  return () => clock.clearTimeout(timer)
}
