import type { Broker } from './tamar-broker.ts'
import { destinationOf, invalidFor, StompError } from './tamar-destinations.ts'
import type { Consumer, Queue, Queued } from './tamar-queue.ts'
import type { StompSession } from './tamar-stomp.ts'

export type AckMode = 'auto' | 'client' | 'client-individual'

/** One subscription of a connection, and the queue behind it. */
export class Subscription implements Consumer {
  /** What its messages say that they are for. */
  readonly id: string | undefined
  readonly queue: Queue
  readonly noAck: boolean
  readonly prefetch: number
  readonly unconfirmed = new Map<number, Queued>()
  readonly mode: AckMode
  readonly #all: Subscriptions
  readonly #prefix: string

  constructor(
    all: Subscriptions,
    key: string,
    id: string | undefined,
    queue: Queue,
    mode: AckMode,
    prefetch: number,
  ) {
    this.#all = all
    this.#prefix = key
    this.id = id
    this.queue = queue
    this.mode = mode
    this.noAck = mode === 'auto'
    this.prefetch = prefetch
  }

  deliver(message: Queued): void {
    this.#all.deliver(this, message, this.#prefix)
  }

  cancelled(): void {
    this.#all.gone(this)
  }
}

/** The subscriptions of one connection, and the queues that go with it. */
export class Subscriptions {
  readonly #broker: Broker
  readonly #session: StompSession
  readonly #all = new Map<string, Subscription>()
  readonly #waiting = new Map<string, { subscription: Subscription; message: Queued; tag: number }>()
  /** Queues for replies, by the names that this side has given them. */
  readonly #replies = new Map<string, string>()
  #tags = 0

  constructor(broker: Broker, session: StompSession) {
    this.#broker = broker
    this.#session = session
  }

  add(id: string | undefined, text: string, mode: AckMode, prefetch: number): void {
    const key = id === undefined ? `Q_${text}` : `T_${id}`
    const queue = this.#queue(text)
    if (this.#all.has(key)) throw new StompError('', 'a subscription of this name is there already')
    this.#consume(key, id, queue, mode, prefetch)
  }

  #consume(key: string, id: string | undefined, queue: Queue, mode: AckMode, prefetch: number): void {
    const subscription = new Subscription(this, key, id, queue, mode, prefetch)
    this.#all.set(key, subscription)
    queue.consume(subscription)
  }

  #queue(text: string): Queue {
    const destination = destinationOf(text)
    switch (destination.is) {
      case 'exchange':
        return this.#bound(destination.exchange, destination.key)
      case 'topic':
        return this.#bound('amq.topic', destination.key)
      case 'queue':
        this.#broker.declareQueue(destination.queue, { durable: true, autoDelete: false, arguments: {} })
        return this.#broker.queue(destination.queue)
      case 'temp-queue':
        throw invalidFor(text, 'SUBSCRIBE')
    }
    return this.#broker.queue(destination.queue)
  }

  #bound(exchange: string, key: string): Queue {
    this.#broker.exchange(exchange)
    const queue = this.#own('stomp-subscription')
    this.#broker.bind(exchange, queue.name, key)
    return queue
  }

  /** A queue of this connection's own. */
  #own(prefix: string): Queue {
    const name = `${prefix}-${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))))}`
    const plain = name.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
    this.#broker.declareQueue(plain, {
      durable: false,
      autoDelete: true,
      owner: this.#session,
      arguments: {},
    })
    return this.#broker.queue(plain)
  }

  /** The queue that a `reply-to` of this connection stands for; made, and consumed, on first use. */
  replyQueue(destination: string): string {
    const known = this.#replies.get(destination)
    if (known !== undefined) return known
    const queue = this.#own('amq.gen')
    this.#replies.set(destination, queue.name)
    this.#consume(`T_${destination}`, destination, queue, 'auto', 0)
    return queue.name
  }

  deliver(subscription: Subscription, message: Queued, prefix: string): void {
    const tag = ++this.#tags
    const name = `${prefix}@@${this.#session.id}@@${tag}`
    if (!subscription.noAck) this.#waiting.set(name, { subscription, message, tag })
    this.#session.deliver(subscription, message, name)
  }

  /** Ends a message, in the mode "client" with all before it; tells whether there was such a one. */
  settle(name: string, how: 'ack' | 'requeue' | 'discard'): boolean {
    const found = this.#waiting.get(name)
    if (found === undefined) return false
    const { subscription } = found
    const { queue, unconfirmed } = subscription
    const isOne = subscription.mode === 'client-individual'
    const back: Queued[] = []
    for (const [other, { subscription: its, message, tag }] of this.#waiting) {
      if (isOne ? other !== name : its !== subscription || tag > found.tag) continue
      this.#waiting.delete(other)
      unconfirmed.delete(message.seq)
      if (how === 'requeue') back.push(message)
      else queue.settle(message)
    }
    queue.giveBack(back)
    queue.pump()
    return true
  }

  remove(headers: ReadonlyMap<string, string>): void {
    const [id, destination] = [headers.get('id'), headers.get('destination')]
    if (id === undefined && destination === undefined) {
      throw new StompError(
        'Missing destination or id',
        'UNSUBSCRIBE must include a "destination" or "id" header\n',
      )
    }
    const key = id === undefined ? `Q_${destination}` : `T_${id}`
    const subscription = this.#all.get(key)
    if (subscription === undefined) {
      const which = id === undefined ? `Subscription to '${destination}'` : `Subscription to "id='${id}'"`
      const text = `UNSUBSCRIBE must refer to an existing subscription.\n${which} not found.\n`
      throw new StompError('No subscription found', text)
    }
    this.#all.delete(key)
    this.#forget(subscription)
    subscription.queue.cancel(subscription)
  }

  #forget(subscription: Subscription): void {
    for (const [name, waiting] of this.#waiting) {
      if (waiting.subscription === subscription) this.#waiting.delete(name)
    }
  }

  /** The queue of a subscription was deleted. */
  gone(subscription: Subscription): void {
    for (const [key, one] of this.#all) if (one === subscription) this.#all.delete(key)
    this.#forget(subscription)
    this.#session.cancelled(subscription)
  }

  /** The connection is over. */
  clear(): void {
    const all = [...this.#all.values()]
    this.#all.clear()
    this.#waiting.clear()
    for (const subscription of all) subscription.queue.cancel(subscription)
    this.#broker.release(this.#session)
  }

  get size(): number {
    return this.#all.size
  }
}
