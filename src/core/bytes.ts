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

function shortText(bytes: Uint8Array, from: number, to: number): string {
  kept ??= new Array<Kept | undefined>(SLOTS).fill(undefined)
  const length = to - from
  let hash = length
  // A few bytes of a long text tell it apart; what shares a slot only costs the time that it saves.
  for (let i = to - 1; i >= from; i -= 1 + (length >> 3)) hash = (Math.imul(hash, 31) + bytes[i]!) | 0
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1)
  const known = kept[slot]
  if (known?.bytes.length === length) {
    let i = 0
    while (i < length && known.bytes[i] === bytes[from + i]) i++
    if (i === length) return known.text
  }
  const copy = bytes.slice(from, to)
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
    return this.view.getUint8(this.#move(1))
  }

  uint16(): number {
    return this.view.getUint16(this.#move(2), true)
  }

  int16(): number {
    return this.view.getInt16(this.#move(2), true)
  }

  int32(): number {
    return this.view.getInt32(this.#move(4), true)
  }

  int64(): bigint {
    return this.view.getBigInt64(this.#move(8), true)
  }

  /** Moves on by `size` and says from where; the view sees to it that this is not past the end. */
  #move(size: number): number {
    const from = this.at
    this.at = from + size
    return from
  }

  /** Moves on by `length` and says where the piece began. */
  skip(length: number): number {
    const from = this.at
    if (length < 0 || length > this.bytes.length - from) throw new RangeError(`${length} bytes at ${from}`)
    this.at = from + length
    return from
  }

  /** A copy: a view would keep alive the whole of what the network read at once. */
  take(length: number): Uint8Array {
    const from = this.skip(length)
    return this.bytes.slice(from, this.at)
  }

  text(length: number): string {
    const from = this.skip(length)
    return length <= SHORT
      ? shortText(this.bytes, from, this.at)
      : decodeText(new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + from, length))
  }
}

/** Writes numbers, bytes and text one behind the other. */
export class Writer {
  #bytes = new Uint8Array(256)
  #at = 0

  #room(length: number): number {
    const from = this.#at
    this.#at += length
    if (this.#at > this.#bytes.length) {
      const larger = new Uint8Array(this.#at * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    return from
  }

  /** The `size` low bytes of an integer of up to 32 bits, the least significant first. */
  int(value: number, size: number): void {
    let rest = value
    for (let at = this.#room(size); at < this.#at; at++, rest >>= 8) this.#bytes[at] = rest
  }

  int64(value: bigint): void {
    const at = this.#room(8)
    new DataView(this.#bytes.buffer).setBigInt64(at, value, true)
  }

  /** Bytes (text: as UTF-8) behind their number as int32. */
  counted(data: string | Uint8Array): void {
    const { length } = data
    if (typeof data === 'string') {
      const start = this.#room(length + 4)
      let i = 0
      // Most texts are ASCII, whose units are their bytes.
      while (i < length && data.charCodeAt(i) < 128) this.#bytes[start + 4 + i] = data.charCodeAt(i++)
      this.#at = start
      if (i < length) return this.counted(encodeText(data))
    }
    this.int(length, 4)
    const at = this.#room(length)
    if (typeof data !== 'string') this.#bytes.set(data, at)
  }

  done(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#at)
  }
}
