import { decodeFrame, type TmcFrame, type TmcValue } from 'isomq/tmc'
import {
  alternatives,
  BadCase,
  bytes,
  type Differences,
  type Fields,
  isFields,
  type Json,
  number,
  text,
  toHex,
} from './compare.ts'

const TYPES: readonly string[] = ['connect', 'connectack', 'send', 'sendack']

/** A header's value as the vectors write it; an empty text and none are the same bytes. */
function jsonOf({ value }: TmcValue): string | number | null {
  if (value instanceof Uint8Array) return toHex(value)
  return typeof value === 'bigint' ? String(value) : value === '' ? null : value
}

/** Fields of the frame itself that are expected; 0 and an empty text are the same as none. */
export function compareFrame(frame: TmcFrame, expected: Fields, differences: Differences): void {
  const { statusCode, statusPhrase, flag, token } = frame
  const actual: Fields = {
    message_type: TYPES.indexOf(frame.type),
    status_code: statusCode || null,
    status_phrase: statusPhrase || null,
    flag: flag || null,
    token: token || null,
    is_error: (statusCode ?? 0) > 0 || Boolean(statusPhrase),
  }
  for (const [name, value] of Object.entries(actual)) {
    const wanted = expected[name]
    const given = name === 'message_type' || name === 'is_error' ? wanted : wanted || null
    if (wanted !== undefined) differences.same(name, value, given)
  }
}

/** Custom headers, in whatever order. */
export function compareContent(frame: TmcFrame, content: Json | undefined, differences: Differences): void {
  if (content === undefined) return
  const missing = new Set(frame.headers.keys())
  for (const header of headersOf(content)) {
    const name = text(header, 'name')
    const found = frame.headers.get(name)
    missing.delete(name)
    if (found === undefined) {
      differences.add(`header ${name}: missing`)
      continue
    }
    differences.knownFields(`header ${name}`, header, ['name', 'type', 'value', 'also'])
    differences.same(`type of header ${name}`, found.type, header.type)
    const wanted = header.type === 'string' && header.value === '' ? null : header.value
    differences.same(`header ${name}`, jsonOf(found), wanted, alternatives(header.also))
  }
  if (missing.size > 0) differences.add(`headers that are not expected: ${[...missing].join(', ')}`)
}

function headersOf(content: Json): readonly Fields[] {
  if (Array.isArray(content) && content.every(isFields)) return content
  throw new BadCase('"content" must be a list of headers')
}

/** A frame that we wrote: byte by byte when its headers have the listed order, else by what they say. */
export function compareWritten(frame: Uint8Array, expected: Fields, differences: Differences): void {
  const decoded = decodeFrame(frame)
  compareFrame(decoded, expected, differences)
  compareContent(decoded, expected.content, differences)
  if (expected.frame_length !== undefined)
    differences.same('frame_length', frame.length, number(expected, 'frame_length'))
  const peer = bytes(expected, 'frame_hex')
  const theirs = decodeFrame(peer)
  if (String([...decoded.headers.keys()]) === String([...theirs.headers.keys()])) {
    differences.same('frame_hex', toHex(frame), toHex(peer))
    return
  }
  const content = Array.from(theirs.headers, ([name, value]) => ({
    name,
    type: value.type,
    value: jsonOf(value),
  }))
  const { statusCode, statusPhrase, flag, token } = theirs
  const fields = {
    message_type: TYPES.indexOf(theirs.type),
    status_code: statusCode,
    status_phrase: statusPhrase,
  }
  const known = Object.entries({ ...fields, flag, token }).map(
    ([name, value]) => [name, value ?? null] as const,
  )
  compareFrame(decoded, Object.fromEntries(known), differences)
  compareContent(decoded, content, differences)
  differences.same('length', frame.length, peer.length)
}
