import { decodeText, encodeText } from '../core/bytes.ts'
import { IsomqError } from '../core/errors.ts'
import { parseExact } from '../core/json.ts'
import { provider, wrong } from './wrong.ts'

/** What a publish command holds. */
export interface PrismPublishFields {
  readonly routingKey: string
  readonly body: string | Uint8Array
  /** Default `text/plain`. */
  readonly contentType?: string | undefined
}

/** What a delivery says. */
export interface PrismDeliveryFields {
  /** Names the delivery in its ack: exact decimal text, since it may exceed 2^53. */
  readonly tag: string
  /** The routing key. */
  readonly key: string
  /** The content type, where the publisher gave one. */
  readonly type: string | undefined
  /** The body as text; a body that is JSON inside the frame arrives as JSON text. */
  readonly body: string
  /** When it was published. */
  readonly time: Date | undefined
  /** The key of the application that published it. */
  readonly clientId: string | undefined
  readonly app: string | undefined
}

const PUBLISH = 1
const CONSUME = 2
const ACK = 3
const MOST_16 = 0xffff

/** Parts behind each other, big-endian. */
function join(
  command: number,
  parts: readonly (readonly [size: 2 | 4, bytes: Uint8Array])[],
): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, [size, bytes]) => sum + size + bytes.length, 1)
  const frame = new Uint8Array(length)
  const view = new DataView(frame.buffer)
  frame[0] = command
  let at = 1
  for (const [size, bytes] of parts) {
    if (size === 2) view.setUint16(at, bytes.length)
    else view.setUint32(at, bytes.length)
    frame.set(bytes, at + size)
    at += size + bytes.length
  }
  return frame
}

/** A text whose length has to fit 16 bits. */
function shortBytes(name: string, text: unknown): Uint8Array {
  if (typeof text !== 'string') throw wrong(`"${name}" must be a text`)
  const bytes = encodeText(text)
  if (bytes.length <= MOST_16) return bytes
  throw new IsomqError(provider, 'LIMIT', `"${name}" exceeds ${MOST_16} bytes`)
}

/**
 * The command that publishes a message.
 *
 * @throws IsomqError `LIMIT` when the routing key or the content type exceeds 65,535 bytes; `CONFIG`
 */
export function encodePublish({
  routingKey,
  body,
  contentType = 'text/plain',
}: PrismPublishFields): Uint8Array<ArrayBuffer> {
  const bytes = typeof body === 'string' ? encodeText(body) : body
  if (!(bytes instanceof Uint8Array)) throw wrong('"body" must be a text or bytes')
  return join(PUBLISH, [
    [2, shortBytes('routingKey', routingKey)],
    [4, bytes],
    [2, shortBytes('contentType', contentType)],
  ])
}

/** The command that asks for the messages of a queue; of the default queue when none is named. */
export function encodeConsume(queue = ''): Uint8Array<ArrayBuffer> {
  return join(CONSUME, queue === '' ? [] : [[2, shortBytes('queue', queue)]])
}

/**
 * The command that acknowledges a delivery.
 *
 * @throws IsomqError `CONFIG` when the tag is no integer: a number beyond 2^53 is none that could be exact
 */
export function encodeAck(tag: string | bigint | number): Uint8Array<ArrayBuffer> {
  const text = exactTag(tag)
  if (text === undefined) throw wrong('a tag must be an integer: decimal text, a bigint or a safe number')
  const frame = new Uint8Array(text.length + 1)
  frame[0] = ACK
  for (let i = 0; i < text.length; i++) frame[i + 1] = text.charCodeAt(i)
  return frame
}

function exactTag(tag: unknown): string | undefined {
  if (typeof tag === 'bigint' || Number.isSafeInteger(tag)) return String(tag)
  return typeof tag === 'string' && /^-?\d{1,20}$/.test(tag) ? tag : undefined
}

/**
 * Reads what the server sends: one message as JSON.
 *
 * @throws IsomqError `PROTOCOL` when it is no delivery, `PROVIDER` when it is the server's report of an error
 */
export const decodeDelivery = (frame: string | Uint8Array): PrismDeliveryFields =>
  readDelivery(frame, (text) => text.slice(0, 200))

