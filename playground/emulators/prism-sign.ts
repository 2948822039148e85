export type Pairs = readonly (readonly [name: string, value: string])[]

/** What a signature covers. */
export interface Signed {
  readonly method: string
  /** As in the request line, with its %XX. */
  readonly path: string
  readonly headers: Headers
  readonly query: Pairs
  readonly form: Pairs
}

/** The text that is signed: `secret&METHOD&path&headers&query&form&secret`, the five in the middle escaped. */
export function canonical({ method, path, headers, query, form }: Signed, secret: string): string {
  const signed = signedHeaders(headers)
  const parts = [pathBytes(path), joined(signed), joined(parameters(query)), joined(parameters(form))]
  return [secret, method, ...parts.map(percent), secret].join('&')
}

const SECRETS = /^(code|refresh_token|access_token|session_id|client_secret|password)$/
const MASK = '***'

/** The same text with nothing in it that could be abused: fit to be shown. */
export function masked({ headers, query, form, ...rest }: Signed): string {
  const hidden = (pairs: Pairs) =>
    pairs.map(([name, value]) => [name, SECRETS.test(name) ? MASK : value] as const)
  const shown = new Headers(headers)
  if (shown.has('authorization'))
    shown.set('authorization', shown.get('authorization')!.replace(/\S+$/, MASK))
  return canonical({ ...rest, headers: shown, query: hidden(query), form: hidden(form) }, MASK)
}

export async function sign(request: Signed, secret: string): Promise<string> {
  const bytes = encoder.encode(canonical(request, secret))
  // The runtime knows MD5 besides what Web Crypto prescribes.
  const digest = new Uint8Array(await crypto.subtle.digest('MD5', bytes))
  return Array.from(digest, hex).join('')
}

/** Authorization and X-Api-*, by their canonical names and in their order. */
export function signedHeaders(headers: Headers): Pairs {
  const pairs = Array.from(headers, ([name, value]) => [canonicalName(name), value] as const)
  return sorted(pairs.filter(([name]) => name === 'Authorization' || name.startsWith('X-Api-')))
}

const canonicalName = (name: string): string =>
  name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())

const parameters = (pairs: Pairs): Pairs => sorted(pairs.filter(([name]) => name !== 'sign'))

const joined = (pairs: Pairs): string => pairs.map(([name, value]) => `${name}=${value}`).join('&')

/** By the bytes of the names; equal names keep their order. */
const sorted = (pairs: Pairs): Pairs => [...pairs].sort(([a], [b]) => compareBytes(a, b))

/** The order of UTF-8 is that of code points, which is not that of a string's units. */
function compareBytes(a: string, b: string): number {
  const [x, y] = [encoder.encode(a), encoder.encode(b)]
  for (let i = 0; i < x.length && i < y.length; i++) {
    if (x[i] !== y[i]) return x[i]! - y[i]!
  }
  return x.length - y.length
}

const encoder = new TextEncoder()
const UNRESERVED = /[A-Za-z0-9\-._~]/
const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0')

const ESCAPED = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  return UNRESERVED.test(character) ? character : `%${hex(byte)}`
})

/** RFC 3986: all but the unreserved characters. */
function percent(text: string | Uint8Array): string {
  let escaped = ''
  for (const byte of typeof text === 'string' ? encoder.encode(text) : text) escaped += ESCAPED[byte]
  return escaped
}

/** The bytes that a path stands for; a % with no digits behind it stands for itself. */
function pathBytes(path: string): Uint8Array {
  const bytes: number[] = []
  for (const part of path.split(/(%[\dA-Fa-f]{2})/)) {
    if (/^%[\dA-Fa-f]{2}$/.test(part)) bytes.push(Number.parseInt(part.slice(1), 16))
    else bytes.push(...encoder.encode(part))
  }
  return Uint8Array.from(bytes)
}
