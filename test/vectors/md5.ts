import { signTop } from 'isomq/tmc'
import * as own from '../../src/core/md5.ts'
import {
  BadCase,
  bytes,
  type Differences,
  type Fields,
  isFields,
  number,
  text,
  toHex,
  utf8,
} from './compare.ts'
import type { Judge } from './run.ts'

type Data = string | Uint8Array<ArrayBuffer>

function dataOf(input: Fields): Data {
  if (input.text !== undefined) return text(input, 'text')
  if (input.hex !== undefined) return bytes(input, 'hex')
  const { repeat, pattern } = input
  if (isFields(repeat)) return text(repeat, 'unit').repeat(number(repeat, 'count'))
  if (isFields(pattern)) return patternOf(pattern, number(input, 'length'))
  throw new BadCase('one of "text", "hex", "repeat" and "pattern" must be given')
}

function patternOf(pattern: Fields, length: number): Uint8Array<ArrayBuffer> {
  const a = number(pattern, 'a')
  const b = number(pattern, 'b')
  return Uint8Array.from({ length }, (_, i) => (a * i + b) % 256)
}

async function check(what: string, data: Data, expected: Fields[string], differences: Differences) {
  const raw = typeof data === 'string' ? utf8(data) : data
  differences.same(what, own.md5Hex(data), expected)
  differences.same(`${what} of the bytes`, own.md5Hex(raw), expected)
  differences.same(`${what} as bytes`, toHex(own.md5(raw)), expected)
  // The public way to a digest: without a secret a signature is the MD5 of one name and its value.
  if (typeof data !== 'string' || data.length < 2) return
  const signature = await signTop({ [data.slice(0, 1)]: data.slice(1) }, '')
  differences.same(`${what} through signTop`, signature.toLowerCase(), expected)
}

export const md5: Readonly<Record<string, Judge>> = {
  async md5(input, expected, differences) {
    differences.knownFields('expected', expected, ['byte_length', 'md5', 'md5s'])
    const { lengths, pattern } = input
    if (Array.isArray(lengths) && isFields(pattern)) {
      const digests = expected.md5s
      if (!Array.isArray(digests) || digests.length !== lengths.length || lengths.length === 0)
        throw new BadCase('"md5s" must have a digest for each of "lengths"')
      for (const [i, length] of lengths.entries()) {
        if (typeof length !== 'number') throw new BadCase('"lengths" must be numbers')
        await check(`md5 of ${length} bytes`, patternOf(pattern, length), digests[i]!, differences)
      }
      return
    }
    const data = dataOf(input)
    const length = (typeof data === 'string' ? utf8(data) : data).length
    if (expected.byte_length !== undefined) differences.same('byte_length', length, expected.byte_length)
    await check('md5', data, text(expected, 'md5'), differences)
  },
}
