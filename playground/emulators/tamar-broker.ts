import type { ObjectState, SqlStorage } from '../cloudflare.ts'
import { type Properties, type Publication, Queue, type Queued, type QueueOptions } from './tamar-queue.ts'
import { EXCHANGE, QUEUE, ROUTING_KEY } from './tamar-settings.ts'
import {
  agree,
  type Binding,
  BrokerError,
  BUILT_IN,
  type Exchange,
  type ExchangeType,
  fits,
  type KeptTopology,
  OURS,
  shownExchange,
  shownQueue,
} from './tamar-topology.ts'

const TABLE = `CREATE TABLE IF NOT EXISTS broker_message (
  queue TEXT NOT NULL, seq INTEGER NOT NULL, exchange TEXT NOT NULL, key TEXT NOT NULL,
  properties TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (queue, seq))`
const KEEP = 'INSERT INTO broker_message VALUES (?, ?, ?, ?, ?, ?)'
const DROP = 'DELETE FROM broker_message WHERE queue = ? AND seq = ?'

type KeptRow = {
  queue: string
  seq: number
  exchange: string
  key: string
  properties: string
  body: ArrayBuffer
}

/** RabbitMQ's one virtual host: exchanges, queues and what binds them; durable things are kept in SQLite. */
export class Broker {
  readonly exchanges = new Map<string, Exchange>()
  readonly queues = new Map<string, Queue>()
  bindings: Binding[] = []
  readonly #sql: SqlStorage
  readonly #changed: () => void
  #seq = 0

  /** `changed` is called when something durable but a message has changed. */
  constructor(state: ObjectState, changed: () => void) {
    this.#sql = state.storage.sql
    this.#changed = changed
    this.#sql.exec(TABLE)
  }

