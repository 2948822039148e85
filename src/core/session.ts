import { alarm, type Clock } from './clock.ts'
import { IsomqError, type Provider, withoutQuery } from './errors.ts'
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
  /** The socket is open and the hello sent: where there is no handshake, the place for `accept()`. */
  opened?(session: Session): void
  /** Finds out why the server refused to open the socket, which WebSockets do not tell. */
  explain?(signal: AbortSignal): Promise<IsomqError | undefined>
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
  /** The subprotocol that the server has chosen; empty when it chose none. */
  readonly protocol: string
  /** Bytes that were handed over and are not on the network yet, as far as the runtime tells. */
  readonly buffered: number
  /** Frames would go nowhere any more, though the end was not told yet. */
  readonly closing: boolean
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
  /**
   * Ends the session with a goodbye; resolves when the other side has answered, which says that all has arrived, or
   * with false when it has not for half a second.
   */
  close(error: IsomqError): Promise<boolean>
}

const IDLE_GRACE = 10_000
const GOODBYE = 500
/** Close codes of an answer: the one that was sent, or none. */
const GOOD = 1000
const UNSAID = 1005

export function createSession(id: number, setup: SessionSetup, owner: Owner): Session {
  const { provider, clock, connectTimeout, idleTimeout } = setup
  const attempt = new AbortController()
  let url = ''
  let phase = 'getting credentials'
  let opened = false
  /** The socket has told its end. */
  let isGone = false
  let ready = false
  let over: IsomqError | undefined
  let socket: Socket | undefined
  let watchdog: Watchdog | undefined
  let gone: ((code: number) => void) | undefined
  const tooLong = () =>
    end(new IsomqError(provider, 'CONNECT_TIMEOUT', `${phase} took longer than ${connectTimeout} ms`))
  const cancelTimeout = connectTimeout ? alarm(clock, connectTimeout, tooLong) : undefined

  async function open(): Promise<void> {
    const endpoint = await setup.dial(attempt.signal)
    const Class = setup.open ? undefined : await findWebSocket(provider, setup.WebSocket)
    // Whatever took long belongs to an attempt that is over: its result is dropped.
    if (over) return
    url = endpoint.url
    phase = 'opening the socket'
    const events: SocketEvents = {
      opened: guard(() => {
        phase = 'signing in'
        opened = true
        for (const frame of endpoint.hello ?? []) session.send(frame)
        setup.opened?.(session)
      }),
      received: guard((frame: Frame) => {
        watchdog?.heard()
        if (!over) setup.received(session, frame)
      }),
      closed(code, reason, cause) {
        isGone = true
        gone?.(code)
        if (cause instanceof IsomqError) return end(cause)
        const failed = () =>
          fail(reason ? `code ${code}, "${reason}"` : `code ${code}`, cause, { code, reason })
        if (opened || over || !setup.explain) return failed()
        setup.explain(attempt.signal).then((error) => (error ? end(error) : failed()), failed)
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
    else fail('an error was thrown', thrown)
  }

  function fail(why: string, thrown?: unknown, details?: Record<string, unknown>): void {
    const cause = thrown === undefined ? undefined : withoutQuery(thrown, url)
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

  /** Says goodbye, and tells whether the answer came. */
  function farewell(socket: Socket): Promise<boolean> {
    return new Promise((resolve) => {
      let left = Number.POSITIVE_INFINITY
      let cancel = () => {}
      // What was handed over goes out before the goodbye: as long as it gets less, there is hope.
      const patience = () => {
        const { buffered = 0 } = socket
        if (buffered >= left) return resolve(false)
        left = buffered
        cancel = alarm(clock, GOODBYE, patience)
      }
      gone = (code) => {
        cancel()
        // Other codes come from a break, or from a server that said goodbye at the same time and reads no more.
        resolve(code === GOOD || code === UNSAID)
      }
      patience()
      socket.close(GOOD)
    })
  }

  const session: Session = {
    id,
    get ready() {
      return ready
    },
    get error() {
      return over
    },
    get protocol() {
      return socket?.protocol ?? ''
    },
    get buffered() {
      return socket?.buffered ?? 0
    },
    get closing() {
      return socket?.closing ?? false
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
        if (!over && !session.closing) return socket!.send(frame)
      } catch (cause) {
        fail('a frame could not be sent', cause)
      }
      throw over ?? new IsomqError(provider, 'CONNECTION_LOST', 'the connection is closing; nothing was sent')
    },
    end,
    async close(error) {
      if (!finish(error) || !socket) return true
      const isAnswered = isGone || (await farewell(socket))
      socket.destroy()
      return isAnswered
    },
  }
  open().catch(threw)
  return session
}
