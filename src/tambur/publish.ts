import { percent, unreserved } from '../core/encoding.ts'
import { signOAuth1 } from './sign.ts'
import { filled, wrong } from './wrong.ts'

/** What the request of a publish is made from; nonce and timestamp are new for each. */
export interface TamburPublishFields {
  readonly apiKey: string
  readonly appId: string
  readonly secret: string
  readonly stream: string
  readonly message: string
  readonly nonce: string
  /** Seconds since 1970. */
  readonly timestamp: number | string
  /** Default `api.tambur.io`. */
  readonly apiHost?: string | undefined
  /** `https`, not `http`. Default true. */
  readonly ssl?: boolean | undefined
  /** Asks the service to explain a signature that it refuses. Default false. */
  readonly debug?: boolean | undefined
}

export interface TamburPublishRequest {
  readonly url: string
  /** The form, in the order in which it is sent. */
  readonly params: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/**
 * The signed request of a publish; send it by POST as `application/x-www-form-urlencoded`.
 *
 * @throws IsomqError `CONFIG` when the stream would change the path
 */
export async function signPublish(fields: TamburPublishFields): Promise<TamburPublishRequest> {
  const { apiKey, secret, message, nonce, timestamp, debug } = fields
  if (typeof message !== 'string') throw wrong('"message" must be a text')
  const url = publishUrl(fields)
  const params: [string, string][] = [
    ['api_version', '1.0'],
    ['message', message],
    ['oauth_consumer_key', filled('apiKey', apiKey)],
    ['oauth_nonce', filled('nonce', nonce)],
    ['oauth_signature_method', 'HMAC-SHA1'],
    ['oauth_timestamp', String(timestamp)],
    ['oauth_version', '1.0'],
  ]
  const full = debug ? `${url}?debug=true` : url
  params.push(['oauth_signature', await signOAuth1({ method: 'POST', url: full, params, secret })])
  const body = params.map(([name, value]) => `${percent(name)}=${percent(value)}`).join('&')
  return { url: full, params, body }
}

/** Where a stream is published to. */
export function publishUrl({
  appId,
  stream,
  apiHost = 'api.tambur.io',
  ssl = true,
}: Pick<TamburPublishFields, 'appId' | 'stream' | 'apiHost' | 'ssl'>): string {
  const path = `/app/${segment('appId', appId)}/stream/${segment('stream', stream)}`
  return new URL(path, `${ssl ? 'https' : 'http'}://${apiHost}`).href
}

/** A name as one segment of a path: what a path may hold stays as it is, all else is escaped once. */
function segment(name: string, given: unknown): string {
  const text = filled(name, given)
  // With one escape that is none, no other counts as one either.
  const raw = /%(?![\da-f]{2})/i.test(text)
    ? text.replaceAll('%', '%25')
    : text.replace(/%([\da-f]{2})/gi, (escaped, digits: string) => unreserved(digits) ?? escaped)
  const escaped = raw.replace(/[^\w.~!$&'()*+,;=:@[\]%/?#-]+/g, percent)
  if (/[/?#]|^\.{1,2}$/.test(escaped)) {
    throw wrong(`"${name}" must not hold "/", "?" or "#" or be "." or "..": it would lead elsewhere`)
  }
  return escaped
}
