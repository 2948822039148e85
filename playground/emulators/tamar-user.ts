import type { ServerSocket } from '../cloudflare.ts'
import type { Ending } from './faults.ts'
import { Session } from './session.ts'
import type { Receiver } from './tamar-gateway.ts'
import type { TamarRoom } from './tamar-room.ts'

/** One connection of a user to the gateway. */
export class UserSession extends Session implements Receiver {
  readonly userId: string
  readonly #room: TamarRoom

  constructor(room: TamarRoom, socket: ServerSocket, wired: boolean, userId: string) {
    super(room.lines.user, socket, wired)
    this.#room = room
    this.userId = userId
    room.lines.user.sessions.add(this)
    room.counters.users++
    room.events.emit(() => ({ type: 'connected', line: 'user', connection: this.number, user: userId }))
    room.gateway.join(this)
  }

  push(frame: string): void {
    this.send(frame, true)
  }

  protected override receive(data: string | ArrayBuffer): void {
    const { counters, lines, gateway } = this.#room
    const { type, id, response } = read(data)
    const { faults } = lines.user
    const fatal = faults.fatalRequest('answer')
    if (fatal !== 'before') {
      if (type === 'ack' && typeof id === 'string') void gateway.ack(this.userId, id)
      else if (type === 'response' && typeof id === 'string' && response !== undefined) {
        void gateway.respond(this.userId, id, JSON.stringify(response))
      } else {
        counters.malformed++
        this.send('{"type":"error","reason":"there are here: ack with id, response with id and response"}')
      }
    }
    if (fatal !== undefined) this.kill()
  }

  protected override left(how: Ending): void {
    const { lines, gateway, events } = this.#room
    lines.user.sessions.delete(this)
    gateway.leave(this)
    events.emit(() => ({
      type: 'disconnected',
      line: 'user',
      connection: this.number,
      user: this.userId,
      code: how,
    }))
  }
}

function read(data: string | ArrayBuffer): Readonly<Record<string, unknown>> {
  try {
    const text = typeof data === 'string' ? data : new TextDecoder().decode(data)
    return (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}
