import { FakeSocket } from './socket.ts'

/** What the client asks for. */
export interface TamburCommand {
  readonly name: string
  readonly handle: number
  readonly args: readonly string[]
}

let sessions = 0

/** The Tambur service's side of a fake socket. */
export class TamburScript {
  readonly socket: FakeSocket
  /** The subscriber id of this session. */
  readonly id: string

  constructor(socket: FakeSocket) {
    this.socket = socket
    this.id = ids.get(socket) ?? `s${++sessions}-4fd4-b862`
    ids.set(socket, this.id)
  }

  /** All frames of the client, in order. */
  get commands(): TamburCommand[] {
    return this.socket.sent.map((frame) => {
      const [name, handle, ...args] = JSON.parse(frame as string) as [string, number, ...string[]]
      return { name, handle, args }
    })
  }

  /** The same, to be read: `subscribe news`. */
  get lines(): string[] {
    return this.commands.map(({ name, args }) => [name, ...args].join(' '))
  }

  /** The last command of a name, or the last of all. */
  last(name?: string): TamburCommand {
    const found = this.commands.findLast((command) => name === undefined || command.name === name)
    if (!found) throw new Error(`no ${name ?? 'command'} arrived`)
    return found
  }

  /** Opens the socket and ends the handshake. */
  accept(id = this.id): void {
    this.socket.open()
    this.socket.message(`id:${id}`)
  }

  send(frame: unknown): void {
    this.socket.message(JSON.stringify(frame))
  }

  /** Answers a command: that handle, or the last command of that name. */
  answer(which?: number | string, response: unknown = 'ok'): void {
    this.send(['ack', typeof which === 'number' ? which : this.last(which).handle, response])
  }

  /**
   * Answers every command from now on, as soon as it has arrived; `judge` may find a reason to refuse it, or false
   * not to answer it.
   */
  obey(judge: (command: TamburCommand) => string | false | undefined = () => undefined): this {
    this.socket.send = (data) => {
      FakeSocket.prototype.send.call(this.socket, data)
      const command = this.last()
      const response = judge(command) ?? 'ok'
      if (response !== false) queueMicrotask(() => this.answer(command.handle, response))
    }
    return this
  }

  /** Delivers ordinary messages. */
  publish(stream: string, ...texts: string[]): void {
    for (const text of texts) this.send(['msg', stream, 'message', text])
  }

  auth(stream: string, text: string): void {
    this.send(['msg', stream, 'auth', text])
  }

  direct(stream: string, from: string, text: string): void {
    this.send(['msg', stream, 'direct', [from, text]])
  }

  up(stream: string, ...users: string[]): void {
    for (const user of users) this.send(['msg', stream, 'presence', [user, 'up']])
  }

  down(stream: string, ...users: string[]): void {
    for (const user of users) this.send(['msg', stream, 'presence', [user, 'down']])
  }
}

const ids = new WeakMap<FakeSocket, string>()
