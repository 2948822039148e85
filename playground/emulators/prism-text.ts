/**
 * What a publication in a text frame said before its lengths were lost. Go's client sends every command as text,
 * lengths included, and a length such as 200 is no UTF-8: where the real server reads the bytes, a Worker is handed
 * U+FFFD in their place. Keys, bodies and types are texts and came through, so the lengths follow from what is there:
 * a reading is right when it would have looked like this. Without a reading, or with two, it is undefined.
 */
export function publication(frame: string): Uint8Array | undefined {
  const bytes = encoder.encode(frame)
  if (bytes[0] !== 1) return undefined
  const readings = types(bytes).flatMap((type) => keys(bytes).flatMap((key) => bodies(bytes, key, type)))
  return readings.length === 1 ? readings[0] : undefined
}

interface Part {
  readonly start: number
  readonly end: number
}

/** Where the content type can be: at the end, with its length, which is below 128, in front. */
function types(bytes: Uint8Array): Part[] {
  const end = bytes.length
  return Array.from({ length: 128 }, (_, length) => ({ start: end - length, end })).filter(
    ({ start }) => start >= 9 && bytes[start - 2] === 0 && bytes[start - 1] === end - start,
  )
}

/** Where the routing key can be: behind its length, and a body of less than 16 MiB behind it. */
function keys(bytes: Uint8Array): Part[] {
  const found: Part[] = []
  for (let length = 0; length <= LONGEST_KEY; length++) {
    const seen = asSeen(length, 2)
    const start = 1 + seen.length
    if (startsWith(bytes, seen, 1) && bytes[start + length] === 0) found.push({ start, end: start + length })
  }
  return found
}

/** Beyond it by so much that a key that is too long is still called so. */
const LONGEST_KEY = 1024

/** The whole command as bytes, once for each length of the body that fits. */
function bodies(bytes: Uint8Array, key: Part, type: Part): Uint8Array[] {
  const found: Uint8Array[] = []
  const end = type.start - 2
  // A byte that is no UTF-8 takes three.
  for (let start = key.end + 4; start <= Math.min(key.end + 12, end); start++) {
    const seen = asSeen(end - start, 4)
    if (key.end + seen.length !== start || !startsWith(bytes, seen, key.end)) continue
    const whole = bytes.slice(start - 7 - (key.end - key.start))
    whole[0] = 1
    whole.set(bigEndian(key.end - key.start, 2), 1)
    whole.set(bytes.subarray(key.start, key.end), 3)
    whole.set(bigEndian(end - start, 4), 3 + key.end - key.start)
    found.push(whole)
  }
  return found
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

const bigEndian = (count: number, width: 2 | 4): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, count)
  return bytes.subarray(4 - width)
}

/** What becomes of a length in a text frame. */
const asSeen = (count: number, width: 2 | 4): Uint8Array =>
  encoder.encode(decoder.decode(bigEndian(count, width)))

const startsWith = (bytes: Uint8Array, start: Uint8Array, at: number): boolean =>
  start.every((byte, i) => bytes[at + i] === byte)
