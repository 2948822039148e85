// A stream's name in the path of the request: what stays, what is escaped once, what is refused.
import { signPublish } from 'isomq/tambur'
import { describe, expect, test } from 'vitest'
import { CONFIG } from './bench.ts'
import { baseString, isSigned, KEYS, service } from './service.ts'

const START = 'https://api.test/app/app-1/stream/'

/** Where a stream is published to. */
async function pathOf(stream: string): Promise<string> {
  const s = service()
  await s.publisher.publish(stream, 'x')
  const [call] = s.calls
  expect(call!.url.startsWith(START)).toBe(true)
  expect(await isSigned(call!)).toBe(true)
  // What is sent is what was signed, character by character.
  expect(baseString(call!).split('&')[1]).toBe(encodeURIComponent(call!.url).replace(/[!'()*]/g, hexed))
  // The runtime's own parser has nothing left to change.
  expect(new URL(call!.url).href).toBe(call!.url)
  return call!.url.slice(START.length)
}

const hexed = (sign: string) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`

describe('a stream in the path', () => {
  test.each([
    'news',
    'auth:x',
    'private:a0629978-28d8-4fd4-b862-f67e9b6dfd8f',
    'a:b',
    'a;b',
    'a@b',
    'a+b',
    "$&'()*,=!",
    'a.b_c-d~e',
    '[x]',
    '...',
    'a..',
    '.hidden',
    'a%20b',
    'a%2Fb',
    'a%2fb',
    'a%C3%BC',
    'x'.repeat(2_000),
  ])('stays as it is: %s', async (stream) => {
    expect(await pathOf(stream)).toBe(stream)
  })

  test.each<[string, string]>([
    ['a b', 'a%20b'],
    ['Zoë', 'Zo%C3%AB'],
    ['王', '%E7%8E%8B'],
    ['🎈', '%F0%9F%8E%88'],
    ['"<>^`{}|', '%22%3C%3E%5E%60%7B%7D%7C'],
    ['a\\b', 'a%5Cb'],
    ['a\tb', 'a%09b'],
    ['a\r\nb', 'a%0D%0Ab'],
    ['\u0000', '%00'],
    ['\u007f', '%7F'],
    ['\ufeff', '%EF%BB%BF'],
    [' ', '%20'],
  ])('%j is escaped once, as UTF-8: %s', async (stream, path) => {
    expect(await pathOf(stream)).toBe(path)
  })

  test.each<[string, string]>([
    // Escapes of what needs none are undone; the others stay.
    ['a%41b', 'aAb'],
    ['%7e%2D%5f', '~-_'],
    ['a%2eb', 'a.b'],
    // With one that is none, no "%" counts as an escape.
    ['a%zz', 'a%25zz'],
    ['100%', '100%25'],
    ['%', '%25'],
    ['%4', '%254'],
    ['a%20b%', 'a%2520b%25'],
    ['a%41%zz', 'a%2541%25zz'],
    ['%ü', '%25%C3%BC'],
  ])('"%%" in %s: %s', async (stream, path) => {
    expect(await pathOf(stream)).toBe(path)
  })

  test.each<[string, string]>([
    ['a\ud83c', 'a%EF%BF%BD'],
    ['\udf88a', '%EF%BF%BDa'],
    ['\ud83c\ud83c\udf88', '%EF%BF%BD%F0%9F%8E%88'],
  ])('half a character in %j goes as U+FFFD: %s', async (stream, path) => {
    expect(await pathOf(stream)).toBe(path)
  })

  test.each([
    '',
    '.',
    '..',
    '%2e',
    '%2E%2e',
    '.%2e',
    '%2E.',
    '/',
    'a/b',
    '/a',
    'a/',
    '../x',
    'a/../b',
    '?',
    'a?b',
    '#',
    'a#b',
    'auth:a/b',
    'a?b#c',
  ])('%j would lead elsewhere: it is refused, and nothing is sent', async (stream) => {
    const s = service()
    await expect(s.publisher.publish(stream, 'x')).rejects.toEqual(CONFIG)
    const fields = { ...KEYS, message: 'x', nonce: 'n', timestamp: 1 }
    await expect(signPublish({ ...fields, stream })).rejects.toEqual(CONFIG)
    expect([s.calls, s.clock.timers]).toEqual([[], 0])
  })

  test.each([undefined, null, 5, {}, ['news']])('%j is no stream', async (stream) => {
    const s = service()
    await expect(s.publisher.publish(stream as string, 'x')).rejects.toEqual(CONFIG)
    expect(s.calls).toEqual([])
  })

  test('any character at all, alone and between others, is sent as it is signed, or refused', async () => {
    const s = service()
    const units = Array.from({ length: 0x250 }, (_, unit) => unit)
    for (const unit of [...units, 0x2028, 0xd7ff, 0xd800, 0xdfff, 0xe000, 0xfeff, 0xffff, 0x1f388]) {
      for (const stream of [String.fromCodePoint(unit), `a${String.fromCodePoint(unit)}b`]) {
        const before = s.calls.length
        const refused = await s.publisher.publish(stream, 'x').then(
          () => false,
          (error) => error.code === 'CONFIG',
        )
        if (refused) {
          expect([stream, s.calls.length]).toEqual([stream, before])
          expect(stream).toMatch(/[/?#]|^\.$/)
          continue
        }
        const { url } = s.calls.at(-1)!
        expect([stream, new URL(url).href]).toEqual([stream, url])
        expect(url).toMatch(/^https:\/\/api\.test\/app\/app-1\/stream\/[^/?#]+$/)
      }
    }
    expect((await Promise.all(s.calls.map((call) => isSigned(call)))).every(Boolean)).toBe(true)
  })

  test('the app stands in the path by the same rules', async () => {
    for (const [appId, path] of [
      ['a:b', 'a:b'],
      ['a b', 'a%20b'],
      ['ü', '%C3%BC'],
    ] as const) {
      const s = service(undefined, { appId })
      await s.publisher.publish('news', 'x')
      expect(s.calls[0]!.url).toBe(`https://api.test/app/${path}/stream/news`)
      expect(await isSigned(s.calls[0]!)).toBe(true)
    }
  })
})
