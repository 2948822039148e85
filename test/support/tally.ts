/** Counts what became of messages that are numbered from 1 to `sent`. */
export class Tally {
  readonly #done: Uint8Array
  /** Handed to a handler, however that ended. */
  received = 0
  /** Messages that were handled well at least once. */
  handled = 0
  /** Times that a message was handled well again. */
  duplicated = 0

  constructor(sent: number) {
    this.#done = new Uint8Array(sent + 1)
  }

  done(n: number): void {
    if (this.#done[n] === undefined) throw new RangeError(`message ${n} was never sent`)
    if (this.#done[n] === 1) this.duplicated++
    else {
      this.#done[n] = 1
      this.handled++
    }
  }

  get lost(): number {
    return this.#done.length - 1 - this.handled
  }
}
