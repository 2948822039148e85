import { type Clock, systemClock } from '../core/clock.ts'
import { type WaitOptions, wait } from '../core/wait.ts'
import { provider } from './wrong.ts'

/** Lets so many through at once, and the others in their order when there is room; who waits too long leaves. */
export function createGate(
  most: number,
  clock: Clock = systemClock,
): <T>(act: () => Promise<T>, limits?: WaitOptions) => Promise<T> {
  const waiting = new Set<() => void>()
  let inside = 0
  return async (act, limits = {}) => {
    // Who leaves hands his place on, so that nobody gets in between.
    if (inside < most) inside++
    else {
      await wait<void>(limits, { provider, clock, what: 'confirmation' }, (enter) => {
        waiting.add(enter)
        return () => waiting.delete(enter)
      })
    }
    try {
      return await act()
    } finally {
      const [next] = waiting
      if (next) next()
      else inside--
    }
  }
}
