// Where a call goes.
import { describe, expect, test } from 'vitest'
import { rejection } from '../support/events.ts'
import { CONFIG, gateway, isSigned, own } from './gateway.ts'

describe('the base URL', () => {
  test.each([
    ['http://h.test/api', 'a/b', 'http://h.test/api/a/b'],
    ['http://h.test/api', '/a/b', 'http://h.test/api/a/b'],
    ['http://h.test/api/', 'a/b', 'http://h.test/api/a/b'],
    ['http://h.test/api/', '//a/b', 'http://h.test/api/a/b'],
    ['http://h.test/api//', 'a', 'http://h.test/api/a'],
    ['http://h.test', 'a', 'http://h.test/a'],
    ['http://h.test/', '/a', 'http://h.test/a'],
    ['http://h.test:8080/x/api-sandbox', 'a', 'http://h.test:8080/x/api-sandbox/a'],
    ['http://api', 'a', 'http://api/a'],
    ['http://[::1]:81/api', 'a', 'http://[::1]:81/api/a'],
    ['HTTP://H.test/API/%7e', 'a', 'http://h.test/API/%7e/a'],
    ['http://h.test/中', 'a', 'http://h.test/%E4%B8%AD/a'],
    ['http://h.test/api ', 'a', 'http://h.test/api/a'],
    ['http://h.test/api\n', 'a', 'http://h.test/api/a'],
  ])('%j and the path %j make %s', async (baseUrl, path, expected) => {
    const { client, calls } = gateway(undefined, { baseUrl })
    await client.post(path)
    expect(calls[0]!.url.href).toBe(expected)
    expect(isSigned(calls[0]!)).toBe(true)
  })

  test.each([
    undefined,
    '',
    'h.test/api',
    '/api',
    'ws://h.test/api',
    'ftp://h.test/api',
    'https://',
    'https://user:pass@h.test/api',
    'https://h.test@evil.test/api',
    'https:h.test',
    ' https://h.test/api',
    'https://h.test/api?a=1',
    'https://h.test/api?',
    'https://h.test/api#top',
    'https://h.test/api#',
    5,
    new URL('https://h.test/api'),
  ])('%j is refused by name', (baseUrl) => {
    expect(() => gateway(undefined, { baseUrl: baseUrl as string })).toThrow(
      expect.objectContaining({ code: 'CONFIG', details: { option: 'baseUrl' } }),
    )
  })
})

describe('the path', () => {
  test.each([
    ['', '/api/'],
    ['/', '/api/'],
    ['.', '/api/'],
    ['a//b', '/api/a//b'],
    ['a/../b', '/api/b'],
    ['a/./b', '/api/a/b'],
    ['../api/x', '/api/x'],
    ['/..;/x', '/api/..;/x'],
    ['https://evil.test/x', '/api/https://evil.test/x'],
    ['//evil.test/x', '/api/evil.test/x'],
    ['\\\\evil.test\\x', '/api///evil.test/x'],
    ['@evil.test', '/api/@evil.test'],
    [':80/x', '/api/:80/x'],
    ['é 中', '/api/%C3%A9%20%E4%B8%AD'],
    ['\u{1f600}', '/api/%F0%9F%98%80'],
    ['x\ud800', '/api/x%EF%BF%BD'],
    ['a%2fb%20%E4', '/api/a%2fb%20%E4'],
    ['100%', '/api/100%'],
    ["~!$&'()*+,;=", "/api/~!$&'()*+,;="],
    ['"<>`{}', '/api/%22%3C%3E%60%7B%7D'],
    ['item#5', '/api/item'],
  ])('%j goes to %s, signed as it goes', async (path, expected) => {
    const { client, calls } = gateway()
    await client.get(path)
    await client.post(path)
    for (const call of calls) {
      expect([call.url.origin, call.url.pathname, call.url.hash]).toEqual([
        'https://prism.test',
        expected,
        '',
      ])
      expect(isSigned(call)).toBe(true)
    }
  })

  test.each([
    '..',
    '../x',
    '/../x',
    'a/../../x',
    '../apix',
    '../api-sandbox/x',
    '%2e%2e/x',
    '.%2E/x',
    '..\\x',
    '.\t./x',
    'a/..//../../x',
  ])('%j would lead out of the base URL and is refused', async (path) => {
    const { client, calls } = gateway()
    expect(await rejection(client.get(path))).toEqual(CONFIG)
    expect(calls).toEqual([])
  })

  test.each([undefined, null, 5, {}, new URL('https://prism.test/api/x')])('%j is no path', async (path) => {
    const { client } = gateway()
    expect(await rejection(client.get(path as string))).toEqual(CONFIG)
  })

  test('with a query has it merged, repeated names and all, and signed decoded', async () => {
    const { client, calls } = gateway()
    const path = 'x?a=1&a=2&b=%20+%26&c&=e&%E4%B8%AD=%zz#f'
    await client.get(path, { a: 3 }, { query: { q: 4 } })
    await client.post(path, { a: 3 }, { query: { q: 4 } })
    const query = [
      ['a', '1'],
      ['a', '2'],
      ['b', '  &'],
      ['c', ''],
      ['', 'e'],
      ['中', '%zz'],
      ['q', '4'],
    ]
    expect(own(calls[0]!.query)).toEqual([...query, ['a', '3']])
    expect(calls[1]!.query).toEqual(query)
    expect(own(calls[1]!.form)).toEqual([['a', '3']])
    expect(calls.map((call) => isSigned(call))).toEqual([true, true])
  })
})
