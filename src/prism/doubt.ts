import type { Clock } from '../core/clock.ts'

/**
 * Which publishes of a connection may not have arrived when it breaks. The protocol does not answer them; but what
 * was sent well before the server's last sign of life has got through, as far as anybody can tell.
 */
export interface Doubt {
  /** A new connection: nothing is under way on it. */
  reset(): void
  /** The server gave a sign of life. */
  heard(): void
  /** Notes that a publish was handed over. */
  sent(number: number): void
  /** The first publish in doubt, if there is any. */
  first(): number | undefined
}

/** Longer than a frame is on its way, in milliseconds. */
const WINDOW = 10_000
/** Publishes of the same half second stand or fall together. */
const STEP = 500

export function createDoubt(clock: Clock): Doubt {
  let marks: { at: number; first: number }[] = []
  let heardAt = 0
  const isSettled = () => marks[1] !== undefined && marks[1].at < heardAt - WINDOW
  return {
    reset() {
      marks = []
      heardAt = clock.now()
    },
    heard() {
      heardAt = clock.now()
      while (isSettled()) marks.shift()
    },
    sent(number) {
      const last = marks.at(-1)
      if (last !== undefined && clock.now() - last.at < STEP) return
      marks.push({ at: clock.now(), first: number })
      // Of those before the window only the first can count: the next sign of life settles them together.
      while (marks[3] !== undefined && marks[3].at < clock.now() - WINDOW) marks.splice(2, 1)
    },
    first() {
      const found = marks.find(({ at }) => at + STEP >= heardAt - WINDOW)
      return found?.first
    },
  }
}
