import type { ObjectState } from '../cloudflare.ts'
import { Deliveries } from './deliveries.ts'
import { EventHub } from './events.ts'
import { StateStore } from './store.ts'
import { Broker, type Peer, type Publication } from './webmq-broker.ts'
import { Dealer } from './webmq-dealer.ts'
import { WebmqFaults } from './webmq-faults.ts'
import { type Dict, type Payload, randomId, WampError } from './webmq-payload.ts'
import type { Call } from './webmq-procedures.ts'
import type { WampSession, Who } from './webmq-session.ts'
import {
  ANONYMOUS,
  APPS,
  COUNTERS,
  type Counters,
  DEFAULTS,
  UNKNOWN,
  USERS,
  type User,
  type WebmqSettings,
} from './webmq-settings.ts'

/** What is published, and by whom. */
export interface Publishing {
  readonly topic: string
  readonly payload: Payload
  readonly options: Dict
  /** As what the stream of events shows it. */
  readonly from: string | number
  readonly publisher?: Peer
  /** Whether the publisher gets it too, if it is subscribed. */
  readonly toPublisher?: boolean
}

type KeptRoom = Partial<Pick<WebmqRoom, 'settings' | 'counters' | 'users' | 'apps'>> & {
  readonly retained?: readonly Publication[]
}

/** One emulated broker: its sessions, users, keys, clock and faults. Only what is retained outlives a delivery. */
export class WebmqRoom {
  readonly store: StateStore
  readonly events = new EventHub()
  readonly sessions = new Set<WampSession>()
  readonly deliveries = new Deliveries<Who>()
  broker = new Broker()
  dealer = new Dealer()
  settings!: WebmqSettings
  counters!: Counters
  /** By their names. */
  users!: Readonly<Record<string, User>>
  /** Secrets by key. */
  apps!: Readonly<Record<string, string>>
  faults = new WebmqFaults()
  /** Milliseconds by which the server's clock is wrong. */
  skew = 0
  lastConnection = 0
  readonly #initial: WebmqSettings
  readonly #state: ObjectState

  constructor(state: ObjectState, settings: Partial<WebmqSettings>) {
    this.#state = state
    this.#initial = { ...DEFAULTS, ...settings }
    this.store = new StateStore(state)
    this.store.beforeFlush = () => this.save()
    this.#restore()
  }

  /** The server's clock, which a fault can set wrong. */
  now(): number {
    return Date.now() + this.skew
  }

  save(): void {
    const { settings, counters, users, apps, broker } = this
    const retained = [...broker.retained.values()]
    this.store.write('room', { settings, counters, users, apps, retained })
  }

  #restore(): void {
    const kept = this.store.read<KeptRoom>('room')
    this.settings = { ...this.#initial, ...kept?.settings }
    this.counters = { ...COUNTERS, ...kept?.counters }
    this.users = kept?.users ?? USERS
    this.apps = kept?.apps ?? APPS
    for (const publication of kept?.retained ?? []) {
      this.broker.retained.set(publication.topic, publication)
    }
  }

  /** Everything as on the first day. */
  reset(): void {
    for (const session of [...this.sessions]) session.drop(1012, 'the room was reset')
    this.store.clear()
    this.deliveries.clear()
    this.faults = new WebmqFaults()
    this.broker = new Broker()
    this.dealer = new Dealer()
    this.skew = 0
    this.#restore()
    this.events.emit(() => ({ type: 'reset' }))
  }

  /** Dies as a machine does: every socket breaks, what is in memory is lost, what is stored comes back. */
  crash(): void {
    // The request that asks for it shall still be answered.
    setTimeout(() => this.#state.abort('the connection was cut on purpose'), 1)
  }

  user(name: string): User | undefined {
    return Object.hasOwn(this.users, name) ? this.users[name] : undefined
  }

  /** As whom a session counts that has not said who it is. */
  get stranger(): User {
    return (this.settings.anonymous ? this.user(ANONYMOUS) : undefined) ?? UNKNOWN
  }

  secret(key: string): string | undefined {
    return Object.hasOwn(this.apps, key) ? this.apps[key] : undefined
  }

  publish({ topic, payload, options, from, publisher, toPublisher }: Publishing): Publication {
    if (options.disclose_me === true && !this.settings.disclose) {
      throw new WampError('wamp.error.disclose_me.disallowed', 'publishers stay unknown here')
    }
    const publication: Publication = {
      number: ++this.counters.published,
      id: randomId(),
      topic,
      payload,
      options,
      publisher: options.disclose_me === true ? publisher : undefined,
    }
    if (options.retain === true) this.broker.retained.set(topic, publication)
    const { number, id } = publication
    this.events.emit(() => ({ type: 'published', publication: number, id, topic, from }))
    this.broker.dispatch(publication, toPublisher ? undefined : publisher)
    this.store.touch()
    return publication
  }

  async call(call: Call): Promise<Payload> {
    const { caller, procedure } = call
    const began = Date.now()
    let error: unknown
    this.counters.calls++
    try {
      return await this.dealer.call(call)
    } catch (thrown) {
      error = thrown
      this.counters.callErrors++
      throw thrown
    } finally {
      this.events.emit(() => ({
        type: 'call',
        procedure,
        session: caller.version === 0 ? 'bridge' : caller.id,
        error: error instanceof WampError ? error.uri : undefined,
        ms: Date.now() - began,
      }))
    }
  }

  /** Answers what waited for the room to speak again. */
  tick(): void {
    for (const session of this.sessions) session.greet()
  }
}
