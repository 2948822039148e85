import type { Clock } from 'isomq'

interface Timer {
  readonly at: number
  readonly order: number
  readonly fire: () => void
}

const MINUTE = 60_000

/** Lets everything go on that waits for promises alone. */
export async function flush(rounds = 40): Promise<void> {
  for (let i = 0; i < rounds; i++) await undefined
}

/** Time that stands still until the test moves it. It begins at no whole minute, as real programs do. */
export class FakeClock implements Clock {
  /** Timers fire only at whole minutes, as in a browser's hidden page. */
  throttled = false
  #now = 1_700_000_000_123
  #order = 0
  readonly #timers = new Map<number, Timer>()

  now(): number {
    return this.#now
  }

  setTimeout(fire: () => void, ms: number): number {
    const order = ++this.#order
    this.#timers.set(order, { at: this.#now + Math.max(0, ms), order, fire })
    return order
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as number)
  }

  /** Timers that have not fired. */
  get timers(): number {
    return this.#timers.size
  }

  /** Milliseconds until the next timer is due; undefined when there is none. */
  get untilNext(): number | undefined {
    const next = this.#next(Number.POSITIVE_INFINITY)
    return next && next.at - this.#now
  }

  /** Moves time on; what becomes due fires in order, and whatever it starts goes on in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await flush()
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#now = Math.max(this.#now, this.#firesAt(next))
      this.#timers.delete(next.order)
      next.fire()
      await flush()
    }
    this.#now = end
  }

  /** The machine sleeps: time goes by and nothing fires. What became due fires late, at the next `advance`. */
  sleep(ms: number): void {
    this.#now += ms
  }

  /** The timers that there are will never fire: in Workers they end with the request that made them. */
  forget(): void {
    this.#timers.clear()
  }

  #firesAt({ at }: Timer): number {
    return this.throttled ? Math.ceil(at / MINUTE) * MINUTE : at
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers.values()) {
      if (this.#firesAt(timer) > end) continue
      if (!next || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer
    }
    return next
  }
}
