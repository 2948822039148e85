import { IsomqError } from '../core/errors.ts'
import { excerpt, type HttpAnswer, isSuccess, statusError } from '../core/http.ts'
import { isRefused } from '../core/retry.ts'
import { provider } from './wrong.ts'

// What the database's answers mean: above all, whether a row is there after all.

/** A row with this id is there. */
const DUPLICATE = 1062
/** Too many connections; a lock that was not free in time; a deadlock: nothing was done, and may be soon. */
const BUSY: readonly unknown[] = [1040, 1205, 1213]

/**
 * An answer that the library can read; `hidden` are secrets that it may quote.
 *
 * @throws IsomqError `AUTH_REJECTED`, `HTTP`, `PROTOCOL`
 */
export function readable(answer: HttpAnswer, hidden: readonly string[]): Response {
  const { status, text } = answer
  if (status === 401 || status === 403) {
    throw new IsomqError(provider, 'AUTH_REJECTED', 'the database refused user and password; check them')
  }
  try {
    const { result, error } = JSON.parse(text) as { result?: unknown; error?: unknown }
    // What the database refuses has the status of a failed request, or of a good one.
    if (Object(error) === error || (isSuccess(answer) && Object(result) === result)) return new Response(text)
  } catch {
    // Not JSON, or only the beginning of it.
  }
  if (!isSuccess(answer)) throw statusError(provider, answer, hidden)
  throw strange({ details: { status, body: excerpt(text, hidden) } })
}

const strange = (options: ConstructorParameters<typeof IsomqError>[3]): IsomqError =>
  new IsomqError(provider, 'PROTOCOL', 'the database answered with something else; check the URL', options)

/** What a query has thrown: our own, an error of the database, or that its answer makes no sense. */
export function errorOf(thrown: unknown, hidden: readonly string[] = []): IsomqError {
  if (thrown instanceof IsomqError) return thrown
  const { name, message, body } = Object(thrown) as Partial<Error & { body: { code?: unknown } }>
  if (name !== 'DatabaseError') return strange({ cause: thrown })
  const said = excerpt(String(message), hidden)
  const code = excerpt(String(body?.code), hidden)
  const [, digits] = /errno (\d+)/.exec(String(message)) ?? []
  const errno = digits === undefined ? undefined : Number(digits)
  return new IsomqError(provider, 'PROVIDER', `the database answered with "${said}"`, {
    retryable: errno === undefined ? isVague(code) : BUSY.includes(errno) || isBroken(errno),
    details: { code, errno },
  })
}

/** Said by what stands before the database, which may not know what has become of the query. */
const isVague = (code: string): boolean =>
  /^(UNKNOWN|INTERNAL|UNAVAILABLE|ABORTED|CANCELLED|DEADLINE_EXCEEDED|RESOURCE_EXHAUSTED)$/.test(code)

/** It goes down, or its own connection broke. */
const isBroken = (errno: number): boolean => errno === 1053 || Math.floor(errno / 1000) === 2

const errnoOf = (error: unknown): unknown => error instanceof IsomqError && error.details.errno

export const isDuplicate = (error: unknown): boolean =>
  errnoOf(error) === DUPLICATE || (error instanceof IsomqError && error.details.code === 'ALREADY_EXISTS')

/** Whether a query may be tried again at all, be it done or not. */
export const isPassing = (error: unknown): boolean =>
  error instanceof IsomqError && (error.retryable || error.code === 'CONNECTION_LOST')

/** Whether a query has certainly changed nothing. */
export function isUndone(error: unknown): boolean {
  if (isRefused(error)) return true
  if (!(error instanceof IsomqError)) return false
  const { code, details, retryable } = error
  if (code === 'PROVIDER') return BUSY.includes(details.errno) || !retryable
  return code === 'AUTH_REJECTED' || code === 'CONFIG' || (code === 'HTTP' && !retryable)
}
