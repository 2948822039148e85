import type { Ending } from './faults.ts'

/** Numbers of messages: from the first to the last, both included. */
type Span = [first: number, last: number]

/** What was handed to one receiver's socket, in order. */
export interface Handed<Receiver> {
  readonly receiver: Receiver
  /** How the connection ended; what was handed over just before an abrupt end need not have arrived. */
  ended: Ending | null
  readonly spans: Span[]
}

/** Receivers that are remembered; the oldest of those that are gone are forgotten. */
const REMEMBERED = 10_000

/** Which messages went to whom, so that a test can tell what must have arrived. */
export class Deliveries<Receiver> {
  readonly #all: Handed<Receiver>[] = []

  /** Begins the record of a receiver. */
  open(receiver: Receiver): Handed<Receiver> {
    const handed: Handed<Receiver> = { receiver, ended: null, spans: [] }
    this.#all.push(handed)
    if (this.#all.length > REMEMBERED) {
      const oldest = this.#all.findIndex(({ ended }) => ended !== null)
      if (oldest >= 0) this.#all.splice(oldest, 1)
    }
    return handed
  }

  /** Messages that follow each other take the room of one. */
  add({ spans }: Handed<Receiver>, number: number): void {
    const last = spans.at(-1)
    if (last?.[1] === number - 1) last[1] = number
    else spans.push([number, number])
  }

  /** Oldest first. */
  get all(): readonly Handed<Receiver>[] {
    return this.#all
  }

  clear(): void {
    this.#all.length = 0
  }
}
