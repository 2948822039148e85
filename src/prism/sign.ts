import { byBytes, percent, unreserved } from '../core/encoding.ts'
import { md5Hex } from '../core/md5.ts'
import type { PrismPairs } from './params.ts'

/** What the signature of a call covers. */
export interface PrismSigned {
  readonly method: string
  /** The path of the request line, that of the base URL included: `/api/platform/notify/status`. */
  readonly path: string
  /** All headers; only `Authorization` and those that start with `X-Api-` are signed. */
  readonly headers?: PrismPairs | undefined
  /** The query's parameters, decoded. */
  readonly query?: PrismPairs | undefined
  /** The form's parameters, decoded. */
  readonly body?: PrismPairs | undefined
}

/** The `sign` of a call: MD5 in upper-case hex, as Prism's Go and PHP clients make it. */
export function signRequest(request: PrismSigned & { readonly secret: string }): string {
  return md5Hex(canonicalRequest(request)).toUpperCase()
}

/** The text whose MD5 is the signature. It begins and ends with the secret: show it to nobody. */
export function canonicalRequest({
  method,
  path,
  headers = [],
  query = [],
  body = [],
  secret,
}: PrismSigned & { readonly secret: string }): string {
  const parts = [pathText(path), percent(headerText(headers)), percent(joined(query)), percent(joined(body))]
  return [secret, method.toUpperCase(), ...parts, secret].join('&')
}

/** Decoded and escaped again, byte by byte: what is no UTF-8 stays as it is. */
function pathText(path: string): string {
  return percent(path).replace(
    /%25([\da-f]{2})/gi,
    (_, digits: string) => unreserved(digits) ?? `%${digits.toUpperCase()}`,
  )
}

function headerText(headers: PrismPairs): string {
  return headers.length === 0 ? '' : joined(signedHeaders(headers))
}

/** The headers that are signed, their names as they are signed. */
export function signedHeaders(headers: PrismPairs): PrismPairs {
  return headers
    .map(([name, value]) => [canonicalName(name), value] as const)
    .filter(([name]) => name === 'Authorization' || name.startsWith('X-Api-'))
}

const canonicalName = (name: string): string =>
  name.toLowerCase().replace(/(?:^|-)[a-z]/g, (first) => first.toUpperCase())

/** Sorted by name, values as they are; the signature itself is left out. */
function joined(pairs: PrismPairs): string {
  return pairs
    .filter(([name]) => name !== 'sign')
    .sort(([a], [b]) => byBytes(a, b))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}
