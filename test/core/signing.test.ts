import { expect, test } from 'vitest'
import { base64, base64Url, fromBase64, fromHex, hex } from '../../src/core/encoding.ts'
import { hmacMd5 } from '../../src/core/hmac-md5.ts'
import { hmac, pbkdf2, sameText } from '../../src/core/signing.ts'

const filled = (byte: number, length: number) => new Uint8Array(length).fill(byte)

test.each([
  [1, filled(0x0b, 20), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    2,
    'Jefe',
    'what do ya want for nothing?',
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [3, filled(0xaa, 20), filled(0xdd, 50), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
  [
    6,
    filled(0xaa, 131),
    'Test Using Larger Than Block-Size Key - Hash Key First',
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
])('HMAC-SHA256 of RFC 4231, case %i', async (_, key, data, expected) => {
  expect(hex(await hmac('SHA-256', key, data))).toBe(expected)
})

test('HMAC-SHA1 and HMAC-MD5 of RFC 2202', async () => {
  const data = 'what do ya want for nothing?'
  expect(hex(await hmac('SHA-1', 'Jefe', data))).toBe('effcdf6ae5eb2fa2d27416d5f184df9c259a7c79')
  expect(hex(hmacMd5('Jefe', data))).toBe('750c783e6ab0b503eaa86e310a5db738')
  expect(hex(hmacMd5(filled(0xaa, 80), 'Test Using Larger Than Block-Size Key - Hash Key First'))).toBe(
    '6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd',
  )
})

test('PBKDF2 of RFC 7914', async () => {
  expect(hex(await pbkdf2('passwd', 'salt', 1, 64))).toBe(
    '55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc' +
      '49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783',
  )
})

test('hex and base64 lead there and back, whatever the bytes', () => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  expect(fromHex(hex(all))).toEqual(all)
  expect(fromBase64(base64(all))).toEqual(all)
  expect(fromBase64(base64Url(all))).toEqual(all)
  expect(base64Url(Uint8Array.of(0xfb, 0xff))).toBe('-_8=')
  expect([hex(new Uint8Array(0)), base64(new Uint8Array(0))]).toEqual(['', ''])
})

test('texts are compared as a whole', () => {
  expect([sameText('abc', 'abc'), sameText('', ''), sameText('é', 'é')]).toEqual([true, true, true])
  for (const other of ['abd', 'ab', 'abcd', '', 'ABC']) expect(sameText('abc', other)).toBe(false)
})
