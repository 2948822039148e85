import { IsomqError, toError } from '../core/errors.ts'
import type { HttpRequest } from '../core/http.ts'
import type { PrismSettings } from './options.ts'
import { encodePairs, type PrismPairs, type PrismParams, pairsOf } from './params.ts'
import { type PrismSigned, signedHeaders, signRequest } from './sign.ts'
import { provider, wrong } from './wrong.ts'

/** A call as its caller wants it, checked; each attempt makes a request of it. */
export interface Call {
  readonly method: string
  readonly url: URL
  readonly params: PrismPairs
  readonly query: PrismPairs
  readonly headers: Headers
  /** What nobody may read in an error, besides what every call has of that. */
  readonly hidden: readonly string[]
}

/** A request that is signed, and what nobody may read in an error. */
export interface Signed extends Pick<HttpRequest, 'method' | 'headers'> {
  readonly url: string
  readonly body?: string
  readonly hidden: readonly string[]
}

const RESERVED = /^(client_id|client_secret|sign|sign_time|sign_method)$/
const FORM = 'application/x-www-form-urlencoded'

/** The URL of a path below a base; what would lead out of it is refused. */
export function below(base: string, path: string): URL {
  if (typeof path !== 'string') throw wrong('the path of a call must be a text')
  const root = base.replace(/\/+$/, '')
  const url = new URL(`${root}/${path.replace(/^\/+/, '')}`)
  if (!url.href.startsWith(`${root}/`))
    throw wrong('the path of a call must not lead out of the base URL by ".."')
  return url
}

/**
 * Checks what a caller gave.
 *
 * @throws IsomqError `CONFIG`
 */
export function readCall(
  method: string,
  url: URL,
  params: PrismParams | undefined,
  {
    query,
    headers,
    hidden = [],
  }: {
    query?: PrismParams | undefined
    headers?: Readonly<Record<string, string>> | undefined
    hidden?: readonly string[]
  },
): Call {
  if (typeof method !== 'string' || !/^[a-z]+$/i.test(method))
    throw wrong('the method of a call must be a word such as GET')
  const call = {
    method: method.toUpperCase(),
    params: pairsOf(params),
    query: [...url.searchParams, ...pairsOf(query)],
    headers: readHeaders(headers),
    hidden,
    url,
  }
  const [reserved] = [...call.params, ...call.query].flatMap(([name]) => (RESERVED.test(name) ? [name] : []))
  if (reserved) throw wrong(`the parameter "${reserved}" is set by the client; leave it out`)
  return call
}

function readHeaders(given: Readonly<Record<string, string>> | undefined): Headers {
  let headers: Headers | undefined
  try {
    headers = new Headers(given)
  } catch {
    // The runtime's own error would quote the value.
  }
  // Beyond ASCII, runtimes and servers differ in what bytes a header has, and so in its signature.
  if (headers && signedHeaders([...headers]).every(([, value]) => /^[\t -~]*$/.test(value))) return headers
  throw wrong(
    '"headers" must be an object of header names and values that HTTP allows; ASCII in those signed',
  )
}

/** The request of one attempt, signed at this moment. */
export async function signCall(settings: PrismSettings, call: Call, token?: string): Promise<Signed> {
  const { key, secret, sign, auth, clock } = settings
  const { method, url } = call
  const headers = new Headers(call.headers)
  if (token !== undefined && !headers.has('authorization')) {
    if (!/^[!-~]+$/.test(token)) throw wrong('the access token must be letters, digits and signs of ASCII')
    headers.set('authorization', `Bearer ${token}`)
  }
  const inQuery = /^(GET|HEAD|DELETE)$/.test(method)
  const own: PrismPairs = [
    ...call.params,
    ['client_id', key],
    ...(auth === 'secret'
      ? ([['client_secret', secret!]] as const)
      : ([
          ['sign_method', 'md5'],
          ['sign_time', String(Math.floor(clock.now() / 1000))],
        ] as const)),
  ]
  const request: PrismSigned = {
    method,
    path: url.pathname,
    headers: [...headers],
    query: inQuery ? [...call.query, ...own] : call.query,
    body: inQuery ? [] : own,
  }
  const hidden = [...call.hidden, secret, headers.get('authorization')?.replace(/^\S+ /, '')]
  const sent = [...own]
  if (auth === 'sign') {
    const signature = sign
      ? await askFor('sign', () => sign(request))
      : signRequest({ ...request, secret: secret! })
    hidden.push(signature)
    sent.push(['sign', signature])
  }
  const query = encodePairs(inQuery ? [...call.query, ...sent] : call.query)
  if (!inQuery) headers.set('content-type', FORM)
  return {
    method,
    url: url.origin + url.pathname + (query && `?${query}`),
    headers: Object.fromEntries(headers),
    ...(!inQuery && { body: encodePairs(sent) }),
    hidden: hidden.filter((text) => typeof text === 'string'),
  }
}

/** What a callback of the caller's gives: a text. */
export async function askFor(option: string, callback: () => unknown): Promise<string> {
  let given: unknown
  try {
    given = await callback()
  } catch (cause) {
    if (cause instanceof IsomqError) throw cause
    throw new IsomqError(provider, 'CONNECT_FAILED', `the option "${option}" failed; see the cause`, {
      cause: toError(cause),
    })
  }
  if (typeof given === 'string' && given !== '') return given
  throw wrong(`the option "${option}" must return a text that is not empty`, undefined, { option })
}
