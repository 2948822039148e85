import { decodeText } from '../core/bytes.ts'
import { sameText } from '../core/signing.ts'
import { readAll } from '../core/stream.ts'
import type { PrismPairs } from './params.ts'
import { type PrismSigned, signRequest } from './sign.ts'
import { provider, wrong } from './wrong.ts'

/** Why a request was refused. */
export type PrismRefusal =
  /** `sign`, `client_id` or `sign_time` is missing. */
  | 'unsigned'
  /** One of them is there more than once. */
  | 'ambiguous'
  /** It is signed by another method than MD5. */
  | 'method'
  /** The option `secret` knows no such client. */
  | 'unknown-client'
  /** `sign_time` is further from now than `maxAge`, on either side. */
  | 'expired'
  /** There is a body that the signature does not cover. */
  | 'unsigned-body'
  /** The signature is that of another request or secret. */
  | 'wrong-signature'

/** What {@link verifyRequest} found. */
export type PrismVerdict =
  | {
      readonly valid: true
      readonly clientId: string
      readonly signedAt: Date
      readonly query: PrismPairs
      readonly body: PrismPairs
    }
  | {
      readonly valid: false
      readonly reason: PrismRefusal
      /** The reason in words, for a log or an answer; holds no secret. */
      readonly text: string
    }

/** Options of {@link verifyRequest}. */
export interface PrismVerifyOptions {
  /** The secret, or what finds the secret of a client. */
  secret: string | ((clientId: string) => string | undefined | Promise<string | undefined>)
  /** Milliseconds that `sign_time` may be away from now, on either side; 0 for any. Default 300,000. */
  maxAge?: number | undefined
  /** The time, in milliseconds since 1970. Default now. */
  now?: number | undefined
  /** Take a request whose body is no form, and therefore not signed. Default false. */
  allowUnsignedBody?: boolean | undefined
  /** Bytes that a body may have. Default 1 MiB. */
  maxBody?: number | undefined
}

const TEXTS: Record<PrismRefusal, string> = {
  unsigned: 'the request is not signed: it needs client_id, sign_time and sign',
  ambiguous: 'client_id, sign_time, sign_method or sign is there more than once',
  method: 'the only sign_method is md5',
  'unknown-client': 'the client is not known',
  expired: 'the signature is too old, or its clock is off',
  'unsigned-body': 'the body is not a form, so the signature does not cover it',
  'wrong-signature': 'the signature is not that of this request',
}
const MAX_AGE = 300_000
const MAX_BODY = 1024 * 1024

/**
 * Checks the signature of a request on the side that receives it: what an API behind the gateway gets, from
 * whichever client. System parameters may stand in the query or in the form. A `Request` is read from a clone,
 * so that its body can still be read after it.
 *
 * @throws IsomqError `CONFIG` when an option is wrong, `LIMIT` when the body exceeds `maxBody`
 */
export async function verifyRequest(
  request: Request | PrismSigned,
  options: PrismVerifyOptions,
): Promise<PrismVerdict> {
  const {
    secret,
    maxAge = MAX_AGE,
    now = Date.now(),
    allowUnsignedBody = false,
    maxBody = MAX_BODY,
  } = options ?? {}
  if (typeof secret !== 'function' && (typeof secret !== 'string' || secret === '')) {
    throw wrong('the option "secret" must be a text that is not empty, or a function')
  }
  for (const [option, most] of Object.entries({ maxAge, maxBody })) {
    if (!(most >= 0)) throw wrong(`the option "${option}" must be a number from 0 on`)
  }
  const parts = 'url' in request ? await partsOf(request, maxBody) : { ...request, unsigned: false }
  const { query = [], body = [] } = parts
  const all = [...query, ...body]
  const values = (name: string) => all.flatMap(([key, value]) => (key === name ? [value] : []))
  const named = ['client_id', 'sign_time', 'sign', 'sign_method'].map(values)
  const [[clientId], [time], [sign], [method = 'md5']] = named as [string[], string[], string[], string[]]

  if (!clientId || !time || !sign) return refuse('unsigned')
  if (named.some(({ length }) => length > 1)) return refuse('ambiguous')
  if (method.toLowerCase() !== 'md5') return refuse('method')
  if (parts.unsigned && !allowUnsignedBody) return refuse('unsigned-body')
  const signedAt = /^\d{1,12}$/.test(time) ? Number(time) * 1000 : Number.NaN
  if (!(maxAge === 0 ? signedAt >= 0 : Math.abs(now - signedAt) <= maxAge)) return refuse('expired')
  const found = typeof secret === 'function' ? await secret(clientId) : secret
  if (!found) return refuse('unknown-client')
  if (!sameText(sign.toUpperCase(), signRequest({ ...parts, secret: found })))
    return refuse('wrong-signature')
  return { valid: true, clientId, signedAt: new Date(signedAt), query, body }
}

const refuse = (reason: PrismRefusal): PrismVerdict => ({ valid: false, reason, text: TEXTS[reason] })

/** What a request's signature covers, and whether there is something that it does not. */
async function partsOf(
  request: Request,
  maxBody: number,
): Promise<PrismSigned & { readonly unsigned: boolean }> {
  if (!URL.canParse(request.url) || request.bodyUsed) {
    throw wrong(
      'the request must be a Request whose body was not read yet; of any other, give method, path, headers, query, body',
    )
  }
  const { pathname, searchParams } = new URL(request.url)
  const isForm = /^application\/x-www-form-urlencoded *(;|$)/i.test(request.headers.get('content-type') ?? '')
  const stream = request.body && (request.clone().body as ReadableStream<Uint8Array>)
  const text = stream ? decodeText(await readAll(provider, stream, maxBody, 'the body', 'raise maxBody')) : ''
  return {
    method: request.method,
    path: pathname,
    headers: [...request.headers],
    query: [...searchParams],
    body: isForm ? [...new URLSearchParams(text)] : [],
    unsigned: !isForm && text !== '',
  }
}
