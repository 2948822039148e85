import { backoff, type ReconnectOptions } from './backoff.ts'
import { alarm } from './clock.ts'
import { IsomqError, type IsomqErrorCode } from './errors.ts'
import { createMachine, type State, type StateChange } from './machine.ts'
import { createSession, type Session, type SessionSetup } from './session.ts'
import { type WaitOptions, wait } from './wait.ts'

/** What happens on the line, for `on('status')`. */
export type ConnectionStatus =
  | { readonly type: 'connected'; readonly session: number }
  | { readonly type: 'disconnected'; readonly session: number; readonly error: IsomqError }
  | { readonly type: 'retrying'; readonly attempt: number; readonly delay: number }

export interface ConnectionOptions extends SessionSetup {
  readonly random: () => number
  readonly reconnect: false | ReconnectOptions
  /** A session is signed in: ask again for what the user asked for. Runs before anybody who waits goes on. */
  ready?(session: Session): void
  /**
   * A session is over; settle what belongs to it. Never called for one that was not ready. `goodbye` is there when
   * this side has ended it, and tells whether the other side has answered that.
   */
  lost?(session: Session, error: IsomqError, goodbye?: Promise<boolean>): void
  /** A refusal, or no retries left: the owner is to stop the connection. */
  gaveUp(error: IsomqError): void
  changed(change: StateChange): void
  status(status: ConnectionStatus): void
}

/** A line to a provider that comes back by itself. */
export interface Connection {
  readonly state: State
  /** The signed-in session, while there is one that frames can go out on. */
  readonly session: Session | undefined
  /** Dials, when that has not been done, and keeps the line up. */
  start(): void
  /** Resolves when a session is signed in, dialling first when that has not been done. */
  connect(options?: WaitOptions): Promise<void>
  /** Replaces the session that is signed in by a new one, `atOnce` as if it had been healthy. */
  renew(error: IsomqError, atOnce: boolean): void
  /** Ends the line and settles everything; `connect()` revives it. */
  stop(error: IsomqError): Promise<void>
}

