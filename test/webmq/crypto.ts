// Signatures as the protocol sheet has them, with nothing of the client under test.
const { subtle } = globalThis.crypto
const utf8 = (text: string) => new TextEncoder().encode(text)

export const base64 = (bytes: ArrayBuffer): string =>
  btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(''))

/** Base64 of an HMAC, in the usual alphabet. */
export async function hmac(
  key: string,
  text: string,
  hash: 'SHA-1' | 'SHA-256' = 'SHA-256',
): Promise<string> {
  const imported = await subtle.importKey('raw', utf8(key), { name: 'HMAC', hash }, false, ['sign'])
  return base64(await subtle.sign('HMAC', imported, utf8(text)))
}

export const urlSafe = (text: string): string => text.replace(/\+/g, '-').replace(/\//g, '_')

/** Base64 of PBKDF2-HMAC-SHA256. */
export async function derived(
  secret: string,
  salt: string,
  iterations: number,
  keylen: number,
): Promise<string> {
  const imported = await subtle.importKey('raw', utf8(secret), 'PBKDF2', false, ['deriveBits'])
  const parameters = { name: 'PBKDF2', hash: 'SHA-256', salt: utf8(salt), iterations }
  return base64(await subtle.deriveBits(parameters, imported, keylen * 8))
}
