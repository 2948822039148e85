/** Properties of a message, by their names in AMQP; headers are texts here. */
export interface Properties {
  readonly content_type?: string
  readonly content_encoding?: string
  readonly delivery_mode?: number
  readonly priority?: number
  readonly correlation_id?: string
  readonly reply_to?: string
  readonly expiration?: string
  readonly message_id?: string
  readonly timestamp?: number
  readonly type?: string
  readonly user_id?: string
  readonly app_id?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Publication {
  readonly exchange: string
  readonly key: string
  readonly properties: Properties
  readonly body: Uint8Array
}

/** A message in one queue. */
export interface Queued extends Publication {
  /** Its place in the queue; a message that is given back returns to it. */
  readonly seq: number
  /** Whether it is kept on disk. */
  readonly kept: boolean
  redelivered: boolean
}

/** Arguments of a queue that mean something here: `x-expires`. */
export type Arguments = Readonly<Record<string, unknown>>

export interface QueueOptions {
  readonly durable: boolean
  readonly autoDelete: boolean
  /** The connection that it goes with. */
  readonly owner?: object | undefined
  readonly arguments: Arguments
}

/** One that a queue hands its messages to. */
export interface Consumer {
  /** Confirmed as soon as it is handed over. */
  readonly noAck: boolean
  /** How many unconfirmed messages it takes; 0 is any number. */
  readonly prefetch: number
  readonly unconfirmed: Map<number, Queued>
  deliver(message: Queued): void
  /** The queue is gone. */
  cancelled(): void
}

/** What a queue needs of its broker. */
export interface QueueHost {
  /** A message has left for good. */
  settled(queue: Queue, message: Queued): void
  /** The queue is not used any more. */
  remove(queue: Queue): void
}

/** A queue: messages in order, handed to its consumers in turn. */
export class Queue {
  readonly name: string
  readonly options: QueueOptions
  readonly consumers: Consumer[] = []
  readonly #host: QueueHost
  #ready: Queued[] = []
  #head = 0
  #turn = 0
  #expiry: ReturnType<typeof setTimeout> | undefined

  constructor(name: string, options: QueueOptions, host: QueueHost) {
    this.name = name
    this.options = options
    this.#host = host
    this.touch()
  }

  get length(): number {
    return this.#ready.length - this.#head
  }

  get unconfirmed(): number {
    return this.consumers.reduce((sum, { unconfirmed }) => sum + unconfirmed.size, 0)
  }

  push(message: Queued): void {
    this.#ready.push(message)
    this.pump()
  }

  /** Begins `x-expires` anew: the queue is used. */
  touch(): void {
    clearTimeout(this.#expiry)
    const expires = this.options.arguments['x-expires']
    if (typeof expires !== 'number' || this.consumers.length > 0) return
    this.#expiry = setTimeout(() => this.#host.remove(this), expires)
  }

  consume(consumer: Consumer): void {
    this.consumers.push(consumer)
    this.touch()
    this.pump()
  }

  /** Takes a consumer out; what it has not confirmed goes back to its place. */
  cancel(consumer: Consumer): void {
    const at = this.consumers.indexOf(consumer)
    if (at < 0) return
    this.consumers.splice(at, 1)
    this.giveBack([...consumer.unconfirmed.values()])
    consumer.unconfirmed.clear()
    this.touch()
    if (this.options.autoDelete && this.consumers.length === 0) this.#host.remove(this)
  }

  giveBack(messages: readonly Queued[]): void {
    if (messages.length === 0) return
    for (const message of messages) message.redelivered = true
    const all = [...messages, ...this.#ready.slice(this.#head)]
    this.#ready = all.sort((a, b) => a.seq - b.seq)
    this.#head = 0
    this.pump()
  }

  /** Hands out what there is to the consumers that have room. */
  pump(): void {
    while (this.length > 0) {
      const consumer = this.#next()
      if (consumer === undefined) return
      const message = this.#take()
      if (consumer.noAck) this.settle(message)
      else consumer.unconfirmed.set(message.seq, message)
      consumer.deliver(message)
    }
  }

  /** Takes messages out, oldest first, for one who asks instead of consuming. */
  get(count: number): Queued[] {
    this.touch()
    const taken: Queued[] = []
    while (taken.length < count && this.length > 0) taken.push(this.#take())
    return taken
  }

  settle(message: Queued): void {
    this.#host.settled(this, message)
  }

  /** Ends the queue; its messages are gone. */
  end(): void {
    clearTimeout(this.#expiry)
    this.#ready = []
    this.#head = 0
    for (const consumer of this.consumers.splice(0)) consumer.cancelled()
  }

  #take(): Queued {
    const message = this.#ready[this.#head++]!
    if (this.#head === this.#ready.length) {
      this.#ready = []
      this.#head = 0
    }
    return message
  }

  #next(): Consumer | undefined {
    const count = this.consumers.length
    for (let i = 1; i <= count; i++) {
      const at = (this.#turn + i) % count
      const { noAck, prefetch, unconfirmed } = this.consumers[at]!
      if (!noAck && prefetch > 0 && unconfirmed.size >= prefetch) continue
      this.#turn = at
      return this.consumers[at]
    }
    return undefined
  }
}
