import type { ServerSocket } from '../cloudflare.ts'
import type { Ending } from './faults.ts'
import type { Receiver } from './group.ts'
import { type Command, decodeCommand, deliveryText, Malformed, type MessageFields } from './prism-frames.ts'
import type { PrismMessage, PrismQueue, PrismRoom } from './prism-room.ts'
import { Session } from './session.ts'

/** One connection's part in one queue. */
class Consumer implements Receiver<MessageFields> {
  readonly unconfirmed = new Map<number, PrismMessage>()
  readonly queue: PrismQueue
  readonly name: string
  readonly #session: PrismSession

  constructor(session: PrismSession, queue: PrismQueue, name: string) {
    this.#session = session
    this.queue = queue
    this.name = name
  }

  room(): number {
    return this.#session.window()
  }

  deliver(message: PrismMessage): void {
    this.#session.deliver(message, this)
  }
}

/** One connection of a client to the notify endpoint. */
export class PrismSession extends Session {
  readonly client: string
  /** What the peer calls itself, by a parameter `peer` in its URL. */
  readonly name: string | undefined
  /** By the name of the queue. */
  readonly consumers = new Map<string, Consumer>()
  /** Delivered and not acknowledged, by tag. */
  readonly unacked = new Map<string, { readonly message: PrismMessage; readonly consumer: Consumer }>()
  readonly #room: PrismRoom
  #delivered = 0

  constructor(
    room: PrismRoom,
    client: string,
    name: string | undefined,
    socket: ServerSocket,
    wired: boolean,
  ) {
    super(room, socket, wired)
    this.#room = room
    this.client = client
    this.name = name
    room.sessions.add(this)
    room.counters.accepted++
    room.events.emit(() => ({ type: 'connected', connection: this.number, client, name }))
  }

  /** How many more messages it may be pushed. */
  window(): number {
    const { faults, settings } = this.#room
    return faults.muted ? 0 : settings.prefetch - this.unacked.size
  }

  deliver(message: PrismMessage, consumer: Consumer): void {
    const { settings, counters, events } = this.#room
    const number = settings.uniqueTags ? this.#room.tags++ : this.#delivered++
    const tag = (BigInt(settings.tagBase) + BigInt(number)).toString()
    const again = message.tries > 1
    this.unacked.set(tag, { message, consumer })
    counters.delivered++
    if (again) counters.redelivered++
    events.emit(() => ({
      type: again ? 'redelivered' : 'delivered',
      message: message.seq,
      key: message.key,
      queue: consumer.name,
      tag,
      tries: message.tries,
      connection: this.number,
    }))
    const time = Math.floor(message.born / 1000)
    this.send(deliveryText(message, time, tag, settings.tagType === 'string'), true)
  }

  protected override receive(frame: string | ArrayBuffer): void {
    const { counters } = this.#room
    if (typeof frame === 'string') counters.textFrames++
    else counters.binaryFrames++
    let command: Command
    try {
      command = decodeCommand(frame)
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      counters.malformed++
      this.#refuse('malformed', error.message)
      return
    }
    const fatal = command.type === 'consume' ? undefined : this.#room.faults.fatalRequest(command.type)
    if (fatal !== 'before') this.#carryOut(command)
    if (fatal !== undefined) this.kill()
  }

  #carryOut(command: Command): void {
    if (command.type === 'publish') this.#publish(command)
    else if (command.type === 'consume') this.#consume(command.queue)
    else this.#ack(command.tag)
  }

  #publish({ key, body, contentType }: Command & { readonly type: 'publish' }): void {
    const { settings, counters } = this.#room
    const tooLong = beyond('routing key', new TextEncoder().encode(key).length, settings.maxKey)
    const refused = tooLong ?? beyond('body', body.length, settings.maxBody)
    if (refused !== undefined) {
      counters.limited++
      this.#refuse('limit_exceeded', refused)
      return
    }
    counters.publishesTaken++
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(body)
    this.#room.publish({ client: this.client, key, type: contentType, body: text })
  }

  /** Asking once more for the same queue changes nothing. */
  #consume(name: string): void {
    const { counters, events } = this.#room
    counters.consumes++
    events.emit(() => ({ type: 'consuming', queue: name, connection: this.number }))
    if (this.consumers.has(name)) return
    const queue = this.#room.queue(this.client, name)
    const consumer = new Consumer(this, queue, name)
    this.consumers.set(name, consumer)
    queue.join(consumer)
    queue.pump(Date.now())
  }

  #ack(tag: string): void {
    const { counters, events } = this.#room
    const held = this.unacked.get(tag)
    if (held === undefined) {
      counters.acksUnknown++
      events.emit(() => ({ type: 'ackUnknown', tag, connection: this.number }))
      return
    }
    this.unacked.delete(tag)
    held.consumer.queue.confirm(held.message.seq)
    counters.acked++
    events.emit(() => ({ type: 'acked', message: held.message.seq, tag, connection: this.number }))
    for (const { queue } of this.consumers.values()) queue.pump(Date.now())
  }

  #refuse(code: string, message: string): void {
    this.#room.events.emit(() => ({ type: 'malformed', connection: this.number, code, reason: message }))
    this.send(JSON.stringify({ error: { code, message } }))
  }

  protected override left(code: Ending): void {
    const { sessions, events } = this.#room
    sessions.delete(this)
    const unacked = this.unacked.size
    events.emit(() => ({ type: 'disconnected', connection: this.number, code, unacked }))
    this.unacked.clear()
    const consumers = [...this.consumers.values()]
    for (const consumer of consumers) consumer.queue.leave(consumer, 0)
    for (const { queue } of consumers) queue.pump(Date.now())
  }
}

/** What to say when something is too long. */
export const beyond = (what: string, bytes: number, limit: number): string | undefined =>
  bytes > limit ? `the ${what} has ${bytes} bytes; the limit is ${limit}` : undefined
