import { Reader, Writer } from '../core/bytes.ts'
import { IsomqError } from '../core/errors.ts'

/** A header's value with its wire format; 64-bit integers and dates (milliseconds since 1970) are exact. */
export type TmcValue =
  | { readonly type: 'void'; readonly value: null }
  | { readonly type: 'string'; readonly value: string | null }
  | { readonly type: 'byte' | 'int16' | 'int32'; readonly value: number }
  | { readonly type: 'int64' | 'date'; readonly value: bigint }
  | { readonly type: 'bytes'; readonly value: Uint8Array }

export type TmcFrameType = 'connect' | 'connectack' | 'send' | 'sendack'

/** One protocol message of TMC: what one binary WebSocket frame holds. */
export interface TmcFrame {
  readonly type: TmcFrameType
  /** Above 0 in a refusal or error, and left out otherwise. */
  readonly statusCode?: number
  readonly statusPhrase?: string
  /** Correlates a request with its answer; above 0. */
  readonly flag?: number
  /** The session's token, given out by the server in CONNECTACK. */
  readonly token?: string
  /** Custom headers in order of the wire; a key that came twice has its last value. */
  readonly headers: ReadonlyMap<string, TmcValue>
}

const TYPES: readonly TmcFrameType[] = ['connect', 'connectack', 'send', 'sendack']
const END = 0
const CUSTOM = 1
const STATUS_CODE = 2
const STATUS_PHRASE = 3
const FLAG = 4
const TOKEN = 5

export const protocolError = (what: string, cause?: unknown): IsomqError =>
  new IsomqError('tmc', 'PROTOCOL', `${what}; check that the other side speaks TMC`, { cause })

/** Headers as they stand in a frame: to find one of a few costs less than to make a Map of all. */
export class HeaderList {
  readonly #keys: string[] = []
  readonly #values: TmcValue[] = []

  set(key: string, value: TmcValue): void {
    this.#keys.push(key)
    this.#values.push(value)
  }

  /** Of a key that came twice, the last value. */
  get(key: string): TmcValue | undefined {
    return this.#values[this.#keys.lastIndexOf(key)]
  }

