import { alarm, type Clock } from './clock.ts'
import { IsomqError, type Provider } from './errors.ts'

/** How long a caller is willing to wait. */
export interface WaitOptions {
  /** Ends the wait with `ABORTED`. */
  signal?: AbortSignal | undefined
  /** Milliseconds until the wait ends with `TIMEOUT`; 0 sets no limit. */
  timeout?: number | undefined
}

export interface Waiting {
  readonly provider: Provider
  readonly clock: Clock
  /** What is waited for, as it stands in "no … within 500 ms". */
  readonly what: string
  /** What led to a timeout, asked when it happens. */
  readonly why?: () => unknown
}

/**
 * A promise that `start` settles, unless the caller's signal or timeout comes first.
 * `start` may return what is to be undone when the wait ends, however it ends.
 */
export function wait<T>(
  { signal, timeout }: WaitOptions,
  { provider, clock, what, why }: Waiting,
  start: (resolve: (value: T) => void, reject: (error: Error) => void) => (() => void) | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (timeout !== undefined && !(timeout >= 0)) return reject(noTimeout(provider))
    if (signal && typeof signal.addEventListener !== 'function') return reject(noSignal(provider))
    if (signal?.aborted) return reject(aborted(provider, what, signal))
    let undo: (() => void) | undefined
    let over = false
    const end = (settle: () => void) => {
      if (over) return
      over = true
      leave?.()
      cancel?.()
      undo?.()
      settle()
    }
    const abort = () => end(() => reject(aborted(provider, what, signal!)))
    const leave = signal && onAbort(signal, abort)
    // What a timer cannot count is no limit.
    const cancel =
      timeout && timeout < 2 ** 31
        ? alarm(clock, timeout, () =>
            end(() =>
              reject(
                new IsomqError(provider, 'TIMEOUT', `no ${what} within ${timeout} ms`, { cause: why?.() }),
              ),
            ),
          )
        : undefined
    undo = start(
      (value) => end(() => resolve(value)),
      (error) => end(() => reject(error)),
    )
    if (over) undo?.()
  })
}

let waiting: WeakMap<AbortSignal, Set<() => void>> | undefined

// Not `currentTarget`: in Node that is null for all listeners but the first.
function fire({ target }: Event): void {
  for (const act of [...(waiting?.get(target as AbortSignal) ?? [])]) act()
}

/**
 * Calls `act` when the signal ends; returns what takes that back. A signal gets one listener, however many wait for
 * it: thousands of calls may share one, and Node takes more than ten listeners for a leak.
 */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  waiting ??= new WeakMap()
  const all = waiting.get(signal) ?? new Set()
  waiting.set(signal, all)
  if (all.size === 0) signal.addEventListener('abort', fire)
  all.add(act)
  return () => {
    all.delete(act)
    if (all.size === 0) signal.removeEventListener('abort', fire)
  }
}

const noSignal = (provider: Provider): IsomqError =>
  new IsomqError(provider, 'CONFIG', '"signal" must be an AbortSignal')

export const noTimeout = (provider: Provider): IsomqError =>
  new IsomqError(provider, 'CONFIG', '"timeout" must be milliseconds from 0 on')

export function aborted(provider: Provider, what: string, signal: AbortSignal): IsomqError {
  const { reason } = signal
  // That the client was closed says more; what else a caller hands on belongs to something else.
  if (reason instanceof IsomqError && reason.code === 'CLOSED' && reason.provider === provider) return reason
  return new IsomqError(provider, 'ABORTED', `the signal ended the wait for ${what}`, {
    cause: signal.reason,
  })
}

/** Marks a promise's rejection as seen, so that a caller who does not await it gets no unhandled rejection. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

/** A promise of any make: a handler's result must be waited for, whichever library made it. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
}

/** Aborts; what belongs to another request of a Worker cannot be touched, and ends with that request. */
export function abort(controller: AbortController, reason: Error): void {
  try {
    controller.abort(reason)
  } catch {}
}
