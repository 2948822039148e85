/** The entries of isomq, as they appear in {@link IsomqError.provider}. */
export type Provider = 'tmc' | 'prism' | 'tamar' | 'tambur' | 'webmq'

/**
 * What went wrong, as a closed union that a `switch` can exhaust.
 *
 * - `CONFIG` an option or argument is wrong; the text names it
 * - `CONNECT_FAILED` the socket or request could not reach the server
 * - `CONNECT_TIMEOUT` it did not get through in time
 * - `CONNECTION_LOST` it was there and broke; what was under way may or may not have happened
 * - `AUTH_REJECTED` the server refused the sign-in or signature
 * - `PROTOCOL` the other side sent what the protocol does not allow
 * - `HTTP` an answer with a status that is no success
 * - `PROVIDER` the far side's own error; its code is in `details`
 * - `TIMEOUT` a wait took longer than its limit
 * - `ABORTED` the caller's signal ended the wait; `cause` is the signal's reason
 * - `QUEUE_FULL` a bounded queue has no place
 * - `LIMIT` something is larger than it may be
 * - `CLOSED` the client was closed
 */
export type IsomqErrorCode =
  | 'CONFIG'
  | 'CONNECT_FAILED'
  | 'CONNECT_TIMEOUT'
  | 'CONNECTION_LOST'
  | 'AUTH_REJECTED'
  | 'PROTOCOL'
  | 'HTTP'
  | 'PROVIDER'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'QUEUE_FULL'
  | 'LIMIT'
  | 'CLOSED'

export interface IsomqErrorOptions {
  /** What led to it; never holds a secret. */
  cause?: unknown
  /** Facts for a program: the far side's code, a status, an id. */
  details?: Readonly<Record<string, unknown>>
  /** Overrides what the code says about trying again. */
  retryable?: boolean
}

/** The one error class of isomq. Its text says what failed, then what to do. */
export class IsomqError extends Error {
  override readonly name = 'IsomqError'
  readonly provider: Provider
  readonly code: IsomqErrorCode
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>

  constructor(provider: Provider, code: IsomqErrorCode, text: string, options: IsomqErrorOptions = {}) {
    super(`${provider}: ${text}`, options.cause === undefined ? undefined : { cause: options.cause })
    this.provider = provider
    this.code = code
    this.retryable = options.retryable ?? /^CONNECT|TIMEOUT|FULL/.test(code)
    this.details = options.details ?? {}
  }
}

/** Anything thrown, as an `Error`: only `Error`s leave this library. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  try {
    return new Error(String(thrown))
  } catch {
    return new Error('something was thrown that is neither an error nor a text')
  }
}

/** Some runtimes quote the URL, whose query may hold a signature. */
export function withoutQuery(thrown: unknown, url: string): Error {
  const [, search] = /(\?.*)?$/s.exec(url)!
  const error = toError(thrown)
  const texts: string[] = []
  for (let at: unknown = error; at instanceof Error && texts.length < 10; at = at.cause) {
    texts.push(
      at.message,
      String(at.stack),
      ...Object.values(at).filter((value) => typeof value === 'string'),
    )
  }
  if (!search || !texts.some((text) => text.includes(search))) return error
  const { message, code } = error as Error & { code?: unknown }
  return Object.assign(new Error(message.replaceAll(search, '?…')), code !== undefined && { code })
}
