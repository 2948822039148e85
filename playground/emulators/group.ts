import type { MessageStore, Stored } from './store.ts'

/** A message in memory: waiting, or held by one receiver that has not confirmed it. */
export type Message<Fields> = Stored<Fields> & {
  holder?: Receiver<Fields>
  sentAt: number
  /** Confirmed; queues that still have it skip it. */
  done: boolean
}

/** One that messages are handed to: a connection, or the group's HTTP pollers together. */
export interface Receiver<Fields> {
  /** Delivered and not confirmed, oldest first. */
  readonly unconfirmed: Map<number, Message<Fields>>
  /** How many more it may be pushed now. */
  room(): number
  deliver(message: Message<Fields>): void
}

const CHUNK = 500

/** The queue of one group of consumers: a bounded part in memory, the rest in the store. */
export class Group<Fields> {
  readonly receivers: Receiver<Fields>[] = []
  readonly pollers: Receiver<Fields> = { unconfirmed: new Map(), room: () => 0, deliver: () => {} }
  /** Messages that are not confirmed, in memory or not. */
  total = 0
  #ready: Message<Fields>[] = []
  #head = 0
  /** Put off until their due time, earliest first. */
  #delayed: Message<Fields>[] = []
  #known = new Map<number, Message<Fields>>()
  #loadedUpTo = 0
  #stored: boolean
  #turn = 0
  readonly key: string
  readonly #store: MessageStore<Fields>

  constructor(key: string, store: MessageStore<Fields>, total: number) {
    this.key = key
    this.#store = store
    this.total = total
    this.#stored = total > 0
  }

  /** The store has got messages of this group that are not in memory. */
  grown(count: number): void {
    this.total += count
    this.#stored = true
  }

  get inFlight(): number {
    let count = this.pollers.unconfirmed.size
    for (const receiver of this.receivers) count += receiver.unconfirmed.size
    return count
  }

  join(receiver: Receiver<Fields>): void {
    this.receivers.push(receiver)
  }

  /** Takes a receiver out; what it has not confirmed becomes due at `due`. */
  leave(receiver: Receiver<Fields>, due: number): void {
    const at = this.receivers.indexOf(receiver)
    if (at >= 0) this.receivers.splice(at, 1)
    for (const message of receiver.unconfirmed.values()) this.#put(message, due)
    receiver.unconfirmed.clear()
  }

  /** Hands out what is due to the receivers that have room, one after the other. */
  pump(now: number): void {
    for (;;) {
      const at = this.#next()
      if (at < 0) return
      const message = this.#take(now)
      if (message === undefined) return
      this.#turn = at
      this.#hand(message, this.receivers[at]!, now)
    }
  }

  /** Hands up to `count` messages to one receiver, whether it has room or not. */
  serve(receiver: Receiver<Fields>, count: number, now: number): Message<Fields>[] {
    const served: Message<Fields>[] = []
    while (served.length < count) {
      const message = this.#take(now)
      if (message === undefined) break
      served.push(message)
      this.#hand(message, receiver, now)
    }
    return served
  }

  /** Ends a message. `false`: this group has no such message. */
  confirm(seq: number): Message<Fields> | boolean {
    const message = this.#known.get(seq)
    if (message === undefined) {
      if (seq <= this.#loadedUpTo || !this.#store.remove(this.key, seq)) return false
      this.total--
      return true
    }
    message.done = true
    message.holder?.unconfirmed.delete(seq)
    this.#known.delete(seq)
    this.#store.confirm(seq)
    this.total--
    return message
  }

  /** Puts off a message that somebody holds; `undefined`: nobody does. */
  postpone(seq: number, due: number): Message<Fields> | undefined {
    const message = this.#known.get(seq)
    if (message?.holder === undefined) return undefined
    message.holder.unconfirmed.delete(seq)
    this.#put(message, due)
    return message
  }

  /** Makes due what was handed out before `before`; gives when to look again, or Infinity. */
  expire(before: number, now: number): number {
    let oldest = Number.POSITIVE_INFINITY
    for (const receiver of [...this.receivers, this.pollers]) {
      for (const message of receiver.unconfirmed.values()) {
        if (message.sentAt > before) {
          oldest = Math.min(oldest, message.sentAt)
          break
        }
        receiver.unconfirmed.delete(message.seq)
        this.#put(message, now)
      }
    }
    return oldest
  }

  /** When the first delayed message is due, or Infinity. */
  get nextDue(): number {
    return this.#delayed[0]?.due ?? Number.POSITIVE_INFINITY
  }

  /** The place of the next receiver in turn that has room, or -1. */
  #next(): number {
    const count = this.receivers.length
    for (let i = 1; i <= count; i++) {
      const at = (this.#turn + i) % count
      if (this.receivers[at]!.room() > 0) return at
    }
    return -1
  }

  #hand(message: Message<Fields>, receiver: Receiver<Fields>, now: number): void {
    message.holder = receiver
    message.sentAt = now
    receiver.unconfirmed.set(message.seq, message)
    message.tries++
    receiver.deliver(message)
  }

  #take(now: number): Message<Fields> | undefined {
    while (this.#delayed.length > 0 && this.#delayed[0]!.due <= now) {
      const message = this.#delayed.shift()!
      if (!message.done) return message
    }
    for (;;) {
      if (this.#head === this.#ready.length && !this.#load(now)) return undefined
      const message = this.#ready[this.#head++]
      if (message !== undefined && !message.done) return message
    }
  }

  /** Reads on in the store; `false` when there is nothing more. */
  #load(now: number): boolean {
    this.#ready = []
    this.#head = 0
    if (!this.#stored) return false
    const rows = this.#store.load(this.key, this.#loadedUpTo, CHUNK)
    this.#stored = rows.length === CHUNK
    for (const row of rows) {
      const message: Message<Fields> = { ...row, sentAt: 0, done: false }
      this.#known.set(row.seq, message)
      this.#loadedUpTo = row.seq
      if (row.due > now) this.#delay(message)
      else this.#ready.push(message)
    }
    return rows.length > 0
  }

  #put(message: Message<Fields>, due: number): void {
    message.holder = undefined
    message.due = due
    this.#store.postpone(message)
    this.#delay(message)
  }

  /** In the order of due times, then of publication; nearly always at the end, since all delays are equally long. */
  #delay(message: Message<Fields>): void {
    const queue = this.#delayed
    let at = queue.length
    while (at > 0 && isBefore(message, queue[at - 1]!)) at--
    if (at === queue.length) queue.push(message)
    else queue.splice(at, 0, message)
  }
}

const isBefore = (a: Stored<unknown>, b: Stored<unknown>): boolean =>
  a.due < b.due || (a.due === b.due && a.seq < b.seq)
