import { decodeText, encodeText } from '../core/bytes.ts'
import { IsomqError } from '../core/errors.ts'
import type { Frame } from '../core/socket.ts'
import { provider } from './wrong.ts'

/** A frame of STOMP 1.2; of a header that comes twice, the first counts. */
export interface StompFrame {
  readonly command: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const LF = 10
const CR = 13
/** Bytes of a frame that is not complete yet. */
const MOST = 16 * 1024 * 1024

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', ':': '\\c' }
const UNITS: Readonly<Record<string, string>> = { '\\\\': '\\', '\\n': '\n', '\\r': '\r', '\\c': ':' }

const escaped = (text: string): string => text.replace(/[\\\n\r:]/g, (unit) => ESCAPES[unit]!)
const plain = (text: string): string => text.replace(/\\./g, (pair) => UNITS[pair] ?? pair)

/** A frame as text. */
export function encodeStomp(
  command: string,
  headers: Readonly<Record<string, string | undefined>>,
  body = '',
): string {
  let text = command
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) text += `\n${escaped(name)}:${escaped(value)}`
  }
  return `${text}\n\n${body}\0`
}

/** The sign of life between two frames. */
export const HEART_BEAT = '\n'

/** Reads frames, however the messages of the socket cut them. */
export function createStompReader(): (raw: Frame) => StompFrame[] {
  /** The beginning of a frame is in its first `size` bytes. */
  let rest: Uint8Array = new Uint8Array()
  let size = 0
  /** As much of it has been looked at, and holds no frame. */
  let seen = 0
  /** As much of it a frame has that tells its length. */
  let length = 0
  return (raw) => {
    const piece = typeof raw === 'string' ? encodeText(raw) : raw
    const bytes = size === 0 ? piece : joined(piece)
    const frames: StompFrame[] = []
    let at = 0
    // Every frame ends in NUL. Without one it only may show that this is none, which need not be asked for each piece.
    if (bytes.length >= length && (bytes.length >= seen * 2 || piece.includes(0))) {
      for (;;) {
        while (bytes[at] === LF || bytes[at] === CR) at++
        const read = readFrame(bytes, at)
        length = read.end - at
        if (!read.frame) break
        frames.push(read.frame)
        at = read.end
      }
      seen = bytes.length - at
    }
    if (Math.max(bytes.length - at, length) > MOST) throw malformed(`a frame is longer than ${MOST} bytes`)
    if (size === 0 || at > 0) rest = bytes.slice(at)
    size = bytes.length - at
    return frames
  }

  /** The rest and a piece behind it; room for many is made at once. */
  function joined(piece: Uint8Array): Uint8Array {
    const length = size + piece.length
    if (length > rest.length) {
      const larger = new Uint8Array(length * 2)
      larger.set(rest)
      rest = larger
    }
    rest.set(piece, size)
    return rest.subarray(0, length)
  }
}

/** The frame that begins at `start`, if all of it is there, and its end, as far as it can be told. */
function readFrame(bytes: Uint8Array, start: number): { frame?: StompFrame; end: number } {
  const lines: string[] = []
  let at = start
  for (;;) {
    const end = bytes.indexOf(LF, at)
    if (end < 0) return { end: start }
    const line = decodeText(bytes.subarray(at, bytes[end - 1] === CR ? end - 1 : end))
    at = end + 1
    if (line === '') break
    lines.push(line)
  }
  const [command = '', ...pairs] = lines
  if (!/^[A-Z]+$/.test(command)) throw malformed('what arrived is no STOMP frame')
  const headers = headersOf(pairs)
  const { 'content-length': length } = headers
  // A negative one would lead back to a frame that was read, again and again.
  if (length && !/^\d+$/.test(length)) throw malformed('the content-length of a frame is no number')
  const end = length ? at + Number(length) : bytes.indexOf(0, at)
  if (end < 0 || end >= bytes.length) return { end: length ? end + 1 : start }
  if (bytes[end] !== 0) throw malformed('a frame is longer than it says')
  return { frame: { command, headers, body: decodeText(bytes.subarray(at, end)) }, end: end + 1 }
}

function headersOf(lines: readonly string[]): Record<string, string> {
  const headers = Object.create(null) as Record<string, string>
  for (const line of lines) {
    const at = line.indexOf(':')
    if (at < 0) throw malformed('a header has no colon')
    headers[plain(line.slice(0, at))] ??= plain(line.slice(at + 1))
  }
  return headers
}

const malformed = (what: string): IsomqError =>
  new IsomqError(provider, 'PROTOCOL', `${what}; check that the URL is that of RabbitMQ's Web STOMP`)
