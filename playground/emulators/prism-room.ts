import type { ObjectState } from '../cloudflare.ts'
import { EventHub } from './events.ts'
import { Faults } from './faults.ts'
import { Group, type Message } from './group.ts'
import { type MessageFields, matches } from './prism-frames.ts'
import { Grants, type Kept } from './prism-grants.ts'
import type { PrismSession } from './prism-session.ts'
import {
  type App,
  COUNTERS,
  type Counters,
  DEFAULT_APP,
  DEFAULTS,
  type PrismSettings,
} from './prism-settings.ts'
import { MessageStore } from './store.ts'

export type PrismMessage = Message<MessageFields>
export type PrismQueue = Group<MessageFields>

/** What a queue gets. */
interface Binding {
  /** Patterns of routing keys. */
  readonly keys: readonly string[]
  /** Made because somebody consumed it; gives way to what is bound by hand. */
  readonly automatic: boolean
}

const COLUMNS: Readonly<Record<keyof MessageFields, string>> = {
  client: 'client',
  app: 'app',
  key: 'routing_key',
  type: 'content_type',
  body: 'body',
}

/** One emulated gateway: its clients, queues, sign-ins, connections, clock and faults. */
export class PrismRoom {
  readonly store: MessageStore<MessageFields>
  readonly events = new EventHub()
  readonly sessions = new Set<PrismSession>()
  /** By client and name. */
  readonly queues = new Map<string, PrismQueue>()
  settings!: PrismSettings
  counters!: Counters
  apps!: Record<string, App>
  grants!: Grants
  faults = new Faults()
  /** Milliseconds by which the server's clock is wrong. */
  skew = 0
  lastConnection = 0
  /** Deliveries of this room since it is in memory. */
  tags = 0
  #bindings!: Record<string, Binding>
  readonly #initial: PrismSettings
  readonly #state: ObjectState

  constructor(state: ObjectState, settings: Partial<PrismSettings>) {
    this.#state = state
    this.#initial = { ...DEFAULTS, ...settings }
    this.store = new MessageStore(state, COLUMNS)
    this.store.beforeFlush = () => this.save()
    this.#restore()
  }

  /** The server's clock, which a fault can set wrong. */
  now(): number {
    return Date.now() + this.skew
  }

  save(): void {
    const { settings, counters, apps, grants } = this
    const bindings = this.#bindings
    this.store.write('room', { settings, counters, apps, bindings, grants: grants.keep() })
  }

  #restore(): void {
    interface KeptRoom extends Partial<Pick<PrismRoom, 'settings' | 'counters' | 'apps'>> {
      readonly bindings?: Record<string, Binding>
      readonly grants?: Kept
    }
    const kept = this.store.read<KeptRoom>('room')
    const { key, secret, name } = DEFAULT_APP
    this.settings = { ...this.#initial, ...kept?.settings }
    this.counters = { ...COUNTERS, ...kept?.counters }
    this.apps = kept?.apps ?? { [key]: { secret, name } }
    this.#bindings = kept?.bindings ?? {}
    this.grants = new Grants(this, kept?.grants)
    this.queues.clear()
    for (const { grp, total } of this.store.counts()) this.queues.set(grp, new Group(grp, this.store, total))
  }

  /** Everything as on the first day. */
  reset(): void {
    for (const session of [...this.sessions]) session.drop(1012, 'the room was reset')
    this.store.clear()
    this.faults = new Faults()
    this.skew = 0
    this.#restore()
    this.events.emit(() => ({ type: 'reset' }))
  }

  /** Dies as a machine does: every socket breaks, what is in memory is lost, what is stored comes back. */
  crash(): void {
    // The request that asks for it shall still be answered.
    setTimeout(() => this.#state.abort('the connection was cut on purpose'), 1)
  }

  app(key: string): App | undefined {
    return Object.hasOwn(this.apps, key) ? this.apps[key] : undefined
  }

  /** A queue of a client; made on first use, and then it gets everything. */
  queue(client: string, name: string): PrismQueue {
    const key = `${client}/${name}`
    if (!Object.hasOwn(this.#bindings, key)) this.#bind(key, { keys: ['#'], automatic: true })
    return this.#queue(key)
  }

  /** Binds a queue to a pattern of routing keys; the first by hand takes the place of "everything". */
  bind(client: string, name: string, pattern: string): readonly string[] {
    const key = `${client}/${name}`
    const bound = Object.hasOwn(this.#bindings, key) ? this.#bindings[key] : undefined
    const keys = bound === undefined || bound.automatic ? [] : bound.keys
    return this.#bind(key, { keys: [...new Set([...keys, pattern])], automatic: false })
  }

  unbind(client: string, name: string, pattern: string): readonly string[] {
    const key = `${client}/${name}`
    const { keys } = this.#bindings[key] ?? { keys: ['#'] }
    return this.#bind(key, { keys: keys.filter((bound) => bound !== pattern), automatic: false })
  }

  #bind(key: string, binding: Binding): readonly string[] {
    this.#bindings = { ...this.#bindings, [key]: binding }
    this.save()
    return binding.keys
  }

  /** What the queues of a client are bound to, by queue. */
  bindings(client: string): Map<string, readonly string[]> {
    const mine = Object.entries(this.#bindings).filter(([key]) => key.startsWith(`${client}/`))
    return new Map(mine.map(([key, { keys }]) => [key.slice(client.length + 1), keys]))
  }

  #queue(key: string): PrismQueue {
    const known = this.queues.get(key)
    if (known !== undefined) return known
    const queue = new Group(key, this.store, 0)
    this.queues.set(key, queue)
    return queue
  }

  /** Keeps a message once for each queue of its client that is bound to its key. */
  publish(message: Omit<MessageFields, 'app'>, count = 1): void {
    const { client, key } = message
    const whole = { ...message, app: this.app(client)?.name ?? '' }
    this.queue(client, '')
    for (const [name, patterns] of this.bindings(client)) {
      if (patterns.some((pattern) => matches(pattern, key))) this.#insert(name, whole, count)
    }
    this.counters.published += count
    this.store.touch()
  }

  #insert(name: string, message: MessageFields, count: number): void {
    const queue = this.queue(message.client, name)
    for (let i = 0; i < count; i++) {
      const seq = this.store.insert(queue.key, message, this.now())
      this.events.emit(() => ({ type: 'published', message: seq, key: message.key, queue: name }))
    }
    this.counters.kept += count
    queue.grown(count)
    queue.pump(Date.now())
  }

  /** Hands out what connections have room for. */
  tick(): void {
    for (const queue of this.queues.values()) queue.pump(Date.now())
  }
}
