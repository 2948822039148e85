import type { ConnectionStatus } from 'isomq/tamar/rabbitmq'
import { type StompBroker, type StompBrokerOptions, stompBroker } from 'isomq/tamar/rabbitmq'
import { enter, type Said, type Stage, stage } from './bench.ts'
import { flush } from './clock.ts'
import type { FakeSocket } from './socket.ts'

export interface Written {
  readonly command: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', ':': '\\c' }
const PLAIN: Readonly<Record<string, string>> = { '\\\\': '\\', '\\n': '\n', '\\r': '\r', '\\c': ':' }

/** RabbitMQ's side of a fake socket; it reads frames by its own means. */
export class StompScript {
  readonly socket: FakeSocket

  constructor(socket: FakeSocket) {
    this.socket = socket
  }

  /** All frames of the client; its signs of life are left out. */
  get frames(): Written[] {
    return this.socket.sent
      .filter((sent) => sent !== '\n')
      .map((sent) => {
        const [, head = '', body = ''] = /^(.*?)\n\n(.*)\0\n?$/s.exec(sent as string)!
        const [command = '', ...lines] = head.split('\n')
        const plain = (text: string) => text.replace(/\\./g, (pair) => PLAIN[pair]!)
        const pair = (line: string) => {
          const at = line.indexOf(':')
          return [plain(line.slice(0, at)), plain(line.slice(at + 1))] as const
        }
        return { command, headers: lines.map(pair), body }
      })
  }

  get beats(): number {
    return this.socket.sent.filter((sent) => sent === '\n').length
  }

  get sends(): Written[] {
    return this.frames.filter(({ command }) => command === 'SEND')
  }

  /** Receipts that were asked for by SEND, in order. */
  get receipts(): string[] {
    return this.sends.map(({ headers }) => new Map(headers).get('receipt')!)
  }

  /** RabbitMQ writes bytes, and a line end behind each frame. */
  say(command: string, headers: Readonly<Record<string, string>> = {}, body = ''): void {
    const escaped = (text: string) => text.replace(/[\\\n\r:]/g, (unit) => ESCAPES[unit]!)
    const lines = Object.entries(headers).map(([name, value]) => `\n${name}:${escaped(value)}`)
    this.socket.bytes(new TextEncoder().encode(`${command}${lines.join('')}\n\n${body}\0\n`))
  }

  /** Opens the socket and signs the client in. */
  accept(beats = '10000,10000'): this {
    this.socket.open()
    this.say('CONNECTED', { version: '1.2', server: 'RabbitMQ/3.10.8', session: 's-1', 'heart-beat': beats })
    return this
  }

  /** Confirms these, or all. */
  confirm(receipts: readonly string[] = this.receipts): void {
    for (const receipt of receipts) this.say('RECEIPT', { 'receipt-id': receipt })
  }
}

export interface StompBench extends Stage, Said<ConnectionStatus> {
  readonly broker: StompBroker
  readonly replies: (readonly [correlationId: string, body: string])[]
  /** How often the client was told that the reply queue is gone. */
  readonly lost: number
  /** RabbitMQ on the socket that was opened last. */
  readonly script: StompScript
  signIn(beats?: string): Promise<StompScript>
  /** Moves on to the next attempt. */
  redial(): Promise<StompScript>
}

export const DISPATCH = { body: '{"message_id": "m1"}' }
export const NO_LIMIT = { timeout: 0 }
export const PASSCODE = 'MARKER:pass\\code'

/** A broker with a time and a network of its own; closed after the test. */
export function stompBench(options: Partial<StompBrokerOptions> = {}): StompBench {
  const on = stage()
  const broker = stompBroker({
    url: 'wss://rabbit.test/ws',
    username: 'me',
    password: PASSCODE,
    ...on.options,
    ...options,
  })
  const replies: StompBench['replies'] = []
  let lost = 0
  broker.listen({
    waiting: true,
    reply: (...given) => replies.push(given),
    lost: () => {
      lost++
    },
  })
  const { network, clock } = on
  const made = {
    broker,
    replies,
    get lost() {
      return lost
    },
    get script() {
      return new StompScript(network.last)
    },
    async signIn(beats?: string) {
      broker.connect().catch(() => {})
      await flush()
      const script = made.script.accept(beats)
      await flush()
      return script
    },
    async redial() {
      const before = network.sockets.length
      for (let timers = 0; network.sockets.length === before; timers++) {
        if (timers === 100) throw new Error(`no further attempt; the broker is ${broker.state}`)
        await clock.advance(clock.untilNext ?? 1)
      }
      return made.script
    },
  }
  return Object.defineProperties(
    { ...on, ...enter<ConnectionStatus>(on, broker) },
    Object.getOwnPropertyDescriptors(made),
  ) as unknown as StompBench
}
