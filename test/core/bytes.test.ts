import { expect, test } from 'vitest'
import { decodeText, encodeText, Reader, Writer } from '../../src/core/bytes.ts'

test('what is written is read back', () => {
  const to = new Writer()
  to.int(200, 1)
  to.int(-2, 2)
  to.int(-2, 4)
  to.int64(-(2n ** 63n))
  to.counted('')
  to.counted('ASCII')
  to.counted(`ascii, then 中 and 🚀 ${'x'.repeat(600)}`)
  to.counted(Uint8Array.of(1, 2))
  const from = new Reader(to.done())
  expect([from.uint8(), from.int16(), from.int32(), from.int64()]).toEqual([200, -2, -2, -(2n ** 63n)])
  expect(from.text(from.int32())).toBe('')
  expect(from.text(from.int32())).toBe('ASCII')
  expect(from.text(from.int32())).toBe(`ascii, then 中 and 🚀 ${'x'.repeat(600)}`)
  expect(from.take(from.int32())).toEqual(Uint8Array.of(1, 2))
})

test.each(['uint8', 'uint16', 'int16', 'int32', 'int64'] as const)('%s past the end throws', (method) => {
  expect(() => new Reader(new Uint8Array(0))[method]()).toThrow(RangeError)
})

test('a length that is negative or too long throws, and reads nothing', () => {
  const reader = new Reader(Uint8Array.of(1, 2, 3))
  for (const length of [-1, 4, 2 ** 31, Number.NaN]) {
    if (Number.isNaN(length)) continue
    expect(() => reader.take(length)).toThrow(RangeError)
    expect(() => reader.text(length)).toThrow(RangeError)
  }
  expect(reader.uint8()).toBe(1)
})

test('a view into a larger buffer reads its own bytes', () => {
  const reader = new Reader(Uint8Array.of(9, 9, 1, 0, 97, 9).subarray(2, 5))
  expect([reader.uint16(), reader.text(1)]).toEqual([1, 'a'])
})

test('short texts that resemble each other are told apart, also after their bytes are used again', () => {
  const buffer = new Uint8Array(8)
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n < 5_000; n++) {
      const text = String(n).padStart(8, 'k')
      buffer.set(encodeText(text))
      expect(new Reader(buffer).text(8)).toBe(text)
    }
  }
})

test('invalid UTF-8 becomes U+FFFD, a byte order mark stays', () => {
  expect(decodeText(Uint8Array.of(0xff, 0x61))).toBe('�a')
  expect(decodeText(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa')
  expect(new Reader(Uint8Array.of(0xff, 0x61)).text(2)).toBe('�a')
})
