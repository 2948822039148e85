const MINUTE = 60_000

/** Wakes somebody up at the earliest of the times that were asked for. */
export class Alarm {
  readonly #now: () => number
  readonly #ring: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #at = Number.POSITIVE_INFINITY

  /** The clock may jump: it is looked at once a minute at least. */
  constructor(now: () => number, ring: () => void) {
    this.#now = now
    this.#ring = ring
  }

  /** Makes sure that it rings at that time, in milliseconds since 1970, if not earlier. */
  set(at: number): void {
    if (at >= this.#at) return
    this.clear()
    this.#at = at
    const wait = Math.min(Math.max(at - this.#now(), 1), MINUTE)
    this.#timer = setTimeout(() => {
      this.clear()
      this.#ring()
    }, wait)
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#at = Number.POSITIVE_INFINITY
  }
}
