/** What happened to one row. */
export interface Count {
  /** Times that the gateway took its name from the queue. */
  dispatched: number
  delivered: number
  acks: number
  replies: number
}

/** Rows that are remembered; the oldest are forgotten. */
const REMEMBERED = 200_000

/** Counts by row, so that a test can tell what became of each; they do not outlive a crash. */
export class Tally {
  readonly #counts = new Map<string, Count>()

  of(id: string): Count {
    const known = this.#counts.get(id)
    if (known !== undefined) return known
    const count: Count = { dispatched: 0, delivered: 0, acks: 0, replies: 0 }
    this.#counts.set(id, count)
    if (this.#counts.size > REMEMBERED) this.#counts.delete(this.#counts.keys().next().value!)
    return count
  }

  get all(): ReadonlyMap<string, Count> {
    return this.#counts
  }

  clear(): void {
    this.#counts.clear()
  }
}
