import { encodeText } from './bytes.ts'

export type Hash = 'SHA-1' | 'SHA-256'
type Data = string | Uint8Array<ArrayBuffer>

const bytesOf = (data: Data): Uint8Array<ArrayBuffer> => (typeof data === 'string' ? encodeText(data) : data)

/** What was signed with last: it is mostly the same again, and to import it takes as long as to sign. */
let last: { readonly hash: Hash; readonly key: string; readonly imported: CryptoKey } | undefined

/** HMAC over WebCrypto; text is taken as UTF-8. */
export async function hmac(hash: Hash, key: Data, data: Data): Promise<Uint8Array<ArrayBuffer>> {
  const { subtle } = globalThis.crypto
  // The key itself is kept, not the promise of one: no request of a Worker may wait for another's.
  const imported =
    last?.key === key && last.hash === hash
      ? last.imported
      : await subtle.importKey('raw', bytesOf(key), { name: 'HMAC', hash }, false, ['sign'])
  if (typeof key === 'string') last = { hash, key, imported }
  return new Uint8Array(await subtle.sign('HMAC', imported, bytesOf(data)))
}

/** PBKDF2 with HMAC-SHA256 over WebCrypto. `length` is in bytes. */
export async function pbkdf2(
  secret: Data,
  salt: Data,
  iterations: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const { subtle } = globalThis.crypto
  const imported = await subtle.importKey('raw', bytesOf(secret), 'PBKDF2', false, ['deriveBits'])
  const parameters = { name: 'PBKDF2', hash: 'SHA-256', salt: bytesOf(salt), iterations }
  return new Uint8Array(await subtle.deriveBits(parameters, imported, length * 8))
}

/** Compares two texts in a time that depends on the length of the first only. */
export function sameText(given: string, expected: string): boolean {
  const a = encodeText(given)
  const b = encodeText(expected)
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ (b[i] ?? 0)
  return difference === 0
}
