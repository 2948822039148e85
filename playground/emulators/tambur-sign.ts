import type { Mode } from './tambur-frames.ts'

/** What a mode token grants. */
export interface Grant {
  readonly apiKey: string
  readonly appId: string
  readonly mode: Mode
  readonly stream: string
  /** Of presence and direct. */
  readonly userId: string | undefined
  readonly subscriberId: string
}

/** The token that lets a subscriber have a mode. */
export async function modeToken(grant: Grant, secret: string): Promise<string> {
  const { apiKey, appId, mode, stream, userId, subscriberId } = grant
  const props = userId === undefined ? stream : `${stream}:${userId}`
  const digest = await hmacSha1(secret, [apiKey, appId, mode, props, subscriberId].join(':'))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** RFC 5849, 3.4.2; nobody has a token secret here, so that nothing comes after the `&`. */
export async function oauthSignature(base: string, secret: string): Promise<string> {
  const digest = await hmacSha1(`${percent(secret)}&`, base)
  return btoa(String.fromCharCode(...digest))
}

async function hmacSha1(key: string, text: string): Promise<Uint8Array> {
  const encoder = new TextEncoder()
  const algorithm = { name: 'HMAC', hash: 'SHA-1' }
  const imported = await crypto.subtle.importKey('raw', encoder.encode(key), algorithm, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, encoder.encode(text)))
}

/** RFC 3986: all but the unreserved characters. */
export const percent = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => percentByte(sign.charCodeAt(0)))

/** A byte in the one spelling that is signed. */
export function percentByte(byte: number): string {
  const sign = String.fromCharCode(byte)
  return /[A-Za-z\d\-._~]/.test(sign) ? sign : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}
