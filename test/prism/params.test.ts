// Parameters as texts, and what becomes of them on the wire.
import { type PrismParams, paramText, verifyRequest } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { rejection } from '../support/events.ts'
import { CONFIG, gateway, own } from './gateway.ts'

describe('the text of a value', () => {
  test.each<[string, unknown, string]>([
    ['a text', ' <a>&\u2028 ', ' <a>&\u2028 '],
    ['an empty text', '', ''],
    ['zero', 0, '0'],
    ['minus zero', -0, '0'],
    ['a fraction', -1.5, '-1.5'],
    ['a large number', 1e21, '1e+21'],
    ['a number that is just not large', 123456789012345680000, '123456789012345680000'],
    ['a small number', 1e-7, '1e-7'],
    ['a number that is just not small', 0.000001, '0.000001'],
    ['true', true, 'true'],
    ['false', false, 'false'],
    ['a bigint', 2n ** 64n, '18446744073709551616'],
    ['a list', [1, 'a', null, [true]], '[1,"a",null,[true]]'],
    ['an empty list', [], '[]'],
    ['an empty object', {}, '{}'],
    ['a hole of a list', [undefined, 1], '[null,1]'],
    [
      'an object, sorted all the way down',
      { b: 1, a: { d: [{ f: 1, e: 2 }], c: 3 } },
      '{"a":{"c":3,"d":[{"e":2,"f":1}]},"b":1}',
    ],
    ['keys that are numbers, sorted as texts', { 9: 1, 10: 2, a: 3 }, '{"10":2,"9":1,"a":3}'],
    ['keys that begin alike', { ab: 1, a: 2, 'a!': 3 }, '{"a":2,"a!":3,"ab":1}'],
    [
      'keys beyond U+FFFF behind those of U+E000',
      { '\u{1f600}': 1, '\ue000': 2, '\uffff': 3 },
      '{"\ue000":2,"\uffff":3,"\u{1f600}":1}',
    ],
    ['what HTML would read', { '<b>': 'x & y' }, '{"\\u003cb\\u003e":"x \\u0026 y"}'],
    ['what JavaScript would read', ['\u2028\u2029'], '["\\u2028\\u2029"]'],
    ['what JSON escapes', ['"\\\n\t\u0001'], '["\\"\\\\\\n\\t\\u0001"]'],
    ['half a character', ['\ud800'], '["\\ud800"]'],
    ['a key named __proto__', JSON.parse('{"b":1,"__proto__":{"a":2}}'), '{"__proto__":{"a":2},"b":1}'],
    ['fields that are undefined', { a: undefined, b: null }, '{"b":null}'],
    ['what says its own JSON', { toJSON: () => ({ z: 1, a: 2 }) }, '{"a":2,"z":1}'],
    ['a date, as JSON has it', new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ])('%s', (_, value, expected) => {
    expect(paramText(value)).toBe(expected)
  })

  test('null and undefined have none', () => {
    expect([paramText(null), paramText(undefined)]).toEqual([undefined, undefined])
  })

  const cycle: unknown[] = []
  cycle.push({ cycle })
  let deep: unknown = 'deep'
  for (let i = 0; i < 200_000; i++) deep = [deep]

  test.each<[string, unknown]>([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
    ['NaN deep inside', { a: [{ b: Number.NaN }] }],
    ['Infinity in a list', [Number.POSITIVE_INFINITY]],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a cycle', cycle],
    ['a bigint inside', { n: 1n }],
    ['a date that is none', new Date(Number.NaN)],
    ['what says nothing', { toJSON: () => undefined }],
    [
      'what throws',
      {
        toJSON: () => {
          throw new Error('no')
        },
      },
    ],
    ['more depth than the stack has', deep],
  ])('%s is refused, and nothing is sent', async (_, value) => {
    expect(() => paramText(value)).toThrow(CONFIG)
    const { client, calls } = gateway()
    expect(await rejection(client.get('x', { value }))).toEqual(CONFIG)
    expect(calls).toEqual([])
  })

  test('is the same when it is made of itself', () => {
    const text = paramText({ b: ['<', 1.5, null], a: '\u{1f600}' })!
    expect(paramText(JSON.parse(text))).toBe(text)
  })
})

describe('parameters', () => {
  const sent = async (params: unknown) => {
    const { client, calls } = gateway()
    await client.get('x', params as PrismParams)
    await client.post('x', params as PrismParams)
    const [get, post] = calls
    expect(own(post!.form)).toEqual(own(get!.query))
    expect([post!.query, get!.body]).toEqual([[], undefined])
    return own(get!.query)
  }

  test('may be an object, pairs, a URLSearchParams, a Map or whatever gives pairs', async () => {
    const pairs = [
      ['a', '1'],
      ['b', '2'],
    ] as const
    function* generated() {
      yield* pairs
    }
    for (const params of [
      () => ({ a: 1, b: '2' }),
      () => pairs,
      () => new URLSearchParams('a=1&b=2'),
      () => new Map(pairs),
      generated,
    ]) {
      const { client, calls } = gateway()
      await client.get('x', params())
      await client.post('x', params())
      expect(calls.map(({ query, form }) => own([...query, ...form]))).toEqual([pairs, pairs])
    }
  })

  test('none are none', async () => {
    for (const params of [undefined, null, {}, [], { a: null, b: undefined }, [['a', null]]]) {
      expect(await sent(params)).toEqual([])
    }
  })

  test('of one name keep their order and number', async () => {
    const params = new URLSearchParams('a=3&b=0&a=1&a=1&a=')
    expect(await sent(params)).toEqual([...params])
  })

  test.each([
    '',
    ' ',
    '__proto__',
    'constructor',
    '&=?#/%+',
    '中文',
    '\u{1f600}',
    'a\0b',
    "!'()*~",
    'a\r\nb',
    'SIGN',
    'sign ',
    '%73ign',
  ])('named %j, with the same for a value, arrive as they were', async (name) => {
    expect(await sent([[name, name]])).toEqual([[name, name]])
    expect(await sent(JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(name)}}`))).toEqual([
      [name, name],
    ])
  })

  test('with half a character arrive as every encoder writes it, and are signed so', async () => {
    const { client, calls } = gateway()
    await client.get('x', { a: 'x\ud800y', b: '\udc00' })
    const [{ url, at }] = calls as [(typeof calls)[0]]
    expect(own([...url.searchParams])).toEqual([
      ['a', 'x\ufffdy'],
      ['b', '\ufffd'],
    ])
    const verdict = await verifyRequest(new Request(url), { secret: 'marker-secret', now: at })
    expect(verdict.valid).toBe(true)
  })

  test.each<[string, unknown]>([
    ['a text', 'a=1'],
    ['a number', 5],
    ['a function', () => ({})],
    ['a list of texts', ['ab', 'cd']],
    ['a list of numbers', [1, 2]],
    ['bytes', new Uint8Array(2)],
    ['a list with a hole', [null]],
    ['names that are numbers', [[1, 'a']]],
    ['names that are missing', [[]]],
  ])('that are %s are refused', async (_, params) => {
    const { client, calls } = gateway()
    for (const call of [
      () => client.get('x', params as PrismParams),
      () => client.post('x', params as PrismParams),
      () => client.post('x', {}, { query: params as PrismParams }),
    ]) {
      expect(await rejection(call())).toEqual(CONFIG)
    }
    expect(calls).toEqual([])
  })

  test('are not changed, and may be changed while the call is made', async () => {
    const { client, calls } = gateway()
    const params: Record<string, unknown> = Object.freeze({ a: 1, list: Object.freeze([2]) })
    await client.post('x', params)
    const pairs = [['a', '1']] as [string, string][]
    const call = client.get('x', pairs)
    pairs[0]![1] = '2'
    pairs.push(['b', '3'])
    await call
    expect(calls.map(({ query, form }) => own([...query, ...form]))).toEqual([
      [
        ['a', '1'],
        ['list', '[2]'],
      ],
      [['a', '1']],
    ])
  })
})
