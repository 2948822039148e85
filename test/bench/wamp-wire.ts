import { WebSocket } from 'ws'
import { FRAME_SIZE } from './stream.ts'

// WAMP 2 as its specification has it, for the bare client and for who publishes to all clients and answers their
// calls.
export const REALM = 'realm1'
export const TOPIC = 'com.example.topic'
export const ECHO = 'com.example.echo'

const HELLO = 1
const WELCOME = 2
const PUBLISH = 16
const PUBLISHED = 17
const SUBSCRIBE = 32
const SUBSCRIBED = 33
const EVENT = 36
const CALL = 48
const RESULT = 50
const REGISTER = 64
const REGISTERED = 65
const INVOCATION = 68
const YIELD = 70

type Message = readonly [type: number, ...unknown[]]

/** A session that knows what to expect. */
export class WampSocket {
  onEvent: (args: unknown[]) => void = () => {}
  onResult: (request: number, args: unknown[]) => void = () => {}
  readonly #socket: WebSocket
  #requests = 0
  #called: () => void = () => {}
  #answered: (type: number) => void = () => {}

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.onmessage = ({ data }) => {
      const [type, first, , fourth, fifth] = JSON.parse(data as string)
      if (type === EVENT) this.onEvent(fifth)
      else if (type === RESULT) this.onResult(first, fourth)
      else if (type === INVOCATION) {
        this.#send([YIELD, first, {}, fifth])
        this.#called()
      } else this.#answered(type)
    }
  }

  static async connect(url: string): Promise<WampSocket> {
    const socket = new WebSocket(url, 'wamp.2.json')
    const made = new WampSocket(socket)
    await new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = reject
    })
    const roles = { publisher: {}, subscriber: {}, caller: {}, callee: {} }
    await made.#ask([HELLO, REALM, { roles }], WELCOME)
    return made
  }

  #send(message: Message): void {
    this.#socket.send(JSON.stringify(message))
  }

  async #ask(message: Message, answer: number): Promise<void> {
    const next = new Promise<number>((resolve) => {
      this.#answered = resolve
    })
    this.#send(message)
    if ((await next) !== answer) throw new Error(`message ${message[0]} was refused`)
  }

  subscribe(topic: string): Promise<void> {
    return this.#ask([SUBSCRIBE, ++this.#requests, {}, topic], SUBSCRIBED)
  }

  /** Answers calls with their arguments. */
  register(procedure: string, called: () => void): Promise<void> {
    this.#called = called
    return this.#ask([REGISTER, ++this.#requests, {}, procedure], REGISTERED)
  }

  /** Gives the number of the call. */
  call(procedure: string, args: unknown[]): number {
    this.#send([CALL, ++this.#requests, {}, procedure, args])
    return this.#requests
  }

  publish(topic: string, args: unknown[]): void {
    this.#send([PUBLISH, ++this.#requests, {}, topic, args])
  }

  /** Resolves when the router has done all that was sent before. */
  settled(): Promise<void> {
    return this.#ask([PUBLISH, ++this.#requests, { acknowledge: true }, `${TOPIC}.none`], PUBLISHED)
  }

  close(): void {
    this.#socket.terminate()
  }
}

const event = (i: number, note: string) => ({ tid: 56876327000000 + i, payment: '1299.00', note })
const frame = (note: string): string =>
  JSON.stringify([EVENT, 2 ** 52, 2 ** 52, { topic: TOPIC }, [event(0, note)]])
const padding = 'x'.repeat(FRAME_SIZE - frame('').length)
/** Event number `i`; on the wire it has about the size that was agreed on. */
export const eventOf = (i: number): object => event(i, padding)
