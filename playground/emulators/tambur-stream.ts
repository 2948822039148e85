import { type Mode, messageText } from './tambur-frames.ts'
import type { TamburRoom } from './tambur-room.ts'
import type { TamburSession } from './tambur-session.ts'

/** What one connection has switched on in a stream. */
export interface Modes {
  auth: boolean
  /** As whom. */
  presence: string | undefined
  direct: string | undefined
}

/** Connections by user: one user may have several. */
class Users {
  readonly #sessions = new Map<string, Set<TamburSession>>()

  /** Whether the user has only now come. */
  add(user: string, session: TamburSession): boolean {
    const known = this.#sessions.get(user)
    if (known === undefined) this.#sessions.set(user, new Set([session]))
    else known.add(session)
    return known === undefined
  }

  /** Whether the user has gone with it. */
  delete(user: string, session: TamburSession): boolean {
    const left = this.#sessions.get(user)
    left?.delete(session)
    return left?.size === 0 && this.#sessions.delete(user)
  }

  names(): string[] {
    return [...this.#sessions.keys()]
  }

  of(user: string): ReadonlySet<TamburSession> {
    return this.#sessions.get(user) ?? new Set()
  }

  /** The connections of everybody else. */
  *others(user: string): Iterable<TamburSession> {
    for (const [name, sessions] of this.#sessions) if (name !== user) yield* sessions
  }
}

/** One stream of a room, as long as somebody is subscribed to it. */
export class Stream {
  readonly name: string
  readonly subscribers = new Map<TamburSession, Modes>()
  readonly #room: TamburRoom
  readonly #present = new Users()
  readonly #direct = new Users()

  constructor(room: TamburRoom, name: string) {
    this.#room = room
    this.name = name
  }

  join(session: TamburSession): void {
    this.subscribers.set(session, { auth: false, presence: undefined, direct: undefined })
  }

  /** Ends the subscription, and with it the modes. */
  leave(session: TamburSession): void {
    const modes = this.subscribers.get(session)!
    this.subscribers.delete(session)
    this.#unsetPresence(session, modes)
    this.#unsetDirect(session, modes)
  }

  /** Switches a mode on; answers as the protocol does. */
  set(session: TamburSession, mode: Mode, user = ''): string {
    const modes = this.subscribers.get(session)
    if (modes === undefined) return 'not_subscribed'
    if (mode === 'auth') modes.auth = true
    else modes[mode] = user
    if (mode === 'direct') this.#direct.add(user, session)
    return 'ok'
  }

  /** Who is here, for a newcomer, and that he is, for the others; after the answer to what he asked. */
  arrive(session: TamburSession, user: string): void {
    const isFirst = this.#present.add(user, session)
    for (const name of this.#present.names()) if (name !== user) this.#tell(session, name, 'up')
    if (isFirst) this.#spread(user, 'up')
  }

  /** Switches a mode off; answers as the protocol does. */
  unset(session: TamburSession, mode: Mode, user?: string): string {
    const modes = this.subscribers.get(session)
    if (modes === undefined) return 'not_subscribed'
    if (modes[mode] === false || modes[mode] === undefined) return 'not_set'
    if (mode === 'direct' && modes.direct !== user) return 'not_set'
    if (mode === 'auth') modes.auth = false
    else if (mode === 'presence') this.#unsetPresence(session, modes)
    else this.#unsetDirect(session, modes)
    return 'ok'
  }

  #unsetPresence(session: TamburSession, modes: Modes): void {
    const user = modes.presence
    modes.presence = undefined
    if (user !== undefined && this.#present.delete(user, session)) this.#spread(user, 'down')
  }

  #unsetDirect(session: TamburSession, modes: Modes): void {
    const user = modes.direct
    modes.direct = undefined
    if (user !== undefined) this.#direct.delete(user, session)
  }

  #spread(user: string, state: 'up' | 'down'): void {
    this.#room.events.emit(() => ({ type: 'presence', stream: this.name, user, state }))
    for (const other of [...this.#present.others(user)]) this.#tell(other, user, state)
  }

  #tell(session: TamburSession, user: string, state: 'up' | 'down'): void {
    this.#room.counters.presences++
    session.send(messageText(this.name, 'presence', [user, state]), true)
  }

  /** Hands a text from one user to another; answers as the protocol does. */
  sendDirect(session: TamburSession, to: string, text: string): string {
    const modes = this.subscribers.get(session)
    if (modes === undefined) return 'not_subscribed'
    const from = modes.direct
    if (from === undefined) return 'no_direct_mode'
    const receivers = [...this.#direct.of(to)]
    if (receivers.length === 0) return 'user_unknown'
    const { counters, events } = this.#room
    counters.directs++
    counters.directsDelivered += receivers.length
    events.emit(() => ({ type: 'direct', stream: this.name, from, to, receivers: receivers.length }))
    const frame = messageText(this.name, 'direct', [from, text])
    for (const receiver of receivers) receiver.send(frame, true)
    return 'ok'
  }

  describe(): object {
    const auth = [...this.subscribers.values()].filter((modes) => modes.auth).length
    const present = this.#present.names()
    return {
      stream: this.name,
      subscribers: this.subscribers.size,
      auth,
      present,
      direct: this.#direct.names(),
    }
  }
}
