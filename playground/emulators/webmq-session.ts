import type { ServerSocket } from '../cloudflare.ts'
import type { Handed } from './deliveries.ts'
import type { Ending } from './faults.ts'
import { Session } from './session.ts'
import type { Match, Publication, Subscriber, Subscription } from './webmq-broker.ts'
import { type Dict, type Payload, WampError } from './webmq-payload.ts'
import type { Caller } from './webmq-procedures.ts'
import { allows, NOTHING, type Right } from './webmq-rights.ts'
import type { WebmqRoom } from './webmq-room.ts'
import type { User } from './webmq-settings.ts'

/** Says why a frame is against the protocol. */
export class Violation extends Error {}

export type Message = readonly [type: number, ...rest: unknown[]]

/** What a message leads to; some of it takes time, and then the next message waits. */
type Work = void | Promise<void>

/** How the stream of events, and the record of what was handed over, name a session. */
export interface Who {
  readonly connection: number
  readonly session: string | number
  readonly version: 1 | 2
}

/** One connection of a client, in either version of WAMP. */
export abstract class WampSession extends Session implements Subscriber, Caller {
  abstract readonly version: 1 | 2
  abstract readonly id: string | number
  authid = ''
  role = ''
  method = ''
  user: User
  readonly subscriptions = new Map<number, Subscription>()
  protected readonly room: WebmqRoom
  /** What was called and is not answered, by the client's id of it. */
  protected readonly calls = new Map<unknown, AbortController>()
  protected over = false
  #handed: Handed<Who> | undefined
  /** Frames that came while an earlier one waits for a digest. */
  #waiting: string[] | undefined

  constructor(room: WebmqRoom, socket: ServerSocket, wired: boolean) {
    super(room, socket, wired)
    this.room = room
    this.user = room.stranger
    room.sessions.add(this)
    room.counters.accepted++
  }

  /** Says the first word, once, if it is this side's to say. */
  abstract greet(): void

  /** Whether it may do things: what counts as a command. */
  protected abstract readonly joined: boolean

  protected abstract carryOut(message: Message): Work

  protected abstract violated(reason: string): void

  protected abstract eventText(
    publication: Publication,
    subscription: Subscription,
    retained: boolean,
  ): string

  get who(): Who {
    return { connection: this.number, session: this.id, version: this.version }
  }

  tell(type: string, fields: () => Dict = () => ({})): void {
    this.room.events.emit(() => ({ type, ...this.who, ...fields() }))
  }

  protected override receive(frame: string | ArrayBuffer): void {
    const { counters } = this.room
    if (typeof frame !== 'string') {
      counters.binaryFrames++
      this.#malformed('a binary frame, where all are text')
      return
    }
    counters.textFrames++
    if (this.#waiting === undefined) this.#take(frame)
    else this.#waiting.push(frame)
  }

  #take(frame: string): void {
    const work = this.#guarded(() => this.#run(readMessage(frame)))
    if (!(work instanceof Promise)) return
    this.#waiting = []
    void work.catch((error) => this.#failed(error)).then(() => this.#resume())
  }

  #resume(): void {
    const frames = this.#waiting ?? []
    this.#waiting = undefined
    for (const frame of frames) {
      if (this.#waiting === undefined) this.#take(frame)
      else (this.#waiting as string[]).push(frame)
    }
  }

  #run(message: Message): Work {
    if (this.over) return
    const fatal = this.joined ? this.room.faults.fatalRequest('command') : undefined
    const work = fatal === 'before' ? undefined : this.carryOut(message)
    if (fatal !== undefined) this.kill()
    return work
  }

  #guarded(run: () => Work): Work {
    try {
      return run()
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    if (!(error instanceof Violation)) throw error
    this.#malformed(error.message)
  }

  #malformed(reason: string): void {
    if (this.over) return
    this.room.counters.malformed++
    this.tell('malformed', () => ({ reason }))
    this.violated(reason)
  }

  /** Whether the user has a right; what is refused is counted, since version 1 does not tell. */
  protected allowed(right: Right, uri: string): boolean {
    if (allows(this.user.permissions ?? NOTHING, right, uri)) return true
    this.room.counters.forbidden++
    this.tell('forbidden', () => ({ right, uri }))
    return false
  }

  /** From now on it is somebody. */
  signedIn(authid: string, method: string, user: User): void {
    this.authid = authid
    this.role = user.role
    this.method = method
    this.user = user
    this.room.counters.signIns++
    this.tell('signedIn', () => ({ authid, role: user.role, method }))
  }

  refused(uri: string, message: string): void {
    this.room.counters.refused++
    this.tell('refused', () => ({ uri, reason: message }))
  }

  protected join(topic: string, match: Match): Subscription {
    const subscription = this.room.broker.subscribe(this, topic, match)
    this.subscriptions.set(subscription.id, subscription)
    this.room.counters.subscribes++
    this.tell('subscribed', () => ({ topic, match }))
    return subscription
  }

  protected leave(subscription: Subscription): void {
    this.subscriptions.delete(subscription.id)
    this.room.broker.unsubscribe(this, subscription)
    this.room.counters.unsubscribes++
    this.tell('unsubscribed', () => ({ topic: subscription.topic, match: subscription.match }))
  }

  deliver(publication: Publication, subscription: Subscription, retained: boolean): void {
    const { counters, deliveries, faults } = this.room
    if (this.over || faults.muted) return
    const fatal = faults.fatalRequest('event')
    if (fatal !== 'before') {
      counters.delivered++
      this.#handed ??= deliveries.open(this.who)
      deliveries.add(this.#handed, publication.number)
      this.tell('delivered', () => ({ publication: publication.number, topic: publication.topic }))
      this.send(this.eventText(publication, subscription, retained))
    }
    if (fatal !== undefined) this.kill()
  }

  /** Calls a procedure; nothing waits for it but its answer. */
  protected start(key: unknown, procedure: string, payload: Payload, options: Dict): Promise<Payload> {
    const controller = new AbortController()
    this.calls.set(key, controller)
    const call = this.room.call({
      caller: this,
      procedure,
      payload,
      options,
      signal: controller.signal,
      now: () => this.room.now(),
      progress: (part) => this.progress(key, part, options),
    })
    return call.finally(() => this.calls.delete(key))
  }

  protected progress(_key: unknown, _part: Payload, _options: Dict): void {}

  /** Answers a call, unless the connection dies of it. */
  protected answer(message: Message): void {
    if (this.over) return
    const fatal = this.room.faults.fatalRequest('result')
    if (fatal !== 'before') this.write(message)
    if (fatal !== undefined) this.kill()
  }

  write(message: Message): void {
    this.send(JSON.stringify(message))
  }

  protected override left(how: Ending): void {
    this.over = true
    if (this.#handed !== undefined) this.#handed.ended = how
    this.room.sessions.delete(this)
    for (const subscription of this.subscriptions.values()) this.room.broker.unsubscribe(this, subscription)
    for (const call of this.calls.values()) {
      call.abort(new WampError('wamp.error.canceled', 'the caller is gone'))
    }
    this.tell('disconnected', () => ({ code: how, topics: this.subscriptions.size }))
  }
}

function readMessage(frame: string): Message {
  let message: unknown
  try {
    message = JSON.parse(frame)
  } catch {
    throw new Violation('a frame that is no JSON')
  }
  if (Array.isArray(message) && Number.isInteger(message[0])) return message as unknown as Message
  throw new Violation('a message must be a list that begins with the number of its type')
}
