import type { FakeSocket } from './socket.ts'

export type WampMessage = readonly unknown[]

/** What both versions of a WAMP server on a fake socket have. */
export abstract class WampScript {
  readonly socket: FakeSocket
  /** The subprotocol that it chooses. */
  abstract readonly protocol: string

  constructor(socket: FakeSocket) {
    this.socket = socket
  }

  /** All messages of the client, in order. */
  get messages(): WampMessage[] {
    return this.socket.sent.map((frame) => JSON.parse(frame as string) as WampMessage)
  }

  /** The messages of a type, without the type. */
  of(type: number): WampMessage[] {
    return this.messages.flatMap(([its, ...rest]) => (its === type ? [rest] : []))
  }

  /** Sends a message. */
  send(...message: unknown[]): void {
    this.socket.message(JSON.stringify(message))
  }

  open(protocol = this.protocol): void {
    this.socket.protocol = protocol
    this.socket.open()
  }

  /** Opens the socket and greets, to a client that does not sign in. */
  accept(id?: string | number): void {
    this.open()
    this.welcome(id)
  }

  abstract welcome(id?: string | number): void
  /** Topics that it was asked to subscribe, in order. */
  abstract readonly subscribes: string[]
  /** Topics that it was asked to unsubscribe, in order. */
  abstract readonly unsubscribes: string[]
  /** Procedures that were called, in order. */
  abstract readonly calls: string[]
  /** Answers what has not been answered of SUBSCRIBE and UNSUBSCRIBE, where there is an answer. */
  abstract grant(): void
  /** The id of the last call of a procedure. */
  abstract callId(procedure: string): string | number
  /** An event of a topic. */
  abstract event(topic: string, event: unknown): void
  /** Answers the last call of a procedure. */
  abstract result(procedure: string, result: unknown): void
  abstract fail(procedure: string, uri: string, text: string, details?: object): void
}

export class Wamp1Script extends WampScript {
  readonly protocol = 'wamp'

  welcome(id: string | number = 'S1'): void {
    this.send(0, id, 1, 'script')
  }

  get subscribes(): string[] {
    return this.of(5).map(([topic]) => topic as string)
  }

  get unsubscribes(): string[] {
    return this.of(6).map(([topic]) => topic as string)
  }

  get calls(): string[] {
    return this.of(2).map(([, procedure]) => procedure as string)
  }

  /** Version 1 has no answers. */
  grant(): void {}

  event(topic: string, event: unknown): void {
    this.send(8, topic, event)
  }

  callId(procedure: string): string {
    const call = this.of(2).findLast(([, its]) => its === procedure)
    if (!call) throw new Error(`no call of ${procedure}`)
    return call[0] as string
  }

  result(procedure: string, result: unknown): void {
    this.send(3, this.callId(procedure), result)
  }

  fail(procedure: string, uri: string, text: string, ...details: unknown[]): void {
    this.send(4, this.callId(procedure), uri, text, ...details)
  }
}

export const AUTHREQ = 'http://api.wamp.ws/procedure#authreq'
export const AUTH = 'http://api.wamp.ws/procedure#auth'

export class Wamp2Script extends WampScript {
  readonly protocol = 'wamp.2.json'
  /** Subscription ids, by topic; the server gives out 1000, 1001, … */
  readonly ids = new Map<string, number>()
  #answered = 0

  welcome(id: string | number = 7): void {
    this.send(2, id, { roles: { broker: {}, dealer: {} } })
  }

  get subscribes(): string[] {
    return this.of(32).map(([, , topic]) => topic as string)
  }

  get unsubscribes(): string[] {
    return this.of(34).map(([, id]) => this.topicOf(id as number))
  }

  topicOf(id: number): string {
    return [...this.ids].find(([, its]) => its === id)?.[0] ?? `unknown ${id}`
  }

  get calls(): string[] {
    return this.of(48).map(([, , procedure]) => procedure as string)
  }

  idOf(topic: string): number {
    const id = this.ids.get(topic) ?? 1_000 + this.ids.size
    this.ids.set(topic, id)
    return id
  }

  grant(): void {
    const news = this.messages.slice(this.#answered)
    this.#answered += news.length
    for (const [type, id, , topic] of news) {
      if (type === 32) this.send(33, id, this.idOf(topic as string))
      if (type === 34) this.send(35, id)
    }
  }

  event(topic: string, event: unknown): void {
    this.send(36, this.idOf(topic), 5_000, {}, [event])
  }

  callId(procedure: string): number {
    const call = this.of(48).findLast(([, , its]) => its === procedure)
    if (!call) throw new Error(`no call of ${procedure}`)
    return call[0] as number
  }

  result(procedure: string, result: unknown): void {
    this.send(50, this.callId(procedure), {}, [result])
  }

  fail(procedure: string, uri: string, text: string, kwargs?: object): void {
    this.send(8, 48, this.callId(procedure), {}, uri, [text], ...(kwargs ? [kwargs] : []))
  }
}

const scripts = new WeakMap<FakeSocket, WampScript>()

/** The server on a socket; always the same one. */
export function wampScript(socket: FakeSocket, version: 1 | 2): WampScript {
  const known = scripts.get(socket)
  if (known) return known
  const script = version === 1 ? new Wamp1Script(socket) : new Wamp2Script(socket)
  scripts.set(socket, script)
  return script
}
