import WebSocket from 'ws'
import { Inbox } from '../support/inbox.ts'
import type { TamburRoom } from '../support/room.ts'
import { token } from './publisher.ts'

/** A message: stream, kind and data. */
export type Message = [stream: string, kind: string, data: unknown]

/** A bare socket that speaks Tambur frame by frame, with nothing of the client under test. */
export class Subscriber {
  readonly messages = new Inbox<Message>()
  /** Answers whose handle is none of this peer's. */
  readonly notices = new Inbox<[handle: number, reason: string]>()
  /** Frames that cannot be read. */
  readonly odd = new Inbox<string | Buffer>()
  readonly closed: Promise<number>
  /** The first frame. */
  readonly first: Promise<string>
  /** The HTTP status with which the socket was refused. */
  readonly refused: Promise<number>
  id = ''
  readonly #appId: string
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (response: string) => void>()
  #handle = 0
  #isFirst = true

  constructor({ appId, url }: Pick<TamburRoom, 'appId' | 'url'>, address: string = url) {
    this.#appId = appId
    this.#socket = new WebSocket(address)
    this.closed = new Promise((resolve) => this.#socket.on('close', resolve))
    this.first = new Promise((resolve) => {
      this.#socket.on('message', (data: Buffer, binary) => {
        if (this.#isFirst) resolve(data.toString())
        else this.#take(data, binary)
        this.#isFirst = false
      })
    })
    this.refused = new Promise((resolve) => {
      this.#socket.on('unexpected-response', (_, { statusCode }) => resolve(statusCode!))
    })
    this.#socket.on('error', () => {})
  }

  #take(data: Buffer, binary: boolean): void {
    let frame: unknown
    try {
      frame = JSON.parse(data.toString())
    } catch {}
    if (binary || !Array.isArray(frame)) this.odd.push(binary ? data : data.toString())
    else if (frame[0] === 'msg') this.messages.push(frame.slice(1) as Message)
    else this.#answer(frame[1], frame[2])
  }

  #answer(handle: number, response: string): void {
    const waiting = this.#waiting.get(handle)
    this.#waiting.delete(handle)
    if (waiting === undefined) this.notices.push([handle, response])
    else waiting(response)
  }

  send(frame: string | Buffer): void {
    this.#socket.send(frame)
  }

  /** Sends a command; gives the answer. */
  command(name: string, ...args: unknown[]): Promise<string> {
    const handle = ++this.#handle
    this.send(JSON.stringify([name, handle, ...args]))
    return new Promise((resolve) => this.#waiting.set(handle, resolve))
  }

  /** Switches a mode on with the token that it takes. */
  setMode(mode: string, stream: string, ...user: string[]): Promise<string> {
    return this.command('set_mode', mode, stream, ...user, this.token(mode, stream, ...user))
  }

  token(mode: string, ...props: string[]): string {
    return token(this.#appId, this.id, mode, ...props)
  }

  /** Waits until the room has dealt with all that was sent: it answers what makes no sense. */
  async settled(): Promise<void> {
    this.send('{}')
    await this.notices.next()
  }

  async texts(count: number): Promise<unknown[]> {
    const texts: unknown[] = []
    while (texts.length < count) texts.push((await this.messages.next())[2])
    return texts
  }

  close(): void {
    this.#socket.close()
  }

  /** Ends the socket without a close frame. */
  break(): void {
    this.#socket.terminate()
  }
}

/** A subscriber that has its id and its streams. */
export async function subscribed(
  room: Pick<TamburRoom, 'appId' | 'url'>,
  streams: readonly string[] = [],
  address?: string,
): Promise<Subscriber> {
  const subscriber = new Subscriber(room, address)
  subscriber.id = (await subscriber.first).slice(3)
  for (const stream of streams) {
    const response = await subscriber.command('subscribe', stream)
    if (response !== 'ok') throw new Error(`subscribe: ${response}`)
  }
  return subscriber
}
