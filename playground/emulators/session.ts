import type { ServerSocket } from '../cloudflare.ts'
import type { Ending, Faults } from './faults.ts'
import { CUT } from './wire.ts'

/** What a connection needs of its room. */
export interface SessionRoom {
  readonly faults: Faults
  readonly counters: { dropped: number }
  lastConnection: number
}

/** One connection of a peer to a room, with all that can go wrong on it; providers say what its frames mean. */
export abstract class Session {
  readonly number: number
  seenAt: number = Date.now()
  /** Frames that were sent to the peer. */
  frames = 0
  readonly #room: SessionRoom
  readonly #socket: ServerSocket
  readonly #wired: boolean
  #open = true
  #doomed = false
  #gone = false

  constructor(room: SessionRoom, socket: ServerSocket, wired: boolean) {
    this.#room = room
    this.#socket = socket
    this.#wired = wired
    this.number = ++room.lastConnection
    socket.addEventListener('message', ({ data }) => this.#take(data))
    socket.addEventListener('close', ({ code }) => this.#end(code))
    socket.addEventListener('error', () => this.#end(1006))
  }

  /** A frame of the peer's. */
  protected abstract receive(data: string | ArrayBuffer): void

  /** The connection is gone; called once. */
  protected abstract left(how: Ending): void

  /** Sends a frame, or what the faults leave of it. */
  send(frame: Uint8Array | string, delivery = false): void {
    const { faults } = this.#room
    if (this.#silent) return
    this.#later(typeof frame === 'string' ? faults.shapeText(frame) : faults.shape(frame))
    if (faults.fatal(delivery)) this.kill()
  }

  /** Sends a frame as it is. */
  sendRaw(frame: Uint8Array | string): void {
    if (!this.#silent) this.#later([frame])
  }

  get #silent(): boolean {
    return !this.#open || this.#doomed || this.#room.faults.muted
  }

  #later(frames: readonly (Uint8Array | string)[]): void {
    const { delayMs } = this.#room.faults
    const put = () => {
      if (!this.#open || this.#doomed) return
      for (const frame of frames) this.#socket.send(frame as string | Uint8Array<ArrayBuffer>)
    }
    if (delayMs > 0) setTimeout(put, delayMs)
    else put()
    this.frames++
  }

  /**
   * Ends the connection: with a close code, or abruptly. On a wire that is at once; a bare socket falls silent
   * and breaks when the peer next sends something.
   */
  drop(how: Ending, reason: string): void {
    if (!this.#open || this.#doomed) return
    this.#room.counters.dropped++
    if (how === 'abrupt' && !this.#wired) this.#doomed = true
    else this.#socket.close(how === 'abrupt' ? CUT : how, reason)
    this.#leave(how)
  }

  /** Ends the connection because of a frame on it. */
  protected kill(): void {
    this.drop(this.#room.faults.ending, 'a fault')
  }

  protected close(code: number, reason: string): void {
    this.#socket.close(code, reason)
    this.#leave(code)
  }

  #end(code: number): void {
    if (!this.#open) return
    this.#open = false
    // The runtime answers a close frame only on request.
    try {
      this.#socket.close(code === 1005 || code === 1006 ? 1000 : code)
    } catch {}
    this.#leave(code)
  }

  #leave(how: Ending): void {
    if (this.#gone) return
    this.#gone = true
    if (!this.#doomed) this.#open = false
    this.left(how)
  }

  #take(data: unknown): void {
    if (this.#doomed) throw new Error('the connection was cut on purpose')
    if (!this.#open || this.#room.faults.muted) return
    this.seenAt = Date.now()
    this.receive(data as string | ArrayBuffer)
  }
}
