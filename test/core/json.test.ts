import { expect, test } from 'vitest'
import { parseExact } from '../../src/core/json.ts'

test.each([
  ['{"id":9007199254740993}', { id: '9007199254740993' }],
  ['[-1234567890123456,123456789012345]', ['-1234567890123456', 123456789012345]],
  ['["9007199254740993","a\\"9007199254740993"]', ['9007199254740993', 'a"9007199254740993']],
  ['["\\\\",9007199254740993]', ['\\', '9007199254740993']],
  ['[1234567890123456.5,1234567890123456e3]', [1234567890123456.5, 1234567890123456e3]],
  ['{"9007199254740993":1}', { '9007199254740993': 1 }],
  ['"x"', 'x'],
])('keeps the digits of long integers, and nothing else is changed: %s', (text, value) => {
  expect(parseExact(text)).toEqual(value)
})

test('what is no JSON throws, and a long text takes no long time', () => {
  expect(() => parseExact('{')).toThrow(SyntaxError)
  expect(() => parseExact(`["${'\\"'.repeat(500_000)}`)).toThrow(SyntaxError)
  const long = `["${'\\"'.repeat(2_000_000)}",9007199254740993]`
  expect((parseExact(long) as string[])[1]).toBe('9007199254740993')
  expect((parseExact(`[${'9'.repeat(300_000)}.5]`) as number[])[0]).toBe(Number.POSITIVE_INFINITY)
})
