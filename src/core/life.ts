import type { Clock } from './clock.ts'
import { createEmitter } from './emitter.ts'
import { IsomqError, type Provider, toError } from './errors.ts'
import type { StateChange } from './machine.ts'
import type { DebugRecord } from './options.ts'
import { type WaitOptions, wait } from './wait.ts'

/** What every client with a connection tells. */
export interface LifeEvents<Status> {
  state: StateChange
  status: Status
  /** What no caller waits for: an `IsomqError`, or what a handler threw. */
  error: Error
  debug: DebugRecord
}

export interface CloseOptions extends WaitOptions {
  /** Milliseconds that running handlers get to end. Default 10,000. */
  timeout?: number | undefined
}

export interface LifeOptions {
  readonly provider: Provider
  readonly clock: Clock
  readonly logger?: ((record: DebugRecord) => void) | undefined
  /** Takes nothing more, and resolves when what runs has ended. */
  drain?(error: IsomqError): Promise<unknown>
  /** Gives up what is left; `told` is what ends the iterations, none after a `close()`. */
  drop?(error: IsomqError, told?: IsomqError): void
  /** Closes what is open. */
  stop(error: IsomqError): Promise<void>
}

/** The events of a client, and its way out. */
export interface Life<Events extends LifeEvents<unknown>> {
  /** Why the client takes no more calls, once it does not. */
  readonly ended: IsomqError | undefined
  on<K extends keyof Events>(type: K, handler: (event: Events[K]) => unknown): () => void
  emit<K extends keyof Events>(type: K, event: Events[K]): void
  report(error: Error): void
  /** Tells what happens on the line; a break is an error, too. */
  status(status: Events['status']): void
  changed(change: StateChange): void
  /** A debug record, made only when somebody reads it. */
  trace(event: string, facts: () => Record<string, unknown>): void
  /** @throws IsomqError `CLOSED` when the client has ended and nobody revived it */
  check(): void
  revive(): void
  /** The client ended by itself. */
  gaveUp(error: IsomqError): void
  close(options?: CloseOptions): Promise<void>
}

const DRAIN = 10_000

export function createLife<Events extends LifeEvents<unknown>>(options: LifeOptions): Life<Events> {
  const { provider, clock, logger } = options
  let closing: Promise<void> | undefined
  /** Ends the wait for running handlers. */
  let hurry = () => {}
  let ended: IsomqError | undefined

  const emitter = createEmitter<Pick<LifeEvents<unknown>, keyof LifeEvents<unknown>>>((thrown, type) => {
    // An error handler that fails has nobody left to tell.
    if (type !== 'error') report(toError(thrown))
  })
  const report = (error: Error) => emitter.emit('error', error)
  if (logger) emitter.on('debug', logger)

  function end(error: IsomqError, told?: IsomqError): void {
    ended = error
    options.drop?.(error, told)
  }

  const closed = (cause?: IsomqError) =>
    new IsomqError(provider, 'CLOSED', 'the client is closed; once that is done, connect() opens it again', {
      cause,
    })

  async function shut(): Promise<void> {
    const error = closed()
    ended = error
    const drained = options.drain?.(error)
    // However the wait ends, what then still runs is given up.
    await Promise.race([drained, new Promise<void>((resolve) => (hurry = resolve))])
    end(error)
    await options.stop(error)
  }

  function trace(event: string, facts: () => Record<string, unknown>): void {
    if (emitter.has('debug')) emitter.emit('debug', { provider, at: clock.now(), event, ...facts() })
  }

  return {
    get ended() {
      return ended
    },
    on(type, handler) {
      if (typeof handler !== 'function') {
        throw new IsomqError(provider, 'CONFIG', 'the second argument of on() must be a function')
      }
      return emitter.on(type as 'state', handler as never)
    },
    emit: emitter.emit as Life<Events>['emit'],
    report,
    status(status) {
      const { type, error } = status as { readonly type: string; readonly error?: IsomqError }
      // What this side meant to happen is no failure.
      const isMeant = error?.code === 'CLOSED' || error?.details.planned
      if (type === 'disconnected' && !isMeant) report(error!)
      emitter.emit('status', status)
    },
    changed(change) {
      trace('state', () => ({ from: change.from, to: change.to }))
      emitter.emit('state', change)
    },
    trace,
    check() {
      if (ended) throw closed(ended)
    },
    revive() {
      if (!closing) ended = undefined
    },
    gaveUp: (error) => end(error, closing ? undefined : error),
    async close({ signal, timeout = DRAIN } = {}) {
      closing ??= shut().finally(() => {
        closing = undefined
      })
      const now = closing
      // Each call has limits of its own, and the first that is reached ends the wait for the handlers.
      await wait<void>({ signal, timeout }, { provider, clock, what: 'end of the handlers' }, (resolve) => {
        now.then(resolve)
        return undefined
      }).catch(() => hurry())
      await now
    },
  }
}
