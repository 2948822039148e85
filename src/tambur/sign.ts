import { base64, byBytes, hex, percent } from '../core/encoding.ts'
import { hmac } from '../core/signing.ts'
import { filled, wrong } from './wrong.ts'

/** What a subscriber can be granted for a stream. */
export type TamburMode = 'auth' | 'presence' | 'direct'

/** What a mode token grants, and by whom it is signed. */
export interface TamburGrant {
  readonly apiKey: string
  readonly appId: string
  readonly secret: string
  readonly mode: TamburMode
  readonly stream: string
  /** For `presence` and `direct`: the user that the subscriber is. */
  readonly userId?: string | undefined
  readonly subscriberId: string
}

/**
 * The token that lets a subscriber switch a mode on: HMAC-SHA1 in lower-case hex. It holds for one subscriber id,
 * and so for one connection.
 *
 * @throws IsomqError `CONFIG` when a part is missing, or holds a `:` by which two grants would have one token
 */
export async function modeToken(grant: TamburGrant): Promise<string> {
  return hex(await hmac('SHA-1', filled('secret', grant.secret), grantText(grant)))
}

/** What the token signs. */
export function grantText({ apiKey, appId, mode, stream, userId, subscriberId }: TamburGrant): string {
  if (!/^(auth|presence|direct)$/.test(mode)) throw wrong('"mode" must be auth, presence or direct')
  const named = { apiKey, appId, mode, stream, ...(mode !== 'auth' && { userId }), subscriberId }
  const parts = Object.entries(named).map(([name, value]) => filled(name, value))
  if (mode === 'auth' && userId !== undefined) throw wrong('mode auth has no "userId"')
  // Each would be signed as U+FFFD.
  if (/\p{Surrogate}/u.test(parts.join())) throw wrong('a grant must not hold half a character')
  // What is left may hold one: it stands between parts that cannot.
  const closed = mode === 'auth' ? { apiKey, appId, subscriberId } : { apiKey, appId, stream, subscriberId }
  for (const [name, value] of Object.entries(closed)) {
    if (value.includes(':')) throw wrong(`"${name}" must not hold ":": two grants would have the same token`)
  }
  return parts.join(':')
}

/** A request as OAuth 1.0 signs it (RFC 5849). */
export interface OAuth1Request {
  readonly method: string
  /** Parameters of its query are signed like the others. */
  readonly url: string
  /** All parameters of the form, those of OAuth included, save `oauth_signature`. */
  readonly params: Iterable<readonly [name: string, value: string]>
}

/** The base string of RFC 5849, section 3.4.1. */
export function oauth1Text({ method, url, params }: OAuth1Request): string {
  if (!URL.canParse(url)) throw wrong('"url" must be an absolute URL')
  const { origin, pathname, searchParams } = new URL(url)
  const pairs = [...searchParams, ...params]
    .map(([name, value]) => [percent(name), percent(value)] as const)
    .sort(([a, x], [b, y]) => byBytes(a, b) || byBytes(x, y))
    .map((pair) => pair.join('='))
  return [method.toUpperCase(), origin + pathname, pairs.join('&')].map(percent).join('&')
}

/**
 * The `oauth_signature` of a request: HMAC-SHA1 in base64. Tambur knows no token secret.
 *
 * @throws IsomqError `CONFIG` when the secret is empty
 */
export async function signOAuth1(
  request: OAuth1Request & { readonly secret: string; readonly tokenSecret?: string | undefined },
): Promise<string> {
  const key = `${percent(filled('secret', request.secret))}&${percent(request.tokenSecret ?? '')}`
  return base64(await hmac('SHA-1', key, oauth1Text(request)))
}
