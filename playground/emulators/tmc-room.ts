import type { ObjectState } from '../cloudflare.ts'
import { EventHub } from './events.ts'
import { Faults, type Refusal } from './faults.ts'
import { Group, type Message } from './group.ts'
import { MessageStore } from './store.ts'
import type { TmcSession } from './tmc-session.ts'
import { type App, COUNTERS, type Counters, DEFAULT_APP, DEFAULTS, type TmcSettings } from './tmc-settings.ts'
import { COLUMNS, type MessageFields } from './tmc-store.ts'

export type TmcMessage = Message<MessageFields>
type TmcGroup = Group<MessageFields>

/** One emulated service: its apps, groups, connections, clock and faults. */
export class TmcRoom {
  readonly store: MessageStore<MessageFields>
  readonly events = new EventHub()
  readonly sessions = new Set<TmcSession>()
  /** Signed-in connections by token. */
  readonly tokens = new Map<string, TmcSession>()
  readonly groups = new Map<string, TmcGroup>()
  readonly #initial: TmcSettings
  settings!: TmcSettings
  counters!: Counters
  apps!: Record<string, App>
  faults = new Faults()
  skew = 0
  lastConnection = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #wakeAt = Number.POSITIVE_INFINITY

  readonly #state: ObjectState

  constructor(state: ObjectState, settings: Partial<TmcSettings>) {
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
    this.store.write('room', { settings: this.settings, counters: this.counters, apps: this.apps })
  }

  #restore(): void {
    const kept = this.store.read<Partial<Pick<TmcRoom, 'settings' | 'counters' | 'apps'>>>('room')
    this.settings = { ...this.#initial, ...kept?.settings }
    this.counters = { ...COUNTERS, ...kept?.counters }
    const first: App = { secret: DEFAULT_APP.secret, groups: [DEFAULT_APP.group], sessions: {}, permits: {} }
    this.apps = kept?.apps ?? { [DEFAULT_APP.key]: first }
    this.groups.clear()
    for (const { grp, total } of this.store.counts()) this.groups.set(grp, new Group(grp, this.store, total))
  }

  /** Everything as on the first day, save that ids go on. */
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

  /** A group of an app; made on first use unless the room is strict. */
  group(appKey: string, name: string): TmcGroup | undefined {
    const app = this.app(appKey)
    if (app === undefined) return undefined
    if (!app.groups.includes(name)) {
      if (this.settings.strict) return undefined
      app.groups.push(name)
      this.store.touch()
    }
    return this.#queue(`${appKey}/${name}`)
  }

  #queue(key: string): TmcGroup {
    const known = this.groups.get(key)
    if (known !== undefined) return known
    const group = new Group(key, this.store, 0)
    this.groups.set(key, group)
    return group
  }

  /** The nick of an authorized user; a room that is not strict takes any session. */
  nick(appKey: string, session: string): string | undefined {
    const sessions = this.app(appKey)?.sessions ?? {}
    if (Object.hasOwn(sessions, session)) return sessions[session]
    return this.settings.strict ? undefined : session
  }

  /** Stores a message for one group or for all groups of its app; says why if it may not. */
  publish(message: MessageFields, target?: string, count = 1): Refusal | undefined {
    if (message.topic === '') return { code: 40, phrase: 'missing required arguments: topic' }
    const { topics } = this.settings
    if (topics !== null && !topics.includes(message.topic)) {
      return { code: 11, phrase: `insufficient permissions: topic ${message.topic}` }
    }
    const names = target === undefined ? (this.app(message.publisher)?.groups ?? []) : [target]
    for (const name of names) {
      const group = this.group(message.publisher, name)
      if (group === undefined) return { code: 41, phrase: `invalid group: ${name}` }
      this.#insert(group, message, count)
      group.pump(Date.now())
    }
    return undefined
  }

  #insert(group: TmcGroup, message: MessageFields, count: number): void {
    const born = this.now()
    for (let i = 0; i < count; i++) {
      const seq = this.store.insert(group.key, message, born)
      this.events.emit(() => ({ type: 'produced', id: this.id(seq), topic: message.topic, group: group.key }))
    }
    group.grown(count)
    this.store.touch()
    this.counters.published += count
  }

  id(seq: number): string {
    return (BigInt(this.settings.idBase) + BigInt(seq)).toString()
  }

  /** Ends a message on behalf of a group; `by` is the connection that asked. */
  confirm(group: TmcGroup, id: bigint, by?: TmcSession): boolean {
    const held = by?.unconfirmed.has(this.#seq(id)) ?? true
    const found = group.confirm(this.#seq(id))
    if (found === false) {
      this.counters.confirmsUnknown++
      return false
    }
    if (!held) this.counters.confirmsForeign++
    this.counters.confirmed++
    this.events.emit(() => ({ type: 'confirmed', id: id.toString(), connection: by?.number }))
    group.pump(Date.now())
    return true
  }

  /** Puts a message off that its handler could not do. */
  fail(group: TmcGroup, id: bigint, reason: string, by: TmcSession): void {
    const due = Date.now() + this.settings.redeliverAfter
    const message = group.postpone(this.#seq(id), due)
    if (message === undefined) {
      this.counters.confirmsUnknown++
      return
    }
    this.counters.failed++
    this.events.emit(() => ({ type: 'failed', id: id.toString(), reason, connection: by.number }))
    this.wake(due)
    group.pump(Date.now())
  }

  /** Notes a delivery; its own try is already counted in the message. */
  delivered(message: TmcMessage, to: number | string): void {
    this.counters.delivered++
    if (message.tries > 1) this.counters.redelivered++
    this.events.emit(() => {
      const type = message.tries > 1 ? 'redelivered' : 'delivered'
      return { type, id: this.id(message.seq), topic: message.topic, tries: message.tries, connection: to }
    })
    this.wake(message.sentAt + this.settings.confirmTimeout)
  }

  pump(): void {
    for (const group of this.groups.values()) group.pump(Date.now())
  }

  /** Looks for what is due at a time. Nobody waits while the object sleeps, so a timer in memory will do. */
  wake(at: number): void {
    if (at >= this.#wakeAt || at === Number.POSITIVE_INFINITY) return
    clearTimeout(this.#timer)
    this.#wakeAt = at
    this.#timer = setTimeout(() => this.tick(), Math.max(at - Date.now(), 1))
  }

  tick(): void {
    clearTimeout(this.#timer)
    this.#wakeAt = Number.POSITIVE_INFINITY
    const now = Date.now()
    const { confirmTimeout, idleAfter } = this.settings
    for (const group of this.groups.values()) {
      this.wake(group.expire(now - confirmTimeout, now) + confirmTimeout)
      group.pump(now)
      this.wake(group.nextDue)
    }
    if (idleAfter === 0 || this.faults.muted) return
    for (const session of [...this.sessions]) {
      if (session.seenAt + idleAfter <= now) session.idle()
      else this.wake(session.seenAt + idleAfter)
    }
  }

  #seq(id: bigint): number {
    const seq = id - BigInt(this.settings.idBase)
    return seq > 0n && seq < BigInt(Number.MAX_SAFE_INTEGER) ? Number(seq) : -1
  }
}
