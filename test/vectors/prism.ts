import {
  canonicalRequest,
  encodeAck,
  encodeConsume,
  encodePublish,
  type PrismPairs,
  paramText,
  signRequest,
} from 'isomq/prism'
import {
  BadCase,
  type Differences,
  type Fields,
  isFields,
  type Json,
  number,
  text,
  toHex,
  utf8,
} from './compare.ts'
import type { Judge } from './run.ts'

const FRAME = [
  'frame_length',
  'frame_sha256',
  'frame_head_hex',
  'frame_tail_hex',
  'frame_hex',
  'websocket_opcode',
  'length',
  'head',
  'tail',
  'sha256',
]
const PIECE = 32
const BINARY = 2

/** Pairs of texts, in order; nothing when they are not given. */
function pairs(fields: Fields, name: string): PrismPairs {
  const given = fields[name] ?? []
  if (!Array.isArray(given)) throw new BadCase(`"${name}" must be a list of pairs`)
  return given.map((pair: Json) => {
    if (Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === 'string')) {
      return pair as unknown as [string, string]
    }
    throw new BadCase(`"${name}" must be a list of pairs of texts`)
  })
}

const sign: Judge = (input, expected, differences) => {
  differences.knownFields('expected', expected, ['canonical', 'sign'])
  const request = {
    method: text(input, 'method'),
    path: text(input, 'path'),
    headers: pairs(input, 'headers'),
    query: pairs(input, 'query'),
    body: pairs(input, 'body'),
    secret: text(input, 'secret'),
  }
  if (expected.canonical !== undefined)
    differences.same('canonical', canonicalRequest(request), expected.canonical)
  if (expected.sign !== undefined) differences.same('sign', signRequest(request), expected.sign)
}

const paramString: Judge = ({ values }, expected, differences) => {
  differences.knownFields('expected', expected, ['strings'])
  if (!Array.isArray(values)) throw new BadCase('"values" must be a list')
  differences.same(
    'strings',
    values.map((value: Json) => paramText(value) ?? null),
    expected.strings,
  )
}

/** The text itself, or as a piece that is repeated. */
function bodyOf({ body, body_repeat: repeat }: Fields): string {
  if (typeof body === 'string') return body
  if (isFields(repeat)) return text(repeat, 'unit').repeat(number(repeat, 'count'))
  throw new BadCase('"body" must be a text, or "body_repeat" given')
}

const optional = (fields: Fields, name: string): string | undefined =>
  fields[name] === undefined || fields[name] === null ? undefined : text(fields, name)

const frame =
  (encode: (input: Fields) => Uint8Array<ArrayBuffer>): Judge =>
  async (input, expected, differences) => {
    differences.knownFields('expected', expected, FRAME)
    await compareFrame(encode(input), expected, differences)
  }

async function compareFrame(
  actual: Uint8Array<ArrayBuffer>,
  expected: Fields,
  differences: Differences,
): Promise<void> {
  const found: Record<string, () => Json | Promise<Json>> = {
    length: () => actual.length,
    head: () => toHex(actual.subarray(0, PIECE)),
    tail: () => toHex(actual.subarray(-PIECE)),
    sha256: async () => toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', actual))),
    hex: () => toHex(actual),
  }
  for (const [name, value] of Object.entries(expected)) {
    // It is left out where it would be long.
    if (name === 'frame_hex' && value === null) continue
    if (name === 'websocket_opcode') differences.same(name, BINARY, value)
    else differences.same(name, await found[name.replace(/^frame_|_hex$/g, '') || 'hex']!(), value)
  }
}

/** By `op`. */
export const prism: Readonly<Record<string, Judge>> = {
  sign,
  'param-string': paramString,
  publish: frame((input) =>
    encodePublish({
      routingKey: text(input, 'routing_key'),
      body: utf8(bodyOf(input)),
      contentType: optional(input, 'content_type'),
    }),
  ),
  consume: frame((input) => encodeConsume(optional(input, 'queue'))),
  ack: frame(({ tag }) => encodeAck(typeof tag === 'number' ? tag : text({ tag: tag ?? null }, 'tag'))),
}
