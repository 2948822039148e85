import { base64, base64Url } from '../core/encoding.ts'
import { IsomqError } from '../core/errors.ts'
import { hmac, pbkdf2 } from '../core/signing.ts'
import { filled, provider, wrong } from './wrong.ts'

/** The wire of a push: WebMQ's own, or that of the same vendor's broker of 2012. */
export type PushDialect = 'webmq' | 'autobahn'

/** What the signature of a push covers. */
export interface PushSigned {
  readonly topic: string
  readonly key: string
  /** `YYYY-MM-DDTHH:MM:SSZ`, in UTC. */
  readonly timestamp: string
  /** The body as it is sent. */
  readonly body: string
}

/** The `signature` of a push: URL-safe base64. The lists of receivers are not covered by it. */
export async function signPush(
  { topic, key, timestamp, body }: PushSigned,
  secret: string,
  dialect: PushDialect = 'webmq',
): Promise<string> {
  const hash = dialect === 'autobahn' ? 'SHA-1' : 'SHA-256'
  return base64Url(await hmac(hash, filled('secret', secret), topic + key + timestamp + body))
}

/** What the signature of a call of Crossbar.io's HTTP bridge covers. */
export interface CrossbarSigned {
  readonly key: string
  /** `YYYY-MM-DDTHH:MM:SS.mmmZ`, in UTC; the milliseconds are part of it. */
  readonly timestamp: string
  readonly seq: number
  readonly nonce: number
  /** The body as it is sent. */
  readonly body: string
}

/** The `signature` of a call of Crossbar.io's HTTP bridge: URL-safe base64. */
export async function signCrossbar(
  { key, timestamp, seq, nonce, body }: CrossbarSigned,
  secret: string,
): Promise<string> {
  return base64Url(await hmac('SHA-256', filled('secret', secret), `${key}${timestamp}${seq}${nonce}${body}`))
}

/** How a secret is salted. */
export interface WampSalt {
  readonly salt: string
  /** Default 1,000, as in WAMP version 2; version 1 means 10,000 when it says nothing. */
  readonly iterations?: number | undefined
  /** Bytes. Default 32. */
  readonly keylen?: number | undefined
}

/** Whether all are whole numbers from 1 on. */
export const areCounts = (...given: readonly unknown[]): boolean =>
  given.every((count) => Number.isInteger(count) && (count as number) > 0)

const MOST_ITERATIONS = 1_000_000
const MOST_BYTES = 1_024
/** Bytes that one run of the iterations gives. */
const BLOCK = 32

/**
 * The key that a salted secret stands for: the base64 text of what PBKDF2-HMAC-SHA256 gives.
 *
 * @throws IsomqError `LIMIT` for more than 1,000,000 iterations, which count once for each 32 bytes, or 1,024 bytes:
 * only a hostile server asks for that
 */
export async function deriveKey(
  secret: string,
  { salt, iterations = 1_000, keylen = 32 }: WampSalt,
): Promise<string> {
  if (typeof salt !== 'string' || !areCounts(iterations, keylen)) {
    throw wrong('a salt needs a text, and whole numbers from 1 on for "iterations" and "keylen"')
  }
  if (iterations * Math.ceil(keylen / BLOCK) > MOST_ITERATIONS || keylen > MOST_BYTES) {
    const text = `${iterations} iterations for ${keylen} bytes are more than any honest server asks for`
    throw new IsomqError(provider, 'LIMIT', text)
  }
  return base64(await pbkdf2(filled('secret', secret), salt, iterations, keylen))
}

/** The answer to a WAMP-CRA challenge, of either version: base64 of HMAC-SHA256. Takes a salted secret's key. */
export async function signChallenge(challenge: string, secret: string, salt?: WampSalt): Promise<string> {
  const key = salt ? await deriveKey(secret, salt) : filled('secret', secret)
  return base64(await hmac('SHA-256', key, challenge))
}
