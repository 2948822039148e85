import { IsomqError } from '../core/errors.ts'
import { excerpt, type HttpAnswer, isSuccess, statusError } from '../core/http.ts'
import { isRefused } from '../core/retry.ts'
import { provider } from './wrong.ts'

// What the database's answers mean: above all, whether a row is there after all.

const DUPLICATE = 1062
/** Too many connections; a lock that was not free in time; a deadlock: nothing was done, and may be soon. */
const BUSY: readonly unknown[] = [1040, 1205, 1213]
/** It goes down; Vitess has no other number; a commit that failed; called off, or out of time; a fault of Vitess. */
const UNSURE: readonly unknown[] = [1053, 1105, 1180, 1317, 1815]
/** No such database; no such table. */
const ELSEWHERE: readonly unknown[] = [1049, 1146]

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
    const { result, error } = JSON.parse(text) as { result?: unknown; error?: { message?: unknown } }
    // What the database refuses has the status of a failed request, or of a good one. With that of a failed server and
    // without a number of MySQL, it is what stands before the database that speaks.
    const isSaid = Object(error) === error && (status < 500 || errnoIn(error?.message) !== undefined)
    if (isSaid || (isSuccess(answer) && Object(result) === result)) return new Response(text)
  } catch {
    // Not JSON, or only the beginning of it.
  }
  if (!isSuccess(answer)) throw statusError(provider, answer, hidden)
  throw strange({ details: { status, body: excerpt(text, hidden) } })
}

export const strange = (options?: ConstructorParameters<typeof IsomqError>[3]): IsomqError =>
  new IsomqError(provider, 'PROTOCOL', 'the database answered with something else; check the URL', options)

/** What a query has thrown: our own, an error of the database, or that its answer makes no sense; `id` is of its row. */
export function errorOf(thrown: unknown, hidden: readonly string[], id: unknown): IsomqError {
  if (thrown instanceof IsomqError) return thrown
  const { name, message, body } = Object(thrown) as Partial<Error & { body: { code?: unknown } }>
  if (name !== 'DatabaseError') return strange({ cause: thrown })
  const said = excerpt(String(message), hidden)
  const code = excerpt(String(body?.code), hidden)
  const errno = errnoIn(message)
  const isDuplicate = errno === DUPLICATE || (errno === undefined && code === 'ALREADY_EXISTS')
  const duplicate = isDuplicate ? duplicateIn(String(message), id) : undefined
  const isUnsure = isDuplicate ? !duplicate : errno === undefined ? !isDefinite(code) : isVague(code, errno)
  const advice = ELSEWHERE.includes(errno) ? '; check the database that the credentials choose' : ''
  return new IsomqError(provider, 'PROVIDER', `the database answered with "${said}"${advice}`, {
    retryable: isUnsure || BUSY.includes(errno),
    details: { code, errno, ...(duplicate && { duplicate }) },
  })
}

function errnoIn(message: unknown): number | undefined {
  const [, digits] = /errno (\d+)/.exec(String(message)) ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** Whether the row itself is there, or another with something that may be there once; neither, if that is not said. */
function duplicateIn(message: string, id: unknown): 'row' | 'key' | undefined {
  const [, entry, key] = /Duplicate entry '(.*?)' for key '(?:push_messages\.)?([^']+)'/s.exec(message) ?? []
  return key ? (key === 'PRIMARY' && entry === id ? 'row' : 'key') : undefined
}

/** Said before anything was done. */
const isDefinite = (code: string): boolean =>
  /^(INVALID_ARGUMENT|NOT_FOUND|PERMISSION_DENIED|UNAUTHENTICATED|FAILED_PRECONDITION|OUT_OF_RANGE|UNIMPLEMENTED)$/.test(
    code,
  )

/**
 * Said by what stands before the database, which may not know what has become of the query; or its connection to the
 * database broke. `UNKNOWN` is the code of any number that has none of its own.
 */
const isVague = (code: string, errno: number): boolean =>
  /^(INTERNAL|UNAVAILABLE|ABORTED|CANCELL?ED|DEADLINE_EXCEEDED|RESOURCE_EXHAUSTED)$/.test(code) ||
  UNSURE.includes(errno) ||
  Math.floor(errno / 1000) === 2

const isDuplicateOf = (what: 'row' | 'key') => (error: unknown) =>
  error instanceof IsomqError && error.details.duplicate === what

/** The row is there: the same query has written it, which was tried again, or repeated on its way. */
export const isOwn: (error: unknown) => boolean = isDuplicateOf('row')

/** The row is not there, since another has something of it. */
export const isTaken: (error: unknown) => boolean = isDuplicateOf('key')

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