export function createConnection(options: ConnectionOptions): Connection {
  const { provider, clock, reconnect, random } = options
  const {
    retries = Number.POSITIVE_INFINITY,
    minDelay,
    maxDelay,
    stableAfter = 10_000,
    refused,
  } = reconnect || { retries: 0 }
  const machine = createMachine(options.changed)
  /** What settles the calls of `connect()` that wait. */
  const waiters = new Set<(error?: IsomqError) => void>()
  let session: Session | undefined
  let sessions = 0
  let openedAt = 0
  /** Retries since the last healthy connection. */
  let tries = 0
  let cancelRetry: (() => void) | undefined
  /** When the pause or the attempt that is under way should be over. */
  let due = 0
  /** Somebody other than a waiting `connect()` needs the line. */
  let wanted = false
  let lastError: IsomqError | undefined
  /** The session ends because this side wants another one. */
  let renewing = false
  /** Sessions that say goodbye while the next one is made. */
  const leaving = new Set<Promise<boolean>>()

  function dial(): void {
    cancelRetry?.()
    cancelRetry = undefined
    due = clock.now() + (options.connectTimeout || Number.POSITIVE_INFINITY)
    session = createSession(++sessions, options, { accepted, ended })
  }

  function accepted(now: Session): void {
    openedAt = clock.now()
    options.ready?.(now)
    // What `ready` sent may have ended the session at once.
    if (now.error) return
    machine.move('ready')
    options.status({ type: 'connected', session: now.id })
    for (const settle of [...waiters]) settle()
  }

  function ended(old: Session, error: IsomqError, goodbye?: Promise<boolean>): void {
    if (old !== session) return
    session = undefined
    lastError = error
    const wasOpen = machine.state === 'open'
    if (wasOpen) {
      options.lost?.(old, error, goodbye)
      machine.move('lost', error)
    }
    options.status({ type: 'disconnected', session: old.id, error })
    if (isTrying()) retry(error, wasOpen)
  }

  function retry(error: IsomqError, wasOpen: boolean): void {
    const healthy = wasOpen && (renewing || clock.now() - openedAt >= stableAfter)
    if (healthy) tries = 0
    if (isFinal(error) || tries >= retries) return options.gaveUp(error)
    tries++
    const delay = backoff(healthy ? 0 : tries, random, minDelay, maxDelay)
    options.status({ type: 'retrying', attempt: tries, delay })
    // A handler of that event may have closed the client or dialled by hand.
    if (session || cancelRetry || !isTrying()) return
    due = clock.now() + delay
    cancelRetry = alarm(clock, delay, dial)
  }

  const isTrying = () => machine.state === 'connecting' || machine.state === 'reconnecting'

  function isFinal(error: IsomqError): boolean {
    if (error.code === 'AUTH_REJECTED') return !refused
    return error.code === 'CONFIG' || (error.code === 'CONNECT_FAILED' && !error.retryable)
  }

  /** Everything of `stop` but the socket. */
  function halt(error: IsomqError, trigger: 'stop' | 'cancel' = 'stop'): void {
    cancelRetry?.()
    cancelRetry = undefined
    wanted = false
    watchNetwork('removeEventListener')
    const left = [...waiters]
    machine.move(trigger, error)
    for (const settle of left) settle(error)
  }

  function begin(): void {
    if (!machine.move('dial')) return catchUp()
    tries = 0
    lastError = undefined
    watchNetwork('addEventListener')
    dial()
  }

  /**
   * What a timer should have done is done by whoever uses the line: the timers of a Worker's request end with
   * it, and those of a machine that slept are late.
   */
  function catchUp(): void {
    if (clock.now() < due) return
    if (cancelRetry) dial()
    else cut('CONNECT_TIMEOUT', 'an attempt to connect took too long')
  }

  /** Ends the attempt that is under way. */
  function cut(code: IsomqErrorCode, text: string): void {
    if (session && !session.ready) session.end(new IsomqError(provider, code, text))
  }

  /** Browsers and their workers tell `online` and `offline`. */
  function watchNetwork(how: 'addEventListener' | 'removeEventListener'): void {
    if (!('ononline' in globalThis)) return
    const network = globalThis as unknown as EventTarget
    network[how]('online', online)
    network[how]('offline', offline)
  }

  function online(): void {
    if (cancelRetry) dial()
  }

  function offline(): void {
    cut('CONNECT_FAILED', 'the machine went offline')
  }

  /** The last who waited has left: with nobody else to connect for, nothing is left behind. */
  function forsaken(): void {
    if (waiters.size > 0 || wanted || machine.state !== 'connecting') return
    const dialling = session
    session = undefined
    const error = new IsomqError(provider, 'ABORTED', 'nobody waits for the connection')
    halt(error, 'cancel')
    dialling?.end(error)
  }

  /** The session that frames can go out on. */
  const usable = () => (session?.ready && !session.closing ? session : undefined)

  return {
    get state() {
      return machine.state
    },
    get session() {
      return usable()
    },
    start() {
      wanted = true
      begin()
    },
    connect(limits = {}) {
      const waiting = { provider, clock, what: 'connection', why: () => lastError }
      return wait<void>(limits, waiting, (resolve, reject) => {
        const settle = (error?: IsomqError) => (error ? reject(error) : resolve())
        begin()
        if (usable()) resolve()
        // It has just ended, before anybody could wait for it.
        if (machine.state === 'closed' && lastError) reject(lastError)
        waiters.add(settle)
        return () => {
          waiters.delete(settle)
          forsaken()
        }
      })
    },
    renew(error, atOnce) {
      const old = session
      if (!old?.ready) return
      const goodbye = old.close(error)
      leaving.add(goodbye)
      goodbye.then(() => leaving.delete(goodbye))
      renewing = atOnce
      ended(old, error, goodbye)
      renewing = false
    },
    async stop(error) {
      const old = session
      const wasReady = old?.ready
      session = undefined
      const goodbye = old?.close(error)
      if (old && wasReady) options.lost?.(old, error, goodbye)
      halt(error)
      if (old) options.status({ type: 'disconnected', session: old.id, error })
      await Promise.all([...leaving, goodbye])
    },
  }
}
