// The canonical text against another one, written here byte by byte from the protocol.
import { canonicalRequest, type PrismPairs, type PrismSigned, signRequest } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { seeded } from '../support/random.ts'

const bytesOf = (text: string): number[] => [...new TextEncoder().encode(text)]

const escaped = (bytes: readonly number[]): string =>
  bytes
    .map((byte) => {
      const unit = String.fromCharCode(byte)
      return /[A-Za-z0-9\-._~]/.test(unit) ? unit : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')

/** Less, equal or more, byte by byte. */
function order(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

function joined(pairs: PrismPairs): string {
  const sorted = pairs
    .filter(([name]) => name !== 'sign')
    .map(([name, value], i) => ({ name: bytesOf(name), value, i }))
    .sort((a, b) => order(a.name, b.name) || a.i - b.i)
  return escaped(
    sorted.flatMap(({ name, value }, i) => [...(i ? bytesOf('&') : []), ...name, ...bytesOf(`=${value}`)]),
  )
}

function headerName(name: string): string {
  const words = name.split('-').map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
  return words.join('-')
}

function canonical({
  method,
  path,
  headers = [],
  query = [],
  body = [],
  secret,
}: PrismSigned & { secret: string }): string {
  const bytes: number[] = []
  for (let i = 0; i < path.length; i++) {
    const digits = path.slice(i + 1, i + 3)
    if (path[i] === '%' && /^[\da-f]{2}$/i.test(digits)) {
      bytes.push(Number.parseInt(digits, 16))
      i += 2
    } else {
      const unit = String.fromCodePoint(path.codePointAt(i)!)
      bytes.push(...bytesOf(unit))
      i += unit.length - 1
    }
  }
  const signed = headers
    .map(([name, value]) => [headerName(name), value] as const)
    .filter(([name]) => name === 'Authorization' || name.startsWith('X-Api-'))
  return [secret, method, escaped(bytes), joined(signed), joined(query), joined(body), secret].join('&')
}

const base = { method: 'GET', path: '/api/x', secret: 's3cret' } as const

describe('the canonical text', () => {
  test('is that of the protocol for whatever can be sent', () => {
    const random = seeded(3)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
    const letters = [
      ...'abAB019-._~!*\'()&=?#%+/\\ "<>|`{}\r\n\t\0',
      '中',
      'é',
      '\u{1f600}',
      '\ue000',
      '\uffff',
      '%41',
      '%zz',
      '%E4%B8',
    ]
    const text = (most: number) => Array.from({ length: random() * most }, () => pick(letters)).join('')
    const pairs = () =>
      Array.from({ length: random() * 8 }, () => [pick([text(4), 'a', 'sign', '']), text(6)] as const)
    const names = [
      'x-api-a',
      'X-API-B',
      'X-Api-C-dEf',
      'Foo-X-Api-A',
      'AUTHORIZATION',
      'authorization',
      'accept',
      'x-apia',
      'X-Api-',
    ]
    for (let i = 0; i < 2_000; i++) {
      const request = {
        method: pick(['GET', 'POST', 'PUT', 'DELETE']),
        path: `/${text(12)}`,
        headers: Array.from({ length: random() * 5 }, () => [pick(names), text(4)] as const),
        query: pairs(),
        body: pairs(),
        secret: text(8),
      }
      expect(canonicalRequest(request)).toBe(canonical(request))
    }
  })

  test('has seven parts even when there is nothing in them', () => {
    expect(canonicalRequest({ ...base, path: '' })).toBe('s3cret&GET&&&&&s3cret')
  })

  test('has the method in capitals', () => {
    expect(canonicalRequest({ ...base, method: 'delete' })).toBe('s3cret&DELETE&%2Fapi%2Fx&&&&s3cret')
  })

  test('does not care how the letters of a path are escaped', () => {
    const paths = ['/a~b/中', '/%61%7Eb/%e4%b8%ad', '/a%7eb/%E4%B8%AD']
    expect(new Set(paths.map((path) => canonicalRequest({ ...base, path })))).toEqual(
      new Set(['s3cret&GET&%2Fa~b%2F%E4%B8%AD&&&&s3cret']),
    )
  })

  test.each([
    ['/%2541', '%2F%2541'],
    ['/100%', '%2F100%25'],
    ['/%zz', '%2F%25zz'],
    ['/%ff', '%2F%FF'],
    ['/a%2Fb', '%2Fa%2Fb'],
    ['/a+b c', '%2Fa%2Bb%20c'],
    ["/!*'()", '%2F%21%2A%27%28%29'],
  ])('has the path %s as %s', (path, part) => {
    expect(canonicalRequest({ ...base, path })).toBe(`s3cret&GET&${part}&&&&s3cret`)
  })

  test.each<[string, string | undefined]>([
    ['authorization', 'Authorization'],
    ['AUTHORIZATION', 'Authorization'],
    ['x-api-foo', 'X-Api-Foo'],
    ['X-API-FOO-bar', 'X-Api-Foo-Bar'],
    ['x-api-1a', 'X-Api-1a'],
    ['X-Api-', 'X-Api-'],
    ['X-Api', undefined],
    ['X-Apix-A', undefined],
    ['Foo-X-Api-Bar', undefined],
    ['Proxy-Authorization', undefined],
    ['Content-Type', undefined],
  ])('has the header %s as %s', (name, signed) => {
    const part = signed === undefined ? '' : `${signed}%3Dv%20v`
    expect(canonicalRequest({ ...base, headers: [[name, 'v v']] })).toBe(
      `s3cret&GET&%2Fapi%2Fx&${part}&&&s3cret`,
    )
  })

  test('has the signature of the query and of the form left out, and no other case of it', () => {
    const pairs = [
      ['sign', 'x'],
      ['Sign', 'y'],
      ['sign', 'z'],
    ] as const
    expect(canonicalRequest({ ...base, query: pairs, body: pairs })).toBe(
      's3cret&GET&%2Fapi%2Fx&&Sign%3Dy&Sign%3Dy&s3cret',
    )
  })

  test('sorts names by their bytes and keeps the order of those that are the same', () => {
    const names = ['b', '\u{1f600}', '\uffff', '\ue000', 'a', 'B', '', 'ab', 'a', 'é', '\ud7ff']
    const query = names.map((name, i) => [name, String(i)] as const)
    const [, , , , part] = canonicalRequest({ ...base, query }).split('&')
    expect(decodeURIComponent(part!)).toBe(
      '=6&B=5&a=4&a=8&ab=7&b=0&é=9&\ud7ff=10&\ue000=3&\uffff=2&\u{1f600}=1',
    )
  })

  test('changes nothing that it is given', () => {
    const query = Object.freeze([Object.freeze(['b', '1'] as const), Object.freeze(['a', '2'] as const)])
    const request = Object.freeze({ ...base, query, headers: query, body: query })
    expect(signRequest(request)).toBe(signRequest(request))
  })
})

describe('the signature', () => {
  test('is that of the vendor’s Go, PHP, Java and JavaScript clients', () => {
    const query = [
      ['client_id', 'umjj5xj6'],
      ['sign_method', 'md5'],
      ['sign_time', '1400567172'],
    ] as const
    const request = { method: 'GET', path: '/api/platform/notify', query, secret: 'xa4k7gzyemzj0000apdb' }
    expect(signRequest(request)).toBe('6F5BB689280EA5887907E5C3F0BCB430')
  })

  test('covers each part, and the secret', () => {
    const one = [['X-Api-A', '1']] as const
    const requests: (PrismSigned & { secret: string })[] = [
      base,
      { ...base, method: 'POST' },
      { ...base, path: '/api/y' },
      { ...base, headers: one },
      { ...base, query: one },
      { ...base, body: one },
      { ...base, secret: 's3cretX' },
    ]
    const signatures = requests.map(signRequest)
    expect(new Set(signatures).size).toBe(requests.length)
    for (const signature of signatures) expect(signature).toMatch(/^[0-9A-F]{32}$/)
  })

  test('of a body of a megabyte is made', () => {
    const body = [['data', '中&='.repeat(200_000)]] as const
    expect(canonicalRequest({ ...base, body })).toBe(canonical({ ...base, body }))
    expect(signRequest({ ...base, body })).toMatch(/^[0-9A-F]{32}$/)
  })
})
