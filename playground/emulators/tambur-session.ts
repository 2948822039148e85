import type { ServerSocket } from '../cloudflare.ts'
import type { Handed } from './deliveries.ts'
import type { Ending } from './faults.ts'
import { Session } from './session.ts'
import {
  ackText,
  type Command,
  decodeCommand,
  isMode,
  isStream,
  Malformed,
  type Mode,
} from './tambur-frames.ts'
import type { TamburRoom } from './tambur-room.ts'
import { modeToken } from './tambur-sign.ts'
import type { Stream } from './tambur-stream.ts'

type Texts = readonly string[]

/** How the stream of events, and the record of what was handed over, name a connection. */
export interface Who {
  readonly connection: number
  readonly subscriber: string
}

/** One connection of a subscriber. */
export class TamburSession extends Session {
  /** New with each connection. */
  readonly subscriber: string = crypto.randomUUID()
  /** Subscribed to, by name. */
  readonly streams = new Map<string, Stream>()
  readonly #room: TamburRoom
  readonly #handed: Handed<Who>
  #greeted = false
  #over = false
  /** Commands are carried out one after the other, though some have to wait for a digest. */
  #work: Promise<void> = Promise.resolve()

  constructor(room: TamburRoom, socket: ServerSocket, wired: boolean) {
    super(room, socket, wired)
    this.#room = room
    this.#handed = room.deliveries.open(this.#who)
    room.sessions.add(this)
    room.counters.accepted++
    room.events.emit(() => ({ type: 'connected', ...this.#who }))
    this.greet()
  }

  get #who(): Who {
    return { connection: this.number, subscriber: this.subscriber }
  }

  /** Ends the handshake, once; a silent room does it later. */
  greet(): void {
    const { faults } = this.#room
    if (this.#greeted || faults.muted) return
    this.#greeted = true
    this.send(faults.handshakes.shift() ?? `id:${this.subscriber}`)
  }

  /** Hands over a message that was published. */
  deliver(number: number, stream: string, frame: string): void {
    if (this.#over) return
    const { counters, deliveries, events } = this.#room
    counters.delivered++
    deliveries.add(this.#handed, number)
    events.emit(() => ({ type: 'delivered', message: number, stream, ...this.#who }))
    this.send(frame, true)
  }

  protected override receive(frame: string | ArrayBuffer): void {
    const { counters } = this.#room
    if (typeof frame === 'string') counters.textFrames++
    else counters.binaryFrames++
    this.#work = this.#work.then(() => this.#take(frame))
  }

  async #take(frame: string | ArrayBuffer): Promise<void> {
    if (this.#over) return
    const { counters, events, faults } = this.#room
    let command: Command
    try {
      command = decodeCommand(frame)
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      counters.malformed++
      events.emit(() => ({ type: 'malformed', ...this.#who, reason: error.message }))
      this.answer(0, error.message)
      return
    }
    counters.commands++
    const fatal = faults.fatalRequest('command') ?? faults.fatalRequest(command.name)
    if (fatal !== 'before') await this.#carryOut(command)
    if (fatal !== undefined) this.kill()
  }

  async #carryOut({ name, handle, args }: Command): Promise<void> {
    const { counters, events, faults } = this.#room
    const texts = args.filter((arg) => typeof arg === 'string')
    const response = texts.length < args.length ? 'invalid_arguments' : await this.#run(name, texts)
    if (this.#over) return
    if (response !== 'ok') counters.refusedCommands++
    events.emit(() => ({
      type: 'command',
      ...this.#who,
      command: name,
      handle,
      ...told(name, texts),
      response,
    }))
    if (faults.noAcks > 0) faults.noAcks--
    else this.answer(handle, response)
    if (name === 'set_mode' && texts[0] === 'presence' && response === 'ok') {
      // The answer may have been the last frame of this connection.
      this.streams.get(texts[1]!)?.arrive(this, texts[2]!)
    }
  }

  /** Answers the command of a handle; with 0 it is an error notice. */
  answer(handle: number, response: string): void {
    this.#room.counters.acks++
    this.send(ackText(handle, response))
  }

  #run(name: string, args: Texts): string | Promise<string> {
    switch (name) {
      case 'subscribe':
        return args.length === 1 ? this.#subscribe(args[0]!) : 'invalid_arguments'
      case 'unsubscribe':
        return args.length === 1 ? this.#unsubscribe(args[0]!) : 'invalid_arguments'
      case 'set_mode':
        return this.#setMode(args)
      case 'unset_mode':
        return this.#unsetMode(args)
      case 'direct':
        return args.length === 3 ? this.#direct(args[0]!, args[1]!, args[2]!) : 'invalid_arguments'
    }
    return 'unknown_command'
  }

  #subscribe(name: string): string {
    if (!isStream(name)) return 'invalid_stream'
    if (this.streams.has(name)) return 'already_subscribed'
    const stream = this.#room.stream(name)
    this.streams.set(name, stream)
    stream.join(this)
    return 'ok'
  }

  #unsubscribe(name: string): string {
    const stream = this.streams.get(name)
    if (stream === undefined) return 'not_subscribed'
    this.#leave(stream)
    return 'ok'
  }

  #leave(stream: Stream): void {
    this.streams.delete(stream.name)
    stream.leave(this)
    this.#room.forget(stream)
  }

  async #setMode([mode = '', name = '', ...rest]: Texts): Promise<string> {
    if (!isMode(mode)) return 'unknown_mode'
    if (rest.length !== (mode === 'auth' ? 1 : 2)) return 'invalid_arguments'
    const token = rest.pop()!
    const user = rest[0]
    if (user === '') return 'invalid_user'
    const stream = this.streams.get(name)
    if (stream === undefined) return 'not_subscribed'
    const current = stream.subscribers.get(this)![mode]
    if (current !== false && current !== undefined) return 'already_set'
    const refusal = this.#room.faults.nextRefusal()
    if (refusal !== undefined) return refusal.phrase
    const expected = await this.#token(mode, name, user)
    return token === expected ? stream.set(this, mode, user) : 'invalid_token'
  }

  #token(mode: Mode, stream: string, userId: string | undefined): Promise<string> {
    const { apiKey, appId, secret } = this.#room
    return modeToken({ apiKey, appId, mode, stream, userId, subscriberId: this.subscriber }, secret)
  }

  #unsetMode([mode = '', name = '', ...rest]: Texts): string {
    if (!isMode(mode)) return 'unknown_mode'
    if (rest.length !== (mode === 'direct' ? 1 : 0)) return 'invalid_arguments'
    return this.streams.get(name)?.unset(this, mode, rest[0]) ?? 'not_subscribed'
  }

  #direct(name: string, to: string, text: string): string {
    return this.streams.get(name)?.sendDirect(this, to, text) ?? 'not_subscribed'
  }

  protected override left(how: Ending): void {
    const { sessions, events } = this.#room
    this.#over = true
    this.#handed.ended = how
    sessions.delete(this)
    events.emit(() => ({ type: 'disconnected', ...this.#who, code: how }))
    for (const stream of [...this.streams.values()]) this.#leave(stream)
  }
}

/** What of a command may be told: no token and no text. */
function told(name: string, args: Texts): object {
  if (!/^(un)?set_mode$/.test(name)) return { stream: args[0] }
  const [mode, stream, ...rest] = args
  return { mode, stream, user: name === 'set_mode' && mode === 'auth' ? undefined : rest[0] }
}
