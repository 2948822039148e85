// Reading and writing binary frames. One DataView per frame; short texts that come again and again (header
// names, tokens, topics) are kept, since making the same string anew costs more than finding it.

let decoder: TextDecoder | undefined
let encoder: TextEncoder | undefined

/** UTF-8 to text; what is not UTF-8 becomes U+FFFD, a byte order mark stays. */
export function decodeText(bytes: Uint8Array): string {
  decoder ??= new TextDecoder('utf-8', { ignoreBOM: true })
  return decoder.decode(bytes)
}

export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  encoder ??= new TextEncoder()
  return encoder.encode(text) as Uint8Array<ArrayBuffer>
}

const SLOTS = 512
const SHORT = 48
interface Kept {
  readonly bytes: Uint8Array
  readonly text: string
}
let kept: (Kept | undefined)[] | undefined

function shortText(bytes: Uint8Array, from: number, length: number): string {
  let hash = length
  for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + bytes[from + i]!) | 0
  kept ??= new Array<Kept | undefined>(SLOTS).fill(undefined)
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1)
  const known = kept[slot]
  if (known !== undefined && known.bytes.length === length) {
    const same = known.bytes
    let i = 0
    while (i < length && same[i] === bytes[from + i]) i++
    if (i === length) return known.text
  }
  const copy = bytes.slice(from, from + length)
  const text = decodeText(copy)
  kept[slot] = { bytes: copy, text }
  return text
}

/** Reads numbers and bytes in order; past the end it throws a `RangeError`. */
export class Reader {
  readonly bytes: Uint8Array
  readonly view: DataView
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  uint8(): number {
    return this.view.getUint8(this.skip(1))
  }

  uint16(): number {
    return this.view.getUint16(this.skip(2), true)
  }

  int16(): number {
    return this.view.getInt16(this.skip(2), true)
  }

  int32(): number {
    return this.view.getInt32(this.skip(4), true)
  }

  int64(): bigint {
    return this.view.getBigInt64(this.skip(8), true)
  }

  /** Moves on by `length` and says where the piece began. */
  skip(length: number): number {
    const from = this.at
    if (length < 0 || length > this.bytes.length - from) throw new RangeError(`${length} bytes at ${from}`)
    this.at = from + length
    return from
  }

  take(length: number): Uint8Array {
    const from = this.skip(length)
    return this.bytes.subarray(from, this.at)
  }

  text(length: number): string {
    const from = this.skip(length)
    return length <= SHORT
      ? shortText(this.bytes, from, length)
      : decodeText(this.bytes.subarray(from, this.at))
  }
}

/** Writes numbers, bytes and text one behind the other; frames that are sent often are made from templates. */
export class Writer {
  readonly #bytes: number[] = []

  /** The `size` low bytes of an integer, the least significant first. */
  int(value: number | bigint, size: number): void {
    let rest = BigInt.asUintN(64, BigInt(value))
    for (let i = 0; i < size; i++, rest >>= 8n) this.#bytes.push(Number(rest & 255n))
  }

  raw(bytes: Uint8Array): void {
    for (const byte of bytes) this.#bytes.push(byte)
  }

  /** Bytes (text: as UTF-8) behind their number as int32. */
  counted(data: string | Uint8Array): void {
    const bytes = typeof data === 'string' ? encodeText(data) : data
    this.int(bytes.length, 4)
    this.raw(bytes)
  }

  done(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes)
  }
}
