import type { Clock } from '../core/clock.ts'
import { IsomqError } from '../core/errors.ts'
import { excerpt, type HttpAnswer, isSuccess, statusError } from '../core/http.ts'
import { parseExact } from '../core/json.ts'
import { clockSkew, skewHint } from '../core/skew.ts'
import { errorOf } from './codec.ts'
import type { PrismAnswer } from './types.ts'
import { provider } from './wrong.ts'

interface Judging {
  readonly clock: Clock
  /** Secrets that an answer may have quoted. */
  readonly hidden: readonly string[]
  readonly exact?: boolean | undefined
}

/**
 * What an answer says.
 *
 * @throws IsomqError `AUTH_REJECTED`, `PROVIDER`, `HTTP`, `PROTOCOL`
 */
export function judge<T>(answer: HttpAnswer, { clock, hidden, exact = false }: Judging): PrismAnswer<T> {
  const { status, headers, text } = answer
  const data = text === '' ? undefined : parse(text, exact)
  const error = (data as { error?: unknown } | undefined | null)?.error
  const requestId = headers.get('x-request-id') ?? undefined
  const isGood = isSuccess(answer) && !error
  if (isGood && data !== NOT_JSON) return { data: data as T, requestId, status, headers }
  const details = { status, requestId, body: excerpt(text, hidden) }
  if (isGood) {
    throw new IsomqError(provider, 'PROTOCOL', 'the answer is not JSON; check the base URL and the path', {
      details,
    })
  }
  const isRefused = status === 401 || status === 403
  if (!isRefused && !error) throw statusError(provider, answer, hidden, { requestId })
  const given = errorOf(error)
  const [code, message] = [given.code, given.message].map((value) => shown(value, hidden))
  const said = [code, message].filter((part) => part !== undefined).join(' ') || `status ${status}`
  const skew = clockSkew(headers, clock)
  const note = `the server refused the call (${said})${remedy(isRefused, skew)}`
  throw new IsomqError(provider, isRefused ? 'AUTH_REJECTED' : 'PROVIDER', note, {
    retryable: status >= 500 || status === 429,
    details: { ...details, code, message, clockSkew: skew },
  })
}

/** Texts, numbers and the like; what is larger stands in the body. */
const shown = (value: unknown, hidden: readonly string[]): unknown =>
  typeof value === 'string' ? excerpt(value, hidden) : typeof value === 'object' ? undefined : value

const remedy = (isRefused: boolean, skew: number | undefined): string =>
  skewHint(skew) || (isRefused ? '; check key, secret, access token and the clock' : '')

const NOT_JSON = Symbol()

function parse(text: string, exact: boolean): unknown {
  try {
    return exact ? parseExact(text) : JSON.parse(text)
  } catch {
    return NOT_JSON
  }
}
