import { targetOf } from './tambur-frames.ts'
import { type Call, checkApp } from './tambur-http.ts'
import { OAuthRequest, Refused } from './tambur-oauth.ts'
import type { TamburRoom } from './tambur-room.ts'

/** Publishes what a publisher has signed; `path` is what stands below `app`. */
export async function publish(room: TamburRoom, call: Call, path: readonly string[]): Promise<Response> {
  room.counters.restCalls++
  const { method, url, headers, body } = call
  if (method !== 'POST') throw new Refused(405, 'method_not_allowed', 'a message is published with POST')
  const [appId = '', part, name = ''] = path
  if (path.length !== 3 || part !== 'stream') {
    throw new Refused(404, 'not_found', 'a message is published to /app/APP_ID/stream/STREAM')
  }
  checkApp(room, appId)
  const type = headers.get('content-type') ?? ''
  if (!/^application\/x-www-form-urlencoded\b/i.test(type)) {
    throw new Refused(415, 'unsupported_media_type', 'the body must be a form')
  }
  const target = targetOf(decoded(name))
  if (target === undefined) throw new Refused(400, 'invalid_stream', `there can be no stream ${name}`)
  const request = new OAuthRequest({ method, url: signedUrl(call), query: url.search.slice(1), form: body })
  try {
    await verify(room, request)
    const number = room.publish(target, request.field('message'))
    return new Response(null, { status: 204, headers: { 'x-message': String(number) } })
  } catch (error) {
    if (error instanceof Refused && request.debug) error.explanation = explain(room, request, error)
    throw error
  }
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    throw new Refused(400, 'invalid_stream', 'the name of the stream is not percent-encoded UTF-8')
  }
}

/** The address as the caller knows it, on the other side of what may do TLS in front of this server. */
function signedUrl({ url, headers }: Call): string {
  const forwarded = headers.get('x-forwarded-proto')
  if (forwarded !== 'https' || url.protocol === 'https:') return `${url.origin}${url.pathname}`
  return `https://${url.host.replace(/:443$/, '')}${url.pathname}`
}

/** In the order of RFC 5849, 3.2: what cannot be checked at all, then what is wrong. */
async function verify(room: TamburRoom, request: OAuthRequest): Promise<void> {
  request.expect('oauth_signature_method', 'HMAC-SHA1', 'unsupported_signature_method')
  request.expect('oauth_version', '1.0', 'unsupported_version')
  request.expect('api_version', '1.0', 'unsupported_api_version')
  request.field('message')
  // Some make their nonces of any bytes.
  const [nonce, time] = [request.encoded('oauth_nonce'), request.field('oauth_timestamp')]
  if (nonce === '') throw new Refused(400, 'invalid_nonce', 'oauth_nonce is empty')
  if (!/^[1-9]\d{0,10}$/.test(time)) {
    throw new Refused(400, 'invalid_timestamp', 'oauth_timestamp must be seconds since 1970')
  }
  const key = request.field('oauth_consumer_key')
  if (key !== room.apiKey) throw new Refused(401, 'unknown_key', `there is no consumer key ${key}`)
  const off = Math.round(room.now() / 1000) - Number(time)
  const { window } = room.settings
  if (Math.abs(off) > window) {
    const how = `${Math.abs(off)} s ${off > 0 ? 'behind' : 'ahead of'} the server's clock`
    throw new Refused(401, 'timestamp_off', `oauth_timestamp is ${how}; ${window} s are allowed`)
  }
  if (!(await request.isSigned(room.secret))) {
    throw new Refused(401, 'invalid_signature', 'the signature is wrong; it should be that of base_string')
  }
  if (!room.isNew(nonce, Number(time))) {
    throw new Refused(401, 'nonce_used', 'oauth_nonce was used before with this oauth_timestamp')
  }
}

/** What `debug=true` tells: everything that the caller needs, and nothing that could be abused. */
function explain(room: TamburRoom, request: OAuthRequest, { message }: Refused): object {
  return {
    message,
    signature_method: 'HMAC-SHA1',
    signing_key: 'the secret, percent-encoded, and "&"',
    base_string: request.base(),
    base_string_without_debug: request.base(false),
    server_time: Math.round(room.now() / 1000),
  }
}
