// STOMP 1.0 to 1.2 as RabbitMQ reads and writes it.

export interface Frame {
  readonly command: string
  /** Of a name that comes twice the first counts. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array
}

/** Says why a connection cannot go on: what was sent is no STOMP. */
export class Malformed extends Error {
  /** As RabbitMQ closes the socket. */
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

const LF = 10
const CR = 13
const NUL = 0
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const EMPTY = new Uint8Array(0)

/** Takes bytes as they come and gives whole frames: one may come in pieces, and many at once. */
export class FrameReader {
  #rest: Uint8Array = EMPTY

  read(bytes: Uint8Array): Frame[] {
    this.#rest = this.#rest.length === 0 ? bytes : joined(this.#rest, bytes)
    const frames: Frame[] = []
    for (let at = 0; ; ) {
      // Between frames there are heart-beats.
      while (this.#rest[at] === LF || this.#rest[at] === CR) at++
      const found = frameAt(this.#rest, at)
      if (found === undefined) {
        this.#rest = this.#rest.slice(at)
        return frames
      }
      frames.push(found.frame)
      at = found.end
    }
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

function frameAt(bytes: Uint8Array, start: number): { frame: Frame; end: number } | undefined {
  const lines: string[] = []
  let at = start
  for (;;) {
    const end = bytes.indexOf(LF, at)
    if (end < 0) return undefined
    const line = decoder.decode(bytes.subarray(at, bytes[end - 1] === CR && end > at ? end - 1 : end))
    at = end + 1
    if (line === '' && lines.length > 0) break
    lines.push(line)
  }
  const [command = '', ...pairs] = lines
  const headers = new Map<string, string>()
  for (const pair of pairs) {
    const colon = pair.indexOf(':')
    if (colon < 0) throw new Malformed(1007, `{header_no_value,${JSON.stringify(pair)}}`)
    const name = unescaped(pair.slice(0, colon))
    if (!headers.has(name)) headers.set(name, unescaped(pair.slice(colon + 1)))
  }
  const end = endOf(bytes, at, headers.get('content-length'))
  if (end === undefined) return undefined
  return { frame: { command, headers, body: bytes.slice(at, end) }, end: end + 1 }
}

/** Where the NUL after the body is, if it has come. */
function endOf(bytes: Uint8Array, start: number, length: string | undefined): number | undefined {
  if (length === undefined) {
    const end = bytes.indexOf(NUL, start)
    return end < 0 ? undefined : end
  }
  if (!/^\d{1,9}$/.test(length)) throw new Malformed(1011, '')
  const end = start + Number(length)
  if (end >= bytes.length) return undefined
  if (bytes[end] !== NUL) throw new Malformed(1011, '')
  return end
}

const ESCAPES: Readonly<Record<string, string>> = { '\\n': '\n', '\\c': ':', '\\\\': '\\', '\\r': '\r' }

const unescaped = (text: string): string =>
  text.replace(/\\.?/gs, (pair) => {
    const sign = ESCAPES[pair]
    if (sign === undefined) throw new Malformed(1007, `{bad_escape,${JSON.stringify(pair)}}`)
    return sign
  })

const escaped = (text: string): string =>
  text.replace(/[\\:\n\r]/g, (sign) => ({ '\\': '\\\\', ':': '\\c', '\n': '\\n', '\r': '\\r' })[sign]!)

/** A frame as it goes out, with the newline that RabbitMQ puts after the NUL. */
export function encodeFrame(
  command: string,
  headers: readonly (readonly [name: string, value: string])[],
  body: Uint8Array = EMPTY,
): Uint8Array {
  const lines = headers.map(([name, value]) => `${escaped(name)}:${escaped(value)}\n`).join('')
  const head = encoder.encode(`${command}\n${lines}\n`)
  const frame = new Uint8Array(head.length + body.length + 2)
  frame.set(head)
  frame.set(body, head.length)
  frame[frame.length - 1] = LF
  return frame
}
