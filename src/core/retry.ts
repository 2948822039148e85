import { backoff } from './backoff.ts'
import { alarm, type Clock } from './clock.ts'
import { IsomqError, type Provider } from './errors.ts'
import { neverSent } from './http.ts'
import { type WaitOptions, wait } from './wait.ts'

export interface RetryOptions {
  readonly provider: Provider
  readonly clock: Clock
  readonly random: () => number
  /** How often to try again. */
  readonly retries: number
  /** Ends it all. */
  readonly signal?: AbortSignal | undefined
  /** Whether what failed may be tried again. */
  may(error: unknown): boolean
  /** Told before each pause. */
  retrying?(attempt: number, delay: number, error: unknown): void
}

/** Does something, and again with growing pauses for as long as that is allowed. */
export async function retry<T>(options: RetryOptions, attempt: () => Promise<T>): Promise<T> {
  const { provider, clock, random, retries, signal } = options
  for (let tries = 1; ; tries++) {
    try {
      return await attempt()
    } catch (error) {
      if (tries > retries || signal?.aborted || !options.may(error)) throw error
      const pause = backoff(tries, random)
      options.retrying?.(tries, pause, error)
      await wait<void>({ signal }, { provider, clock, what: 'answer' }, (resolve) =>
        alarm(clock, pause, resolve),
      )
    }
  }
}

/** The same within a caller's limits, which end what is under way, too; why it took so long is a timeout's cause. */
export function retryWithin<T>(
  limits: WaitOptions,
  options: Omit<RetryOptions, 'signal'>,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { provider, clock } = options
  let last: unknown
  return wait<T>(limits, { provider, clock, what: 'answer', why: () => last }, (resolve, reject) => {
    const abort = new AbortController()
    const { signal } = abort
    const failed = (error: unknown) => {
      last = error
      throw error
    }
    retry({ ...options, signal }, () => attempt(signal).catch(failed)).then(resolve, reject)
    return () => abort.abort()
  })
}

/** Whether a request has certainly not been done: it never got there, or came too often. */
export const isRefused = (error: unknown): boolean => neverSent(error) || hasStatus(error, 429)

/**
 * The same where the service answers for itself, and its 503 means that it is busy. Where something may stand before
 * it, that may also mean that the service was lost in the middle.
 */
export const isUntaken = (error: unknown): boolean => isRefused(error) || hasStatus(error, 503)

const hasStatus = (error: unknown, status: number): boolean =>
  error instanceof IsomqError && error.code === 'HTTP' && error.details.status === status
