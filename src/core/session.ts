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
  /** The session ended by itself. */
  ended(session: Session, error: IsomqError): void
}

/** One socket from its dial to its end. A connection makes a new one for every attempt. */
export interface Session {
  readonly id: number
  /** The handshake is done and the session not over. */
  readonly ready: boolean
  /** Why the session is over, once it is. */
  readonly error: IsomqError | undefined
  /** The provider's handshake is done. */
  accept(): void
  /**
   * Hands a frame to the socket; one that does not take it is of no use any more.
   *
   * @throws IsomqError when the session is over
   */
  send(frame: string | Uint8Array<ArrayBuffer>): void
  /** Ends the session at once, for good. */
  end(error: IsomqError): void
  /** Ends the session with a goodbye, and resolves when the other side has answered or half a second passed. */
  close(error: IsomqError): Promise<void>
}

const IDLE_GRACE = 10_000
const GOODBYE = 500

export function createSession(id: number, setup: SessionSetup, owner: Owner): Session {
  const { provider, clock, connectTimeout, idleTimeout } = setup
  const attempt = new AbortController()
  let phase = 'getting credentials'
  let ready = false
  let over: IsomqError | undefined
  let socket: Socket | undefined
  let watchdog: Watchdog | undefined
  let gone: (() => void) | undefined
  const tooLong = () =>
    end(new IsomqError(provider, 'CONNECT_TIMEOUT', `${phase} took longer than ${connectTimeout} ms`))
  const cancelTimeout = connectTimeout ? alarm(clock, connectTimeout, tooLong) : undefined

  async function open(): Promise<void> {
    const endpoint = await setup.dial(attempt.signal)
    const Class = setup.open ? undefined : await findWebSocket(provider, setup.WebSocket)
    // Whatever took long belongs to an attempt that is over: its result is dropped.
    if (over) return
    phase = 'opening the socket'
    const events: SocketEvents = {
      opened: guard(() => {
        phase = 'signing in'
        for (const frame of endpoint.hello ?? []) session.send(frame)
      }),
      received: guard((frame: Frame) => {
        watchdog?.heard()
        if (!over) setup.received(session, frame)
      }),
      closed(code, reason, cause) {
        gone?.()
        if (cause instanceof IsomqError) return end(cause)
        fail(reason ? `code ${code}, "${reason}"` : `code ${code}`, cause, { code, reason })
      },
    }
    socket = Class ? openSocket(Class, endpoint.url, endpoint.protocols, events) : setup.open!(events)
  }

  /** What throws inside an event of the socket would end the process: here it ends the session. */
  function guard<A extends unknown[]>(act: (...given: A) => void): (...given: A) => void {
    return (...given) => {
      try {
        act(...given)
      } catch (thrown) {
        threw(thrown)
      }
    }
  }

  function threw(thrown: unknown): void {
    if (thrown instanceof IsomqError) end(thrown)
    else fail('an error was thrown', toError(thrown))
  }

  function fail(why: string, cause?: unknown, details?: Record<string, unknown>): void {
    const text = `the connection failed while ${phase} (${why}); ${socket ? 'check the URL and the server' : 'see its cause'}`
    end(new IsomqError(provider, ready ? 'CONNECTION_LOST' : 'CONNECT_FAILED', text, { cause, details }))
  }

  /** Says whether the session was not over before. */
  function finish(error: IsomqError): boolean {
    if (over) return false
    over = error
    ready = false
    cancelTimeout?.()
    watchdog?.stop()
    abort(attempt, error)
    return true
  }

  function end(error: IsomqError): void {
    if (!finish(error)) return
    socket?.destroy()
    owner.ended(session, error)
  }

  const session: Session = {
    id,
    get ready() {
      return ready
    },
    get error() {
      return over
    },
    accept() {
      if (ready || over) return
      ready = true
      phase = 'in use'
      cancelTimeout?.()
      if (idleTimeout) {
        watchdog = watch({
          clock,
          idle: idleTimeout,
          grace: IDLE_GRACE,
          probe: () => setup.probe?.(session),
          dead: () => fail(`nothing arrived in ${idleTimeout} ms`),
        })
      }
      owner.accepted(session)
    },
    send(frame) {
      try {
        if (!over) return socket!.send(frame)
      } catch (cause) {
        fail('a frame could not be sent', cause)
      }
      throw over
    },
    end,
    async close(error) {
      if (!finish(error) || !socket) return
      await new Promise<void>((resolve) => {
        const cancel = alarm(clock, GOODBYE, resolve)
        gone = () => {
          cancel()
          resolve()
        }
        socket!.close(1000)
      })
      socket.destroy()
    },
  }
  open().catch(threw)
  return session
}