/** The same; `show` makes of what the server says of an error what an error of this side may show. */
export function readDelivery(
  frame: string | Uint8Array,
  show: (text: string) => string,
): PrismDeliveryFields {
  const fields = parse(typeof frame === 'string' ? frame : decodeText(frame))
  const { error } = fields
  if (error !== undefined && error !== null && fields.tag === undefined) throw refusal(error, show)
  const tag = exactTag(fields.tag)
  if (tag === undefined)
    throw new IsomqError(provider, 'PROTOCOL', 'a delivery without a tag that is an integer')
  const time = secondsOf(fields.time) * 1000
  return {
    tag,
    key: textOf(fields.key) ?? '',
    type: textOf(fields.type),
    body: textOf(fields.body) ?? '',
    time: Math.abs(time) <= 8.64e15 ? new Date(time) : undefined,
    clientId: textOf(fields.client_id),
    app: textOf(fields.app),
  }
}

function parse(text: string): Record<string, unknown> {
  let cause: unknown
  try {
    const fields: unknown = JSON.parse(text)
    if (typeof fields === 'object' && fields !== null && !Array.isArray(fields)) {
      return exactFields(fields as Record<string, unknown>, text)
    }
  } catch (thrown) {
    // A syntax error's text quotes what it read.
    cause = thrown instanceof RangeError ? thrown : undefined
  }
  throw new IsomqError(provider, 'PROTOCOL', 'a delivery that is not a JSON object', { cause })
}

/**
 * As `parseExact` has them. That reads the text once more, which takes longer than all else: it is done only where
 * more than the tag may be a long integer, or where the tag is not plain to see.
 */
function exactFields(fields: Record<string, unknown>, text: string): Record<string, unknown> {
  const again = () => parseExact(text) as Record<string, unknown>
  const { tag } = fields
  for (const name in fields) {
    if (!isExact(fields[name]) && (name !== 'tag' || typeof tag !== 'number')) return again()
  }
  if (isExact(tag)) return fields
  const digits = tagDigits(text)
  return digits === undefined ? again() : { ...fields, tag: digits }
}

/** Whether `parseExact` is sure to read a value as `JSON.parse` does: no list or object, no 16 digits. */
const isExact = (value: unknown): boolean =>
  typeof value === 'number' ? Math.abs(value) < 1e15 : typeof value !== 'object' || value === null

/**
 * The digits of the tag, in the text of an object that holds no other one. Quotes within JSON's strings have a
 * backslash before them: one without begins or ends a string, and so `"tag":` can be nothing but a name.
 */
function tagDigits(text: string): string | undefined {
  // The last of several counts, unless one that is spelled with escapes follows.
  const at = text.lastIndexOf('"tag"')
  if (text[at - 1] === '\\' || /\\u00[67]/.test(text.slice(at))) return undefined
  return /^"tag"\s*:\s*(-?\d+)\s*[,}]/.exec(text.slice(at, at + 64))?.[1]
}

/** What is no text as JSON; lists in lists in lists, too deep for that, are nothing that anybody sends. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string' || value === undefined || value === null) return value ?? undefined
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw new IsomqError(provider, 'PROTOCOL', 'a delivery with a field that cannot be a text', { cause })
  }
}

const secondsOf = (value: unknown): number =>
  typeof value === 'number' || (typeof value === 'string' && /^-?[\d.]+$/.test(value))
    ? Number(value)
    : Number.NaN

/** What the server calls an error: a text, a number, or an object of a code and a text. */
export function errorOf(error: unknown): { readonly code: unknown; readonly message: unknown } {
  if (typeof error !== 'object' || error === null) return { code: undefined, message: error }
  const { code, message, msg } = error as Record<string, unknown>
  return { code, message: message ?? msg }
}

function refusal(error: unknown, show: (text: string) => string): IsomqError {
  const given = errorOf(error)
  const [code, message] = [given.code, given.message].map((value) =>
    typeof value === 'string' ? show(value) : typeof value === 'object' ? undefined : value,
  )
  const said = [code, message].filter((part) => part !== undefined).join(' ')
  return new IsomqError(
    provider,
    'PROVIDER',
    `the server reports an error (${said || 'which one it does not say'})`,
    {
      details: { code, message },
    },
  )
}
