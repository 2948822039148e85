import { decodeDelivery, encodeAck } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { seeded } from '../support/random.ts'

const PROTOCOL = expect.objectContaining({ code: 'PROTOCOL' })
const TAG = '9007199254740993'
const OTHER = '9007199254740995'

describe('the tag of a delivery is exact', () => {
  test.each([
    ['as the last field', `{"key":"k","body":"b","tag":${TAG}}`],
    ['as the first field', `{"tag":${TAG},"key":"k","body":"b"}`],
    ['with space around', `{ "body" : "b" , "tag" : \r\n\t${TAG} }`],
    ['with more space than anybody writes', `{"tag":${' '.repeat(100)}${TAG}${' '.repeat(100)}}`],
    ['as text', `{"tag":"${TAG}"}`],
    ['beside another text of long digits', `{"body":"${OTHER}","tag":${TAG}}`],
    ['beside a long number', `{"tag":${TAG},"time":${OTHER}}`],
    ['beside a text that ends like a tag', `{"body":"${OTHER},","tag":${TAG},"app":"\\"tag\\":${OTHER},"}`],
    ['beside a value that is its name', `{"tag":${TAG},"key":"tag","app":"tag"}`],
    ['beside a name that ends like it', `{"tag":${TAG},"x\\"tag":5}`],
    ['beside a name that ends like it, of a long number', `{"tag":${TAG},"x\\"tag":${OTHER}}`],
    ['behind a backslash', `{"body":"\\\\","tag":${TAG},"app":"\\\\"}`],
    ['behind a body that is an object', `{"body":{"tag":${OTHER}},"tag":${TAG}}`],
    ['before a body that is an object', `{"tag":${TAG},"body":{"tag":${OTHER}}}`],
    ['before a body that is a list', `{"tag":${TAG},"body":[{"tag":${OTHER}}]}`],
    ['before an object that nobody reads', `{"tag":${TAG},"x":{"tag":${OTHER}},"body":"b"}`],
    ['when its name is spelled with escapes', `{"body":"\\u0041","t\\u0061g":${TAG}}`],
    ['when it comes twice', `{"tag":${OTHER},"tag":${TAG}}`],
    ['when it comes twice, the second time with escapes', `{"tag":9007199254740992,"\\u0074ag":${TAG}}`],
    ['when it comes twice, the first time with escapes', `{"ta\\u0067":9007199254740992,"tag":${TAG}}`],
    ['when it comes first as an object', `{"tag":{"tag":${OTHER}},"tag":${TAG}}`],
  ])('%s', (_, text) => {
    expect(decodeDelivery(text).tag).toBe(TAG)
    expect(decodeDelivery(new TextEncoder().encode(text)).tag).toBe(TAG)
  })

  test.each([
    '0',
    '-1',
    '9007199254740991',
    '-9007199254740993',
    '18446744073709551615',
    '99999999999999999999',
  ])('whatever its size: %s', (tag) => {
    expect(decodeDelivery(`{"tag":${tag}}`).tag).toBe(tag)
    expect(decodeDelivery(`{"tag":"${tag}"}`).tag).toBe(tag)
    expect(encodeAck(tag)).toEqual(new TextEncoder().encode(`\x03${tag}`))
  })

  test.each([
    '1.5',
    '9007199254740993.5',
    '9007199254740993e0',
    '1e20',
    '1e999',
    '100000000000000000000000',
    '{}',
    `{"tag":${TAG}}`,
    'null',
  ])('and nothing else is one: %s', (tag) => {
    expect(() => decodeDelivery(`{"tag":${tag}}`)).toThrow(PROTOCOL)
  })

  test('however the JSON is written', () => {
    const random = seeded(7)
    const below = (count: number) => Math.floor(random() * count)
    const pick = <T>(...of: T[]): T => of[below(of.length)]!
    const digits = () => pick('', '-') + String(2n ** 53n + BigInt(below(9)))
    const space = () => pick('', '', '', ' ', '\n', ' \t')
    const spelled = (unit: string) =>
      random() < 0.05
        ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
        : JSON.stringify(unit).slice(1, -1)
    const name = (text: string) => `"${text.replace(/./g, spelled)}"`
    const pair = (key: string, value: string) =>
      `${space()}${name(key)}${space()}:${space()}${value}${space()}`
    const strings = [
      '"tag"',
      '"tag":',
      `"tag":${OTHER},`,
      `{"tag":${OTHER}}`,
      'a\\',
      ',',
      OTHER,
      '\\u0074ag',
      'g',
      'é😀',
    ]
    const string = () => strings.filter(() => random() < 0.3).join('')
    const nested = () =>
      pick(
        `{${pair('tag', digits())}}`,
        `[${digits()}]`,
        digits(),
        'null',
        'true',
        '{}',
        '5',
        `[{${pair('x', '1')}}]`,
      )

    for (let i = 0; i < 3000; i++) {
      const body = string()
      const pairs = [
        pair('body', JSON.stringify(body)),
        pair('key', JSON.stringify(string())),
        pair('time', '1400567172'),
      ]
      if (random() < 0.2) pairs.push(pair(pick('x', 'tagg', 'a"tag'), nested()))
      let tag = ''
      for (let many = pick(1, 1, 1, 2); many > 0; many--)
        pairs.splice(below(pairs.length + 1), 0, pair('tag', 'TAG'))
      const text = `{${pairs.join(',')}}`.replace(
        /TAG/g,
        () => (tag = pick(digits(), digits(), String(below(99)))),
      )
      expect(decodeDelivery(text), text).toMatchObject({ tag, body })
    }
  })
})

test('a body that is JSON arrives as JSON text', () => {
  expect(decodeDelivery('{"tag":1,"body":{"a":[1,"x"]}}').body).toBe('{"a":[1,"x"]}')
  expect(decodeDelivery(`{"tag":1,"body":${TAG}}`).body).toBe(TAG)
  expect(decodeDelivery(`{"tag":${TAG},"body":[${TAG}]}`).body).toBe(`["${TAG}"]`)
})
