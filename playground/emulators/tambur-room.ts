import type { ObjectState } from '../cloudflare.ts'
import { Deliveries } from './deliveries.ts'
import { EventHub } from './events.ts'
import { StateStore } from './store.ts'
import { TamburFaults } from './tambur-faults.ts'
import { messageText, type Target } from './tambur-frames.ts'
import type { TamburSession, Who } from './tambur-session.ts'
import { COUNTERS, type Counters, DEFAULT_APP, DEFAULTS, type TamburSettings } from './tambur-settings.ts'
import { Stream } from './tambur-stream.ts'

/** One emulated service: an app with its streams, connections, clock and faults. Messages are not kept. */
export class TamburRoom {
  readonly apiKey: string = DEFAULT_APP.key
  readonly appId: string
  readonly store: StateStore
  readonly events = new EventHub()
  readonly sessions = new Set<TamburSession>()
  /** Those that somebody is subscribed to. */
  readonly streams = new Map<string, Stream>()
  readonly deliveries = new Deliveries<Who>()
  settings!: TamburSettings
  counters!: Counters
  secret!: string
  faults = new TamburFaults()
  /** Milliseconds by which the server's clock is wrong. */
  skew = 0
  lastConnection = 0
  /** Nonces that were used, with their timestamps. */
  #nonces = new Map<string, number>()
  readonly #initial: TamburSettings
  readonly #state: ObjectState

  constructor(state: ObjectState, appId: string, settings: Partial<TamburSettings>) {
    this.#state = state
    this.appId = appId
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
    this.store.write('room', { settings: this.settings, counters: this.counters, secret: this.secret })
  }

  #restore(): void {
    const kept = this.store.read<Partial<Pick<TamburRoom, 'settings' | 'counters' | 'secret'>>>('room')
    this.settings = { ...this.#initial, ...kept?.settings }
    this.counters = { ...COUNTERS, ...kept?.counters }
    this.secret = kept?.secret ?? DEFAULT_APP.secret
  }

  /** Everything as on the first day. */
  reset(): void {
    for (const session of [...this.sessions]) session.drop(1012, 'the room was reset')
    this.store.clear()
    this.deliveries.clear()
    this.faults = new TamburFaults()
    this.skew = 0
    this.#nonces.clear()
    this.#restore()
    this.events.emit(() => ({ type: 'reset' }))
  }

  /** Dies as a machine does: every socket breaks, what is in memory is lost, what is stored comes back. */
  crash(): void {
    // The request that asks for it shall still be answered.
    setTimeout(() => this.#state.abort('the connection was cut on purpose'), 1)
  }

  /** A stream; made for its first subscriber. */
  stream(name: string): Stream {
    const known = this.streams.get(name)
    if (known !== undefined) return known
    const stream = new Stream(this, name)
    this.streams.set(name, stream)
    return stream
  }

  /** Lets a stream go that nobody is subscribed to any more. */
  forget(stream: Stream): void {
    if (stream.subscribers.size === 0) this.streams.delete(stream.name)
  }

  /** Hands a text to all whom it is meant for; gives the message's number. */
  publish(target: Target, text: string): number {
    const number = ++this.counters.published
    const receivers = this.#receivers(target)
    const name = target.is === 'private' ? 'private' : target.stream
    const kind = target.is === 'auth' ? 'auth' : this.settings.kind
    const frame = messageText(name, kind, text)
    this.events.emit(() => ({ type: 'published', message: number, ...target, receivers: receivers.length }))
    for (const session of receivers) session.deliver(number, name, frame)
    this.store.touch()
    return number
  }

  #receivers(target: Target): TamburSession[] {
    // What is sent while nothing goes out is gone, as it is while nobody listens.
    if (this.faults.muted) return []
    if (target.is === 'private')
      return [...this.sessions].filter(({ subscriber }) => subscriber === target.subscriber)
    const subscribers = [...(this.streams.get(target.stream)?.subscribers ?? [])]
    return subscribers.filter(([, { auth }]) => auth || target.is === 'stream').map(([session]) => session)
  }

  /** Notes a nonce; tells whether it is new. Those whose time is over are refused by their timestamp. */
  isNew(nonce: string, timestamp: number): boolean {
    const key = `${timestamp}:${nonce}`
    if (this.#nonces.has(key)) return false
    this.#nonces.set(key, timestamp)
    if (this.#nonces.size % 10_000 === 0) {
      const oldest = this.now() / 1000 - this.settings.window
      for (const [old, at] of this.#nonces) if (at < oldest) this.#nonces.delete(old)
    }
    return true
  }

  /** Greets those that came while nothing went out. */
  tick(): void {
    for (const session of this.sessions) session.greet()
  }
}
