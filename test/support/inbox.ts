/** What arrives at a peer, to be awaited in order. */
export class Inbox<T> {
  #items: T[] = []
  #wanted: ((item: T) => void)[] = []

  push(item: T): void {
    const wanted = this.#wanted.shift()
    if (wanted === undefined) this.#items.push(item)
    else wanted(item)
  }

  next(): Promise<T> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift()!)
    return new Promise((resolve) => this.#wanted.push(resolve))
  }

  /** What has arrived and was not asked for. */
  get rest(): readonly T[] {
    return this.#items
  }
}
