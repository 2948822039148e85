import { decodeText } from './bytes.ts'
import type { Clock } from './clock.ts'
import { percent } from './encoding.ts'
import { IsomqError, type Provider, withoutQuery } from './errors.ts'
import { readAll } from './stream.ts'
import { type WaitOptions, wait } from './wait.ts'

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>

/** What every request of a client has in common. */
export interface HttpSetup {
  readonly provider: Provider
  readonly clock: Clock
  /** Default: the runtime's, looked up when it is called. */
  readonly fetch?: Fetch | undefined
}

export interface HttpRequest extends WaitOptions {
  readonly url: string
  readonly method: string
  readonly headers?: Record<string, string> | undefined
  /** Made when the request is, if that takes a while. */
  readonly body?: string | (() => Promise<string>) | undefined
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

const MOST = 16 * 1024 * 1024

/**
 * Sends one request, once: whether it may be repeated only the provider knows. Redirects are not followed,
 * since a signature is made for one address.
 *
 * @throws IsomqError `CONNECT_FAILED`, `HTTP` for a status that is no success, `LIMIT`, `TIMEOUT`, `ABORTED`
 */
export async function request(setup: HttpSetup, given: HttpRequest): Promise<HttpAnswer> {
  const answer = await send(setup, given)
  if (isSuccess(answer)) return answer
  throw statusError(setup.provider, answer)
}

/** The same, for who wants to judge the answer: no status is an error here. */
export function send(setup: HttpSetup, { url, signal, timeout, ...init }: HttpRequest): Promise<HttpAnswer> {
  const { provider, clock } = setup
  return wait<HttpAnswer>({ signal, timeout }, { provider, clock, what: 'answer' }, (resolve, reject) => {
    const abort = new AbortController()
    exchange(setup, url, init, abort.signal).then(resolve, reject)
    return () => abort.abort()
  })
}

async function exchange(
  { provider, fetch }: HttpSetup,
  url: string,
  { body, ...init }: Pick<HttpRequest, 'method' | 'headers' | 'body'>,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const given = typeof body === 'function' ? await body() : body
  let response: Response
  try {
    const content = given === undefined ? {} : { body: given }
    response = await (fetch ?? globalThis.fetch)(url, { ...init, ...content, signal, redirect: 'manual' })
  } catch (cause) {
    const text = 'the request did not get through; check the URL and the network'
    throw new IsomqError(provider, 'CONNECT_FAILED', text, { cause: withoutQuery(cause, url) })
  }
  const { status, headers, body: stream } = response
  try {
    const text = stream
      ? decodeText(await readAll(provider, stream, MOST, 'an answer', 'ask for less at once'))
      : ''
    return { status, headers, text }
  } catch (cause) {
    if (cause instanceof IsomqError) throw cause
    throw new IsomqError(provider, 'CONNECTION_LOST', 'the answer broke off; it may have been done', {
      cause,
    })
  }
}

/** Whether a request that failed is known not to have reached the server, as far as the runtime tells. */
export function neverSent(error: unknown): boolean {
  if (!(error instanceof IsomqError) || error.code !== 'CONNECT_FAILED') return false
  for (let at: unknown = error.cause; at instanceof Error; at = at.cause) {
    if (
      /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ConnectionRefused)$/.test(String((at as { code?: unknown }).code))
    ) {
      return true
    }
  }
  return false
}

export const isSuccess = ({ status }: HttpAnswer): boolean => status >= 200 && status < 300

/** A status that is no success, as an error; `hidden` are secrets that an answer may have quoted, `more` are details. */
export function statusError(
  provider: Provider,
  { status, text }: HttpAnswer,
  hidden: readonly string[] = [],
  more?: Readonly<Record<string, unknown>>,
): IsomqError {
  // Browsers show a redirect that is not followed as status 0.
  const isRedirect = status === 0 || (status >= 300 && status < 400)
  const why = isRedirect
    ? 'a redirect, which a signed request cannot follow; check the URL'
    : `status ${status}`
  return new IsomqError(provider, 'HTTP', `the server answered with ${why}`, {
    retryable: status >= 500 || status === 429,
    details: { status, body: excerpt(text, hidden), ...more },
  })
}

const EXCERPT = 200
const MOST_READ = 100_000

/** The beginning of a text for an error's details, without what nobody may read there. */
export const excerpt = (text: string, hidden: readonly string[] = [], most: number = EXCERPT): string =>
  hide(text.slice(0, MOST_READ), hidden)
    .replace(/(_(?:token|secret)\W{0,4}[:=]\W{0,4})[^"'&\s<\\]+/g, '$1…')
    .slice(0, most)

/** A text without the `hidden` ones, however they are encoded. */
export function hide(text: string, hidden: readonly string[]): string {
  const quotes = hidden
    .flatMap(quotesOf)
    .filter(Boolean)
    .sort((a, b) => b.length - a.length)
  return text.replace(new RegExp(quotes.join('|') || '$.', 'gi'), '…')
}

/** Patterns of a text as it is and as the usual encoders write it. */
function quotesOf(text: string): string[] {
  const strict = percent(text)
  const forms = [
    text,
    strict,
    strict.replace(/%2[1789A]/g, decodeURIComponent),
    `${new URLSearchParams([['', text]])}`.slice(1),
  ]
  return forms.map((form) =>
    form
      .replaceAll('\\', '')
      .replace(/\W/g, '\\$&')
      .replace(/\\?./gs, (unit) => (unit.length > 1 ? written(unit) : `\\\\*${unit}`)),
  )
}

/** What is no letter or digit may stand as an escape of JSON or HTML. */
function written(escaped: string): string {
  const code = escaped.charCodeAt(1).toString(16).padStart(4, '0')
  return `(?:\\\\*${escaped}|\\\\+u${code}|&#?\\w{1,6};)`
}
