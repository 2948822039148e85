const CHUNK = 0x8000

/** Base64 of bytes of any number. */
export function toBase64(bytes: Uint8Array): string {
  let signs = ''
  for (let at = 0; at < bytes.length; at += CHUNK) {
    signs += String.fromCharCode(...bytes.subarray(at, at + CHUNK))
  }
  return btoa(signs)
}

/** The bytes, or nothing when it is no Base64. */
export function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0))
  } catch {
    return undefined
  }
}
