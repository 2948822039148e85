/**
 * What became of messages that a client published without an answer. Each has to arrive, or to be told as doubtful;
 * and since a connection keeps the order, those of one connection that did not arrive have to be its last ones.
 */
export class Publishes {
  /** Messages by the numbers that their calls gave. */
  readonly #messages = new Map<number, number>()
  readonly #arrived = new Set<number>()
  readonly #failed = new Set<number>()
  readonly #doubtful = new Set<number>()
  /** The last numbers of the connections that broke. */
  readonly #lasts = new Set<number>()

  resolved(n: number, number: number): void {
    this.#messages.set(number, n)
  }

  /** The call rejected, which says that nothing was sent. */
  failed(n: number): void {
    this.#failed.add(n)
  }

  /** Says whether that message had not arrived before. */
  arrived(n: number): boolean {
    if (this.#arrived.has(n)) return false
    this.#arrived.add(n)
    return true
  }

  /** How many have arrived. */
  get size(): number {
    return this.#arrived.size
  }

  /** A connection broke, and these are in doubt. */
  told(first: number, last: number): void {
    for (let number = first; number <= last; number++) this.#doubtful.add(number)
    this.#lasts.add(last)
  }

  counts(): PublishCounts {
    let unexplained = 0
    /** Those of the connection at hand that are not there. */
    let missing = 0
    for (const number of [...this.#messages.keys()].sort((a, b) => a - b)) {
      if (this.#arrived.has(this.#messages.get(number)!)) {
        unexplained += missing
        missing = 0
      } else if (this.#doubtful.has(number)) missing++
      else unexplained++
      if (this.#lasts.has(number)) missing = 0
    }
    // Nothing was sent, and yet it is there.
    for (const n of this.#failed) if (this.#arrived.has(n)) unexplained++
    return {
      published: this.#messages.size,
      failed: this.#failed.size,
      arrived: this.#arrived.size,
      doubtful: this.#doubtful.size,
      unexplained,
    }
  }
}

export interface PublishCounts {
  /** Calls that resolved. */
  readonly published: number
  /** Calls that rejected. */
  readonly failed: number
  readonly arrived: number
  /** Told by a doubtful status, whether or not they arrived. */
  readonly doubtful: number
  /**
   * Neither there nor told; or told, but not there although a later one of the same connection is; or rejected, but
   * there.
   */
  readonly unexplained: number
}