  /** As it was left, or as on the first day. */
  restore(kept: KeptTopology | undefined): void {
    for (const [name, type] of Object.entries(BUILT_IN)) this.exchanges.set(name, { ...OURS, type })
    for (const [name, exchange] of kept?.exchanges ?? [[EXCHANGE, OURS]]) this.exchanges.set(name, exchange)
    const queues = kept?.queues ?? [[QUEUE, { durable: true, autoDelete: false, arguments: {} }]]
    for (const [name, options] of queues) this.queues.set(name, new Queue(name, options, this.#host))
    this.bindings = [...(kept?.bindings ?? [{ exchange: EXCHANGE, queue: QUEUE, key: ROUTING_KEY }])]
    for (const row of this.#sql.exec<KeptRow>('SELECT * FROM broker_message ORDER BY seq').toArray()) {
      const { queue, properties, body, ...rest } = row
      this.#seq = Math.max(this.#seq, row.seq)
      this.queues.get(queue)?.push({
        ...rest,
        properties: JSON.parse(properties) as Properties,
        body: new Uint8Array(body),
        kept: true,
        redelivered: true,
      })
    }
  }

  keep(): KeptTopology {
    const exchanges = [...this.exchanges].filter(
      ([name, { durable }]) => durable && !Object.hasOwn(BUILT_IN, name),
    )
    const queues = [...this.queues.values()].filter(({ options }) => options.durable && !options.owner)
    const names = new Set(queues.map(({ name }) => name))
    return {
      exchanges,
      queues: queues.map(({ name, options }) => [name, options]),
      bindings: this.bindings.filter(({ queue }) => names.has(queue)),
    }
  }

  /** Everything as on the first day. */
  clear(): void {
    for (const queue of [...this.queues.values()]) queue.end()
    this.queues.clear()
    this.exchanges.clear()
    this.#sql.exec('DELETE FROM broker_message')
  }

  exchange(name: string): Exchange {
    const exchange = this.exchanges.get(name)
    if (exchange === undefined) throw new BrokerError('not_found', `no exchange '${name}' in vhost '/'`)
    return exchange
  }

  queue(name: string): Queue {
    const queue = this.queues.get(name)
    if (queue === undefined) throw new BrokerError('not_found', `no queue '${name}' in vhost '/'`)
    return queue
  }

  /** Makes an exchange; tells whether it is new. One that is there must be the same. */
  declareExchange(name: string, exchange: Exchange): boolean {
    const known = this.exchanges.get(name)
    if (known === undefined) {
      this.exchanges.set(name, exchange)
      this.#changed()
      return true
    }
    agree(`exchange '${name}'`, shownExchange(known), shownExchange(exchange))
    return false
  }

  /** Makes a queue; tells whether it is new. One that is there must be the same. */
  declareQueue(name: string, options: QueueOptions): boolean {
    const known = this.queues.get(name)
    if (known === undefined) {
      this.queues.set(name, new Queue(name, options, this.#host))
      if (options.durable) this.#changed()
      return true
    }
    agree(`queue '${name}'`, shownQueue(known.options), shownQueue(options))
    known.touch()
    return false
  }

  bind(exchange: string, queue: string, key: string): void {
    this.exchange(exchange)
    this.queue(queue)
    if (this.bindings.some((one) => one.exchange === exchange && one.queue === queue && one.key === key))
      return
    this.bindings.push({ exchange, queue, key })
    this.#changed()
  }

  /** Tells whether there was such a binding. */
  unbind(exchange: string, queue: string, key: string): boolean {
    const left = this.bindings.filter(
      (one) => one.exchange !== exchange || one.queue !== queue || one.key !== key,
    )
    const found = left.length < this.bindings.length
    this.bindings = left
    this.#changed()
    return found
  }

  deleteExchange(name: string): boolean {
    if (Object.hasOwn(BUILT_IN, name))
      throw new BrokerError('access_refused', `exchange '${name}' is built in`)
    this.bindings = this.bindings.filter(({ exchange }) => exchange !== name)
    const found = this.exchanges.delete(name)
    this.#changed()
    return found
  }

  deleteQueue(name: string): boolean {
    const queue = this.queues.get(name)
    if (queue === undefined) return false
    this.queues.delete(name)
    this.bindings = this.bindings.filter((binding) => binding.queue !== name)
    queue.end()
    this.#sql.exec('DELETE FROM broker_message WHERE queue = ?', name)
    if (queue.options.durable) this.#changed()
    return true
  }

  /** Ends the queues that go with a connection. */
  release(owner: object): void {
    for (const queue of [...this.queues.values()])
      if (queue.options.owner === owner) this.deleteQueue(queue.name)
  }

  /** Puts a message into all queues that are bound for it; gives how many. */
  publish(publication: Publication): number {
    const { type } = this.exchange(publication.exchange)
    const names = this.#targets(publication, type)
    for (const name of names) this.#insert(this.queues.get(name)!, publication)
    return names.size
  }

  #targets({ exchange, key }: Publication, type: ExchangeType): Set<string> {
    if (exchange === '') return new Set(this.queues.has(key) ? [key] : [])
    const bound = this.bindings.filter((one) => one.exchange === exchange && fits(type, one.key, key))
    return new Set(bound.map(({ queue }) => queue))
  }

  #insert(queue: Queue, publication: Publication): void {
    const kept = queue.options.durable && publication.properties.delivery_mode === 2
    const message: Queued = { ...publication, seq: ++this.#seq, kept, redelivered: false }
    if (kept) {
      const { exchange, key, properties, body } = publication
      const bytes = body.slice().buffer as ArrayBuffer
      this.#sql.exec(KEEP, queue.name, message.seq, exchange, key, JSON.stringify(properties), bytes)
    }
    queue.push(message)
  }

  readonly #host = {
    settled: ({ name }: Queue, { kept, seq }: Queued): void => {
      if (kept) this.#sql.exec(DROP, name, seq)
    },
    remove: ({ name }: Queue): void => {
      this.deleteQueue(name)
    },
  }
}
