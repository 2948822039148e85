// The frames that a client sends, one function each, in the official header order.
import { encodeFrame, type TmcValue } from './codec.ts'

const string = (value: string): TmcValue => ({ type: 'string', value })

type Header = readonly [key: string, value: TmcValue]

const idHeader = (value: bigint): Header => ['id', { type: 'int64', value }]

function encodeSend(token: string, kind: number, headers: Header[], flag?: number): Uint8Array<ArrayBuffer> {
  return encodeFrame({
    type: 'send',
    flag,
    token,
    headers: [['__kind', { type: 'byte', value: kind }], ...headers],
  })
}

const PULL = 1
const CONFIRM = 2
const DATA = 3
const FAIL = 20

/** CONNECT: signs a client in. `headers` are `app_key`, `group_name`, `timestamp`, `sign`, `sdk` and more. */
export function encodeConnect(headers: Readonly<Record<string, string>>, flag = 1): Uint8Array<ArrayBuffer> {
  return encodeFrame({
    type: 'connect',
    flag,
    headers: Object.entries(headers).map(([key, value]) => [key, string(value)] as const),
  })
}

/** Asks the server for what waits; also what keeps an idle connection alive. */
export function encodePull(token: string): Uint8Array<ArrayBuffer> {
  return encodeSend(token, PULL, [])
}

/** Tells the server that a message is done with. */
export function encodeConfirm(token: string, id: bigint): Uint8Array<ArrayBuffer> {
  return encodeSend(token, CONFIRM, [idHeader(id)])
}

/**
 * {@link encodeConfirm} for many ids of one session: the frames differ in eight bytes, so they are written
 * from a template, 64 to a buffer.
 */
export function confirmFrames(token: string): (id: bigint) => Uint8Array<ArrayBuffer> {
  const template = encodeConfirm(token, 0n)
  const size = template.length
  // The id is the last value before the two bytes that end the headers.
  const idAt = size - 10
  let slab = new DataView(new ArrayBuffer(0))
  let at = 0
  return (id) => {
    if (at === slab.byteLength) {
      const bytes = new Uint8Array(size * 64)
      for (at = 0; at < bytes.length; at += size) bytes.set(template, at)
      slab = new DataView(bytes.buffer)
      at = 0
    }
    slab.setBigInt64(at + idAt, id, true)
    at += size
    return new Uint8Array(slab.buffer as ArrayBuffer, at - size, size)
  }
}

/** Tells the server that a message failed and should come again; the reason is cut to 128 characters. */
export function encodeFail(token: string, id: bigint, reason: string): Uint8Array<ArrayBuffer> {
  return encodeSend(token, FAIL, [idHeader(id), ['msg', string(cut(String(reason), 128))]])
}

/** At most `most` UTF-16 units, with no half of a surrogate pair at the end. */
function cut(text: string, most: number): string {
  return text.length <= most ? text : text.slice(0, most).replace(/[\ud800-\udbff]$/, '')
}

export interface TmcProduceFields {
  readonly topic: string
  /** JSON text. */
  readonly content: string
  /** The authorization of the user in whose name the message is sent. */
  readonly session?: string
}

/** Sends a message into TMC; the answer carries the same flag. */
export function encodeProduce(
  token: string,
  { topic, content, session }: TmcProduceFields,
  flag: number,
): Uint8Array<ArrayBuffer> {
  const headers: Header[] = [
    ['topic', string(topic)],
    ['content', string(content)],
  ]
  if (session !== undefined) headers.push(['session', string(session)])
  return encodeSend(token, DATA, headers, flag)
}
