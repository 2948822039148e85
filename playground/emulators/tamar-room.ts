import type { ObjectState } from '../cloudflare.ts'
import { EventHub } from './events.ts'
import { StateStore } from './store.ts'
import { Broker } from './tamar-broker.ts'
import { EmbeddedDispatches, EmbeddedRealtime, EmbeddedRows } from './tamar-embedded.ts'
import { TamarFaults } from './tamar-faults.ts'
import { Gateway } from './tamar-gateway.ts'
import { Line, type LineName } from './tamar-line.ts'
import { EmbeddedListing } from './tamar-listing.ts'
import { Mysql } from './tamar-mysql.ts'
import type { Publication } from './tamar-queue.ts'
import { type Listener, Redis } from './tamar-redis.ts'
import type { Services } from './tamar-services.ts'
import {
  COUNTERS,
  type Counters,
  CREDENTIALS,
  type Credentials,
  DEFAULTS,
  type TamarSettings,
} from './tamar-settings.ts'
import { Tally } from './tamar-tally.ts'
import type { KeptTopology } from './tamar-topology.ts'

type Kept = Partial<Pick<TamarRoom, 'settings' | 'counters' | 'credentials'>> & {
  readonly topology?: KeptTopology
}

/** One deployment of Tamar: Redis, MySQL and RabbitMQ as its clients see them, the gateway, clock and faults. */
export class TamarRoom {
  readonly store: StateStore
  readonly events = new EventHub()
  readonly lines: Readonly<Record<LineName, Line>>
  readonly redis: Redis
  readonly mysql: Mysql
  readonly tally = new Tally()
  /** Streams of subscribers over HTTP, and how to end them. */
  readonly subscribers = new Map<Listener, () => void>()
  broker!: Broker
  gateway!: Gateway
  /** What the gateway works with. */
  services!: Services
  settings!: TamarSettings
  counters!: Counters
  credentials!: Credentials
  troubles = new TamarFaults()
  /** Milliseconds by which the clock of database and gateway is wrong. */
  skew = 0
  readonly #initial: TamarSettings
  readonly #state: ObjectState
  readonly #elsewhere: ((room: TamarRoom) => Services) | undefined

  /** With `elsewhere` the gateway works with servers that are not in the room. */
  constructor(
    state: ObjectState,
    settings: Partial<TamarSettings>,
    elsewhere?: (room: TamarRoom) => Services,
  ) {
    this.#state = state
    this.#elsewhere = elsewhere
    this.#initial = { ...DEFAULTS, ...settings }
    this.lines = { stomp: new Line(this), user: new Line(this), http: new Line(this) }
    this.store = new StateStore(state)
    this.store.beforeFlush = () => this.save()
    const now = (): number => this.now()
    this.redis = new Redis(state, now)
    this.mysql = new Mysql(state, { now, zone: () => this.settings.timeZone })
    this.#restore()
  }

  now(): number {
    return Date.now() + this.skew
  }

  save(): void {
    const { settings, counters, credentials, broker } = this
    this.store.write('room', { settings, counters, credentials, topology: broker.keep() })
  }

  #restore(): void {
    const kept = this.store.read<Kept>('room')
    this.settings = { ...this.#initial, ...kept?.settings }
    this.counters = { ...COUNTERS, ...kept?.counters }
    this.credentials = { ...CREDENTIALS, ...kept?.credentials }
    // What it is made of must outlive the very next moment.
    this.broker = new Broker(this.#state, () => this.save())
    this.broker.restore(kept?.topology)
    this.services = this.#elsewhere?.(this) ?? {
      rows: new EmbeddedRows(this.#state.storage.sql, this.mysql, () => this.now()),
      dispatches: new EmbeddedDispatches(this),
      realtime: new EmbeddedRealtime(this),
      listing: new EmbeddedListing(this.mysql),
    }
    this.gateway = new Gateway(this.#host, this.services)
    this.gateway.start()
  }

  get #host() {
    const room = this
    return {
      get counters() {
        return room.counters
      },
      get settings() {
        return room.settings
      },
      tally: room.tally,
      now: () => room.now(),
      emit: (build: Parameters<EventHub['emit']>[0]) => room.events.emit(build),
      touch: () => room.store.touch(),
    }
  }

  /** Everything as on the first day. */
  reset(): void {
    this.gateway.stop()
    for (const { sessions } of Object.values(this.lines)) {
      for (const session of [...sessions]) session.drop(1012, 'the room was reset')
    }
    this.endStreams()
    this.broker.clear()
    this.redis.clear()
    this.mysql.clear()
    this.tally.clear()
    this.store.clear()
    for (const line of Object.values(this.lines)) line.faults = new Line(this).faults
    this.troubles = new TamarFaults()
    this.skew = 0
    this.#restore()
    this.events.emit(() => ({ type: 'reset' }))
  }

  /** Dies as a machine does: every socket breaks, what is in memory is lost, what is stored comes back. */
  crash(): void {
    // The request that asks for it shall still be answered.
    setTimeout(() => this.#state.abort('the connection was cut on purpose'), 1)
  }

  /** Ends the streams of subscribers. */
  endStreams(): number {
    const all = [...this.subscribers]
    for (const [listener, end] of all) {
      this.unsubscribe(listener)
      end()
    }
    return all.length
  }

  unsubscribe(listener: Listener): void {
    this.redis.listeners.delete(listener)
    this.subscribers.delete(listener)
  }

  /** Takes a message for the broker; gives how many queues got it. */
  publish(publication: Publication, from: number | string): number {
    const queues = this.broker.publish(publication)
    const { exchange, key } = publication
    this.counters.sent++
    if (queues === 0) this.counters.unroutable++
    this.events.emit(() => ({ type: 'sent', exchange, key, queues, from }))
    this.store.touch()
    return queues
  }

  /** Sends an answer to a command back, or what the faults leave of it. */
  reply(to: string, correlationId: string, body: string): void {
    const fault = this.troubles.replies.shift()
    const put = (id: string, text: string): void => {
      const properties = { content_type: 'application/json', delivery_mode: 2, correlation_id: id }
      this.publish({ exchange: '', key: to, properties, body: new TextEncoder().encode(text) }, 'gateway')
    }
    switch (fault?.how) {
      case 'late':
        setTimeout(() => put(correlationId, body), fault.ms)
        return
      case 'none':
        return
      case 'malformed':
        return put(correlationId, `${body.slice(0, -1)}{`)
      case 'foreign':
        put(crypto.randomUUID(), body)
        break
      case 'doubled':
        put(correlationId, body)
    }
    put(correlationId, body)
  }

  tick(): void {
    void this.gateway.tick()
  }
}
