import { alarm, type Clock } from './clock.ts'
import { IsomqError, type Provider, toError } from './errors.ts'
import {
  type Frame,
  findWebSocket,
  openSocket,
  type Socket,
  type SocketEvents,
  type WebSocketClass,
} from './socket.ts'
import { abort } from './wait.ts'
import { type Watchdog, watch } from './watchdog.ts'

/** Where a session goes and what it says first; made anew for every attempt. */
export interface Endpoint {
  readonly url: string
  readonly protocols?: string[]
  /** Frames to send as soon as the socket is open. */
  readonly hello?: readonly (string | Uint8Array<ArrayBuffer>)[]
}

/** What the sessions of a connection have in common. */
export interface SessionSetup {
  readonly provider: Provider
  readonly clock: Clock
  readonly WebSocket?: WebSocketClass | undefined
  /** Milliseconds from the dial to the end of the provider's handshake; 0 sets no limit. */
  readonly connectTimeout: number
  /** Milliseconds of silence after which a line is replaced; 0 trusts it for ever. */
  readonly idleTimeout: number
  /** Makes an attempt's endpoint with fresh credentials; `signal` ends with the attempt. */
  dial(signal: AbortSignal): Endpoint | Promise<Endpoint>
  /** Opens something other than a WebSocket: a loop of requests that behaves like one. */
  open?(events: SocketEvents): Socket
  /** Every frame, the handshake's included: answer with `accept()` or `end(error)`. */
  received(session: Session, frame: Frame): void
  /** Asks a silent line for a sign of life, where the protocol has a way. */
  probe?(session: Session): void
}

interface Owner {
  accepted(session: Session): void
  ended(session: Session, error: IsomqError): void
}

const IDLE_GRACE = 10_000
const GOODBYE = 500

/** One socket from its dial to its end. A connection makes a new one for every attempt. */
export class Session {
  readonly id: number
  /** The handshake is done and the session not over. */
  ready = false
  /** Why the session is over, once it is. */
  error: IsomqError | undefined
  readonly #setup: SessionSetup
  readonly #owner: Owner
  readonly #abort = new AbortController()
  #phase = 'getting credentials'
  #socket: Socket | undefined
  #watchdog: Watchdog | undefined
  #cancelTimeout: (() => void) | undefined
  #gone: (() => void) | undefined

  constructor(id: number, setup: SessionSetup, owner: Owner) {
    this.id = id
    this.#setup = setup
    this.#owner = owner
    const { clock, connectTimeout } = setup
    const tooLong = () =>
      this.#fail('CONNECT_TIMEOUT', `${this.#phase} took longer than ${connectTimeout} ms`)
    if (connectTimeout) this.#cancelTimeout = alarm(clock, connectTimeout, tooLong)
    this.#open().catch((thrown) => this.#threw(thrown))
  }

  /** What throws inside an event of the socket would end the process: here it ends the session. */
  #guard(act: () => void): void {
    try {
      act()
    } catch (thrown) {
      this.#threw(thrown)
    }
  }

  #threw(thrown: unknown): void {
    if (thrown instanceof IsomqError) this.end(thrown)
    else
      this.#fail(this.ready ? 'CONNECTION_LOST' : 'CONNECT_FAILED', `${this.#phase} failed`, toError(thrown))
  }

  async #open(): Promise<void> {
    const { dial, open, provider, WebSocket } = this.#setup
    const endpoint = await dial(this.#abort.signal)
    const Class = open ? undefined : await findWebSocket(provider, WebSocket)
    // Whatever took long belongs to an attempt that is over: its result is dropped.
    if (this.error) return
    this.#phase = 'opening the socket'
    const events: SocketEvents = {
      opened: () =>
        this.#guard(() => {
          this.#phase = 'signing in'
          for (const frame of endpoint.hello ?? []) this.send(frame)
        }),
      received: (frame) => {
        this.#watchdog?.heard()
        if (!this.error) this.#guard(() => this.#setup.received(this, frame))
      },
      closed: (code, reason, cause) => this.#closed(code, reason, cause),
    }
    this.#socket = Class ? openSocket(Class, endpoint.url, endpoint.protocols, events) : open!(events)
  }

  #closed(code: number, reason: string, cause: unknown): void {
    this.#gone?.()
    if (cause instanceof IsomqError) return this.end(cause)
    const said = reason ? `code ${code}, "${reason}"` : `code ${code}`
    if (this.ready)
      this.#fail('CONNECTION_LOST', `the connection was lost (${said})`, cause, { code, reason })
    else {
      const text = `the connection failed while ${this.#phase} (${said}); check the URL and that the server runs`
      this.#fail('CONNECT_FAILED', text, cause, { code, reason })
    }
  }

  #fail(code: IsomqError['code'], text: string, cause?: unknown, details?: Record<string, unknown>): void {
    this.end(new IsomqError(this.#setup.provider, code, text, { cause, details }))
  }

  /** The provider's handshake is done. */
  accept(): void {
    if (this.ready || this.error) return
    this.ready = true
    this.#cancelTimeout?.()
    const { clock, idleTimeout, probe } = this.#setup
    if (idleTimeout) {
      this.#watchdog = watch({
        clock,
        idle: idleTimeout,
        grace: IDLE_GRACE,
        probe: () => probe?.(this),
        dead: () =>
          this.#fail('CONNECTION_LOST', `nothing arrived in ${idleTimeout} ms; the line is taken for dead`),
      })
    }
    this.#owner.accepted(this)
  }

  /**
   * Hands a frame to the socket; one that does not take it is of no use any more.
   *
   * @throws IsomqError `CONNECTION_LOST` when the session is over
   */
  send(frame: string | Uint8Array<ArrayBuffer>): void {
    try {
      if (this.error) throw this.error
      this.#socket!.send(frame)
    } catch (cause) {
      if (cause instanceof IsomqError) throw cause
      const text = 'the connection was lost before a frame could be sent'
      this.#fail('CONNECTION_LOST', text, cause)
      throw this.error
    }
  }

  /** Ends the session at once, for good. */
  end(error: IsomqError): void {
    if (!this.#over(error)) return
    this.#socket?.destroy()
    this.#owner.ended(this, error)
  }

  /** Ends the session with a goodbye, and resolves when the other side has answered or half a second passed. */
  close(error: IsomqError): Promise<void> {
    if (!this.#over(error)) return Promise.resolve()
    this.#owner.ended(this, error)
    const socket = this.#socket
    if (!socket) return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = alarm(this.#setup.clock, GOODBYE, () => this.#gone?.())
      this.#gone = () => {
        cancel()
        socket.destroy()
        resolve()
      }
      socket.close(1000)
    })
  }

  #over(error: IsomqError): boolean {
    if (this.error) return false
    this.error = error
    this.ready = false
    this.#cancelTimeout?.()
    this.#watchdog?.stop()
    abort(this.#abort, error)
    return true
  }
}
