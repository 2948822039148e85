import { decodeText, encodeText } from './bytes.ts'

/** Lower-case hexadecimal text. */
export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += (byte + 256).toString(16).slice(1)
  return text
}

export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** Base64 with padding. */
export function base64(bytes: Uint8Array): string {
  let units = ''
  for (const byte of bytes) units += String.fromCharCode(byte)
  return btoa(units)
}

/** Base64 with `-` and `_`; the padding stays. */
export function base64Url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll('+', '-').replaceAll('/', '_')
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (unit) => unit.charCodeAt(0))
}

/** Percent-encodes as RFC 3986 has it: everything but letters, digits, `-`, `.`, `_` and `~`. */
export function percent(text: string): string {
  // Most names and values need no escape, which is soon found out.
  if (/^[\w.~-]*$/.test(text)) return text
  try {
    return encodeURIComponent(text).replace(
      /[!'()*]/g,
      (unit) => `%${unit.charCodeAt(0).toString(16).toUpperCase()}`,
    )
  } catch {
    // Half a character has no UTF-8; it goes as every encoder writes it, as U+FFFD.
    return percent(decodeText(encodeText(text)))
  }
}

/** The character behind two digits of an escape, if it is one that needs no escape. */
export function unreserved(digits: string): string | undefined {
  const unit = String.fromCharCode(Number.parseInt(digits, 16))
  return /[\w.~-]/.test(unit) ? unit : undefined
}

/** Compares as the UTF-8 bytes of two texts compare; their UTF-16 units differ in order beyond U+D7FF. */
export function byBytes(a: string, b: string): number {
  const least = Math.min(a.length, b.length)
  for (let i = 0; i < least; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** Surrogates, which stand for what is beyond U+FFFF, come behind U+E000 to U+FFFF. */
const rank = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x10000 : unit)
