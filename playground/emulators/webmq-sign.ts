const encoder = new TextEncoder()

type Hash = 'SHA-256' | 'SHA-1'

async function hmac(hash: Hash, secret: string, data: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  // An HMAC with an empty key is the one with a key of zero bytes, which Web Crypto takes.
  const bytes = secret === '' ? new Uint8Array(1) : encoder.encode(secret)
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash }, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, data))
}

const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes))

/** The signature of a request over a text and its body: base64 with - and _, the padding kept. */
export async function signRequest(
  hash: Hash,
  secret: string,
  text: string,
  body: Uint8Array,
): Promise<string> {
  const head = encoder.encode(text)
  const all = new Uint8Array(head.length + body.length)
  all.set(head)
  all.set(body, head.length)
  return base64(await hmac(hash, secret, all))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
}

/** The signature of a challenge. */
export const signChallenge = async (key: string, challenge: string): Promise<string> =>
  base64(await hmac('SHA-256', key, encoder.encode(challenge)))

/** The key of a salted secret: the base64 text of the derived bytes. */
export async function deriveKey(
  secret: string,
  salt: string,
  iterations: number,
  keylen: number,
): Promise<string> {
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), 'PBKDF2', false, ['deriveBits'])
  const how = { name: 'PBKDF2', hash: 'SHA-256', salt: encoder.encode(salt), iterations }
  return base64(new Uint8Array(await crypto.subtle.deriveBits(how, key, keylen * 8)))
}
