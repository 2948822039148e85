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
    return this.view.getUint8(this.at++)
  }

  uint16(): number {
    return this.view.getUint16((this.at += 2) - 2, true)
  }

  int16(): number {
    return this.view.getInt16((this.at += 2) - 2, true)
  }

  int32(): number {
    return this.view.getInt32((this.at += 4) - 4, true)
  }

  int64(): bigint {
    return this.view.getBigInt64((this.at += 8) - 8, true)
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

/** Writes numbers, bytes and text into a buffer that grows; `done()` gives a copy and starts anew. */
export class Writer {
  #bytes = new Uint8Array(1024)
  #view = new DataView(this.#bytes.buffer)
  #at = 0

  #room(length: number): number {
    const from = this.#at
    const end = from + length
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2))
      larger.set(this.#bytes)
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
    }
    this.#at = end
    return from
  }

  uint8(value: number): void {
    this.#view.setUint8(this.#room(1), value)
  }

  uint16(value: number): void {
    this.#view.setUint16(this.#room(2), value, true)
  }

  int32(value: number): void {
    this.#view.setInt32(this.#room(4), value, true)
  }

  int64(value: bigint): void {
    this.#view.setBigInt64(this.#room(8), value, true)
  }

  raw(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#room(bytes.length))
  }

  /** UTF-8 bytes behind their number as int32. */
  counted(text: string): void {
    const from = this.#room(4 + text.length * 3) + 4
    const length = this.#encode(text, from)
    this.#view.setInt32(from - 4, length, true)
    this.#at = from + length
  }

  #encode(text: string, from: number): number {
    if (text.length <= SHORT) {
      let i = 0
      for (; i < text.length; i++) {
        const unit = text.charCodeAt(i)
        if (unit > 127) break
        this.#bytes[from + i] = unit
      }
      if (i === text.length) return i
    }
    encoder ??= new TextEncoder()
    return encoder.encodeInto(text, this.#bytes.subarray(from)).written
  }

  done(): Uint8Array<ArrayBuffer> {
    const frame = this.#bytes.slice(0, this.#at)
    this.#at = 0
    // A single large message must not hold its memory for ever.
    if (this.#bytes.length > 65536) {
      this.#bytes = new Uint8Array(1024)
      this.#view = new DataView(this.#bytes.buffer)
    }
    return frame
  }
}
