import { encodeText } from './bytes.ts'
import { md5 } from './md5.ts'

/** HMAC-MD5 (RFC 2104): 16 bytes. Texts count as UTF-8. */
export function hmacMd5(key: string | Uint8Array, data: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const toBytes = (from: string | Uint8Array): Uint8Array =>
    typeof from === 'string' ? encodeText(from) : from
  const raw = toBytes(key)
  const short = raw.length > 64 ? md5(raw) : raw
  const pass = (pad: number, rest: Uint8Array): Uint8Array<ArrayBuffer> => {
    const block = new Uint8Array(64 + rest.length).fill(pad, 0, 64)
    for (let i = 0; i < short.length; i++) block[i]! ^= short[i]!
    block.set(rest, 64)
    return md5(block)
  }
  return pass(0x5c, pass(0x36, toBytes(data)))
}
