import {
  decodeFrame,
  encodeConfirm,
  encodeConnect,
  encodeFail,
  encodeProduce,
  encodePull,
  IsomqError,
  readMessage,
  signConnect,
  type TmcFrame,
} from 'isomq/tmc'
import { md5Hex } from '../../src/core/md5.ts'
import { BadCase, bytes, type Differences, type Fields, isFields, number, text, utf8 } from './compare.ts'
import type { Judge } from './run.ts'
import { compareContent, compareFrame, compareWritten } from './tmc-frame.ts'

const SIGNED = ['base_string', 'base_string_bytes', 'sign']
const WRITTEN = ['message_type', 'flag', 'token', 'content', 'frame_length', 'frame_hex']

function signature(input: Fields): string {
  return signConnect({
    appKey: text(input, 'app_key'),
    appSecret: text(input, 'app_secret'),
    groupName: text(input, 'group_name'),
    timestamp: typeof input.timestamp === 'number' ? input.timestamp : text(input, 'timestamp'),
  })
}

/** What is signed is not public: it is right when its MD5 is the signature. */
function checkSign(sign: string, expected: Fields, differences: Differences): void {
  if (expected.sign !== undefined) differences.same('sign', sign, expected.sign)
  if (expected.base_string === undefined) return
  const base = text(expected, 'base_string')
  differences.same('sign, by the base string', sign, md5Hex(base).toUpperCase())
  if (expected.base_string_bytes !== undefined)
    differences.same('base_string_bytes', utf8(base).length, expected.base_string_bytes)
}

const tokenOf = ({ token }: Fields): string => (typeof token === 'string' ? token : '')
const flagOf = ({ flag }: Fields): number => (typeof flag === 'number' ? flag : 0)

function idOf({ id }: Fields): bigint {
  if (typeof id === 'number' ? Number.isSafeInteger(id) : typeof id === 'string' && /^-?\d+$/.test(id))
    return BigInt(id as string | number)
  throw new BadCase('"id" must be an integer, as text')
}

/** A judge of a frame that a client sends once it is signed in. */
const written =
  (encode: (input: Fields) => Uint8Array): Judge =>
  (input, expected, differences) => {
    differences.knownFields('expected', expected, WRITTEN)
    compareWritten(encode(input), expected, differences)
  }

/** The headers of a sign-in in the official order; the server takes further ones, which are not signed. */
function connectHeaders(input: Fields, sign: string): Record<string, string> {
  const { op, app_key, app_secret, group_name, timestamp, flag, headers, ...further } = input
  const first = { app_key, group_name, timestamp: String(timestamp), sign }
  const all = { ...first, ...further, ...(isFields(headers) ? headers : {}) }
  const given = Object.entries(all).filter(([, value]) => value !== null && value !== undefined)
  return Object.fromEntries(given.map(([name]) => [name, text(all as Fields, name)]))
}

async function checkMessage(frame: TmcFrame, expected: Fields, differences: Differences): Promise<void> {
  const message = await readMessage(frame)
  /** What a Date cannot hold stays readable in the headers. */
  const ms = (date: Date | undefined, header: string): string | null => {
    const value = date?.getTime() ?? frame.headers.get(header)?.value
    return value === undefined || value === null ? null : String(value)
  }
  const actual: Record<string, string | null> = {
    id: message.id,
    topic: message.topic,
    publisher: message.publisher ?? null,
    userid: message.userId ?? null,
    nick: message.nick ?? null,
    time_ms: ms(message.time, 'time'),
    outtime_ms: ms(message.outTime, 'outtime'),
    dataid: message.dataId ?? null,
    content: message.content,
  }
  differences.knownFields('expected.message', expected, Object.keys(actual))
  for (const [name, value] of Object.entries(expected)) {
    if (!Object.hasOwn(actual, name)) continue
    // A message without a topic or content has an empty one here.
    const empty = value === null && (name === 'topic' || name === 'content')
    differences.same(`message.${name}`, actual[name], value, empty ? [''] : [])
  }
}

/** Lengths from a list, or from the first to the last of a range. */
function lengthsOf(given: Fields[string] | undefined): number[] {
  if (Array.isArray(given)) return given.map((length) => number({ length }, 'length'))
  if (!isFields(given)) throw new BadCase('"error_for_prefix_lengths" must be a range')
  const from = number(given, 'from')
  const to = number(given, 'to')
  if (from < 0 || to < from) throw new BadCase('"error_for_prefix_lengths" must go from 0 or more upwards')
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

/** `decodes`, or what it threw. */
function outcome(frame: Uint8Array): string {
  try {
    decodeFrame(frame)
    return 'decodes'
  } catch (error) {
    return error instanceof IsomqError ? error.code : String(error)
  }
}

export const tmc: Readonly<Record<string, Judge>> = {
  sign(input, expected, differences) {
    differences.knownFields('expected', expected, SIGNED)
    text(expected, 'sign')
    checkSign(signature(input), expected, differences)
  },

  connect(input, expected, differences) {
    // The other order of the headers is that of a Java HashMap; it is free.
    differences.knownFields('expected', expected, [...SIGNED, ...WRITTEN, 'java_hashmap_order'])
    const sign = signature(input)
    checkSign(sign, expected, differences)
    compareWritten(encodeConnect(connectHeaders(input, sign), flagOf(input)), expected, differences)
  },

  pull: written((input) => encodePull(tokenOf(input))),
  confirm: written((input) => encodeConfirm(tokenOf(input), idOf(input))),
  fail: written((input) => encodeFail(tokenOf(input), idOf(input), text(input, 'msg'))),
  publish: written((input) => {
    const fields = { topic: text(input, 'topic'), content: text(input, 'content') }
    const session = typeof input.session === 'string' ? { session: input.session } : {}
    return encodeProduce(tokenOf(input), { ...fields, ...session }, flagOf(input))
  }),

  async decode(input, expected, differences) {
    const known = ['protocol_version', 'message_type', 'status_code', 'status_phrase', 'flag', 'token']
    differences.knownFields('expected', expected, [...known, 'content', 'is_error', 'message'])
    const raw = bytes(input, 'frame_hex')
    const frame = decodeFrame(raw)
    if (expected.protocol_version !== undefined)
      differences.same('protocol_version', raw[0], expected.protocol_version)
    compareFrame(frame, expected, differences)
    compareContent(frame, expected.content, differences)
    if (expected.message !== undefined && expected.message !== null && !isFields(expected.message))
      throw new BadCase('"message" must be an object')
    if (isFields(expected.message)) await checkMessage(frame, expected.message, differences)
  },

  'decode-prefixes'(input, expected, differences) {
    differences.knownFields('expected', expected, ['full_frame_decodes', 'error_for_prefix_lengths'])
    const raw = bytes(input, 'frame_hex')
    if (expected.full_frame_decodes !== undefined) {
      const decodes = outcome(raw) === 'decodes'
      differences.same('full_frame_decodes', decodes, expected.full_frame_decodes)
    }
    for (const length of lengthsOf(expected.error_for_prefix_lengths))
      differences.same(`the first ${length} bytes`, outcome(raw.subarray(0, length)), 'PROTOCOL')
  },
}