  toMap(): Map<string, TmcValue> {
    const map = new Map<string, TmcValue>()
    for (let i = 0; i < this.#keys.length; i++) map.set(this.#keys[i]!, this.#values[i]!)
    return map
  }
}

/** A frame with its headers as they stand. */
export interface RawFrame extends Omit<TmcFrame, 'headers'> {
  readonly headers: HeaderList
}

/**
 * Reads one binary frame.
 *
 * @throws IsomqError `PROTOCOL` when the frame is cut short, of protocol version 1 or of an unknown type
 */
export function decodeFrame(bytes: Uint8Array): TmcFrame {
  return readFrame(bytes, new Map())
}

interface Headers {
  set(key: string, value: TmcValue): unknown
}

/** {@link decodeFrame}, with the headers put into what is given. */
export function readFrame<H extends Headers>(
  bytes: Uint8Array,
  headers: H,
): Omit<TmcFrame, 'headers'> & { readonly headers: H } {
  try {
    return read(new Reader(bytes), headers)
  } catch (error) {
    if (error instanceof IsomqError) throw error
    throw protocolError('a frame ends before its headers do', error)
  }
}

function read<H extends Headers>(reader: Reader, headers: H) {
  if (reader.uint8() === 1) throw protocolError('a frame of protocol version 1')
  const code = reader.uint8()
  const type = TYPES[code]
  if (type === undefined) throw protocolError(`a frame of the unknown type ${code}`)
  let statusCode: number | undefined
  let statusPhrase: string | undefined
  let flag: number | undefined
  let token: string | undefined
  for (let header = reader.uint16(); header !== END; header = reader.uint16()) {
    switch (header) {
      case CUSTOM:
        headers.set(text(reader) ?? '', readValue(reader))
        break
      case STATUS_CODE:
        statusCode = reader.int32() || undefined
        break
      case STATUS_PHRASE:
        statusPhrase = text(reader) ?? undefined
        break
      case FLAG:
        flag = reader.int32() || undefined
        break
      case TOKEN:
        token = text(reader) ?? undefined
      // An unknown header type has no payload: every peer skips its two bytes.
    }
  }
  return { type, statusCode, statusPhrase, flag, token, headers }
}

function text(reader: Reader): string | null {
  const length = reader.int32()
  return length === 0 ? null : reader.text(length)
}

function readValue(reader: Reader): TmcValue {
  switch (reader.uint8()) {
    case 0:
      return { type: 'void', value: null }
    case 2:
      return { type: 'byte', value: reader.uint8() }
    case 3:
      return { type: 'int16', value: reader.int16() }
    case 4:
      return { type: 'int32', value: reader.int32() }
    case 5:
      return { type: 'int64', value: reader.int64() }
    case 6:
      return { type: 'date', value: reader.int64() }
    case 7:
      return { type: 'bytes', value: reader.take(reader.int32()) }
    default:
      // The official readers take a format that they do not know for a string.
      return { type: 'string', value: text(reader) }
  }
}

/** What {@link encodeFrame} takes; headers are written in the order given. */
export interface TmcFrameInit extends Omit<Partial<TmcFrame>, 'type' | 'headers'> {
  readonly type: TmcFrameType
  readonly headers?: Iterable<readonly [key: string, value: TmcValue]>
}

/**
 * Writes one binary frame as the official clients do: status code (above 0), status phrase, flag (above 0),
 * token, custom headers in the order given.
 *
 * @throws IsomqError `CONFIG` when a number does not fit its format
 */
export function encodeFrame(frame: TmcFrameInit): Uint8Array<ArrayBuffer> {
  const { type, statusCode = 0, statusPhrase, flag = 0, token, headers = [] } = frame
  const to = new Writer()
  const code = TYPES.indexOf(type)
  if (code < 0) throw misuse(`"type" must be one of ${TYPES.join(', ')}`)
  to.int(2, 1)
  to.int(code, 1)
  const number = (header: number, key: string, value: number) => {
    if (value <= 0) return
    to.int(header, 2)
    to.int(Number(exactly(key, value, 32)), 4)
  }
  const text = (header: number, key: string, value?: string) => {
    if (!value) return
    to.int(header, 2)
    to.counted(data(key, value))
  }
  number(STATUS_CODE, 'statusCode', statusCode)
  text(STATUS_PHRASE, 'statusPhrase', statusPhrase)
  number(FLAG, 'flag', flag)
  text(TOKEN, 'token', token)
  for (const [key, value] of headers) {
    to.int(CUSTOM, 2)
    to.counted(data('headers', key))
    writeValue(to, key, value)
  }
  to.int(END, 2)
  return to.done()
}

/** A format's number on the wire and, for integers, its size in bits. */
const FORMATS = {
  void: [0],
  string: [1],
  byte: [2, 8],
  int16: [3, 16],
  int32: [4, 32],
  int64: [5, 64],
  date: [6, 64],
  bytes: [7],
}

function writeValue(to: Writer, key: string, { type, value }: TmcValue): void {
  if (value === null) return to.int(0, 1)
  if (!Object.hasOwn(FORMATS, type)) throw misuse(`the format of "${key}" is not known`)
  const [format, bits] = FORMATS[type] as [number, number?]
  to.int(format, 1)
  if (!bits) to.counted(data(key, value))
  else if (bits === 64) to.int64(exactly(key, value as bigint, bits))
  else to.int(Number(exactly(key, value as number, bits)), bits / 8)
}

const misuse = (text: string) => new IsomqError('tmc', 'CONFIG', text)

function data(key: string, value: unknown): string | Uint8Array {
  if (typeof value === 'string' || value instanceof Uint8Array) return value
  throw misuse(`"${key}" must be a text, or an Uint8Array for bytes`)
}

/** An integer of that many bits; of 8 bits without a sign, of more with one. */
function exactly(key: string, value: number | bigint, bits: number): bigint {
  try {
    const exact = BigInt(value)
    // Of 64 bits a number would have lost some already.
    if (bits === 64 && typeof value !== 'bigint') throw value
    if ((bits === 8 ? BigInt.asUintN(8, exact) : BigInt.asIntN(bits, exact)) === exact) return exact
  } catch {
    // A fraction or no number at all: the same mistake.
  }
  throw misuse(
    `"${key}" is no integer of ${bits} bits${bits === 64 ? ' (a bigint)' : '; use another format'}`,
  )
}
