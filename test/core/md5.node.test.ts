import { createHash, createHmac, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { hmacMd5 } from '../../src/core/hmac-md5.ts'
import { md5, md5Hex } from '../../src/core/md5.ts'
import vectors from '../vectors/md5.json' with { type: 'json' }

interface Input {
  readonly text?: string
  readonly hex?: string
  readonly repeat?: { readonly unit: string; readonly count: number }
  readonly pattern?: { readonly a: number; readonly b: number }
  readonly lengths?: readonly number[]
}
interface Case {
  readonly name: string
  readonly input: Input
  readonly expected: { readonly md5?: string; readonly md5s?: readonly string[] }
}

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const nodeMd5 = (data: string | Uint8Array): string => createHash('md5').update(data).digest('hex')

function messages({ text, hex, repeat, pattern, lengths }: Input): (string | Uint8Array)[] {
  if (text !== undefined) return [text]
  if (hex !== undefined) return [Buffer.from(hex, 'hex')]
  if (repeat) return [repeat.unit.repeat(repeat.count)]
  if (!pattern || !lengths) throw new Error('an input of an unknown kind')
  return lengths.map((length) => Uint8Array.from({ length }, (_, i) => (pattern.a * i + pattern.b) % 256))
}

/** Any UTF-16 units, halves of surrogate pairs among them. */
function randomText(length: number): string {
  const units = new Uint16Array(randomBytes(length * 2).buffer.slice(0, length * 2))
  return String.fromCharCode(...units.map((unit, i) => (i % 3 ? unit & 0x7f : unit)))
}

describe('the MD5 of the vectors', () => {
  test.each(vectors.cases as Case[])('$name', ({ input, expected }) => {
    const digests = messages(input).map((message) => md5Hex(message))
    expect(digests).toEqual(expected.md5s ?? [expected.md5])
  })
})

describe('agrees with the MD5 of Node', () => {
  test('for bytes and text of every length around the blocks', () => {
    for (let length = 0; length <= 300; length++) {
      const bytes = randomBytes(length)
      const text = 'k'.repeat(length)
      expect(md5Hex(bytes), `${length} bytes`).toBe(nodeMd5(bytes))
      expect(md5Hex(text), `${length} characters`).toBe(nodeMd5(text))
      expect(toHex(md5(bytes)), `${length} bytes to bytes`).toBe(nodeMd5(bytes))
    }
  })

  test('for text beyond ASCII, halves of surrogate pairs among it', () => {
    for (let length = 0; length <= 300; length++) {
      const text = randomText(length)
      expect(md5Hex(text), JSON.stringify(text)).toBe(nodeMd5(new TextEncoder().encode(text)))
    }
    expect(md5Hex('a\ud800b')).toBe(nodeMd5('a\ufffdb'))
  })

  test('for a short message after a long one', () => {
    const long = randomBytes(100_000)
    expect(md5Hex(long)).toBe(nodeMd5(long))
    expect(md5Hex('淘'.repeat(5000))).toBe(nodeMd5('淘'.repeat(5000)))
    expect(md5Hex('short')).toBe(nodeMd5('short'))
  })

  test('for a view into a larger buffer, and without touching it', () => {
    const whole = Uint8Array.from({ length: 64 }, (_, i) => i)
    const part = whole.subarray(7, 23)
    expect(md5Hex(part)).toBe(nodeMd5(part))
    expect(whole[7]).toBe(7)
  })
})

test('a digest stays what it was when the next one is made', () => {
  const first = md5('first')
  md5('second')
  expect(toHex(first)).toBe(nodeMd5('first'))
  expect(first.buffer.byteLength).toBe(16)
})

test('HMAC-MD5 agrees with Node for keys and texts of every length around the blocks', () => {
  for (let length = 0; length <= 130; length++) {
    const key = randomBytes(length)
    const data = randomText(length)
    const expected = createHmac('md5', key).update(new TextEncoder().encode(data)).digest('hex')
    expect(toHex(hmacMd5(key, data)), `${length}`).toBe(expected)
  }
  expect(toHex(hmacMd5('密钥', 'data'))).toBe(createHmac('md5', '密钥').update('data').digest('hex'))
})
