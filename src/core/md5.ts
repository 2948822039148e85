// MD5 (RFC 1321), which the providers' signatures are made of and WebCrypto does not have. One loop of 64 steps
// instead of 64 written out: it is a third of the size, and the engine is not much slower at it.

/** Space that is kept between calls: making a buffer anew costs more than hashing a short text. */
const ROOM = 4096

// Made by the first call, so that importing does no work.
let encoder: TextEncoder | undefined
let table: Int32Array | undefined
let kept: Space | undefined

interface Space {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly view: DataView<ArrayBuffer>
}

function space(size: number): Space {
  const bytes = new Uint8Array(size)
  return { bytes, view: new DataView(bytes.buffer) }
}

/** The 64 sines of the algorithm, and behind them the shifts of its four rounds. */
function constants(): Int32Array {
  const sines = Array.from({ length: 64 }, (_, i) => Math.abs(Math.sin(i + 1)) * 2 ** 32)
  return Int32Array.of(...sines, 7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21)
}

/** Lays out the data and its padding, and returns them with the digest in the first 16 bytes. */
function hash(data: string | Uint8Array): DataView<ArrayBuffer> {
  encoder ??= new TextEncoder()
  table ??= constants()
  kept ??= space(ROOM)
  // At most three bytes of UTF-8 for a UTF-16 unit; the padding is at most a block and the length.
  const room = data.length * 3 + 72
  const { bytes, view } = room > ROOM ? space(room) : kept
  let { length } = data
  if (typeof data === 'string') length = encoder.encodeInto(data, bytes).written
  else bytes.set(data)
  const end = (length + 72) & -64
  bytes.fill(0, length, end)
  bytes[length] = 128
  view.setUint32(end - 8, length << 3, true)
  view.setUint32(end - 4, length / 2 ** 29, true)
  compress(view, end, table)
  return view
}

function compress(view: DataView, end: number, k: Int32Array): void {
  let a = 0x67452301
  let b = ~0x10325476
  let c = ~a
  let d = ~b
  for (let at = 0; at < end; at += 64) {
    const a0 = a
    const b0 = b
    const c0 = c
    const d0 = d
    for (let i = 0; i < 64; i++) {
      const round = i >> 4
      const mix =
        round === 0
          ? d ^ (b & (c ^ d))
          : round === 1
            ? c ^ (d & (b ^ c))
            : round === 2
              ? b ^ c ^ d
              : c ^ (b | ~d)
      // Word i, 5i + 1, 3i + 5, 7i of the block: factors and offsets are a hexadecimal digit per round.
      const word = (i * (0x7351 >> (round * 4)) + (0x510 >> (round * 4))) & 15
      const sum = (a + mix + view.getInt32(at + word * 4, true) + k[i]!) | 0
      const shift = k[64 + round * 4 + (i & 3)]!
      a = d
      d = c
      c = b
      b = (b + ((sum << shift) | (sum >>> -shift))) | 0
    }
    a = (a + a0) | 0
    b = (b + b0) | 0
    c = (c + c0) | 0
    d = (d + d0) | 0
  }
  view.setInt32(0, a, true)
  view.setInt32(4, b, true)
  view.setInt32(8, c, true)
  view.setInt32(12, d, true)
}

/** The MD5 of bytes, or of a text as UTF-8, as 32 lower-case hexadecimal digits. */
export function md5Hex(data: string | Uint8Array): string {
  const view = hash(data)
  const hex = (at: number): string => view.getBigUint64(at).toString(16).padStart(16, '0')
  return hex(0) + hex(8)
}

/** The MD5 of bytes, or of a text as UTF-8: 16 bytes. */
export function md5(data: string | Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hash(data).buffer.slice(0, 16))
}
