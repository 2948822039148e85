// Signatures by themselves; the vectors are run by test/vectors.
import { deriveKey, signChallenge, signCrossbar, signPush } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { rejection } from '../support/events.ts'
import { CONFIG } from './bridge.ts'
import { derived, hmac, urlSafe } from './crypto.ts'

const TEXTS = ['secret', 'gehëim-密', '😀', ' ', '\u0000', 'x'.repeat(1_000), '\ud800', 'é', 'e\u0301']

describe('deriveKey()', () => {
  test('the vector of the protocol sheet', async () => {
    const key = await deriveKey('L3L1YUE8Txlw', { salt: 'salt123' })
    expect(key).toBe('qzcdsr9uu/L5hnss3kjNTRe490ETgA70ZBaB5rvnJ5Y=')
  })

  test('is PBKDF2 as the runtime has it, for all kinds of texts', async () => {
    for (const secret of TEXTS) {
      for (const salt of ['', 'salt123', 'sälz 😀']) {
        const key = await deriveKey(secret, { salt, iterations: 3, keylen: 20 })
        expect([secret, key]).toEqual([secret, await derived(secret, salt, 3, 20)])
      }
    }
  })

  test('takes every character for what it is: nothing is normalised', async () => {
    const [one, two] = await Promise.all(['é', 'e\u0301'].map((it) => deriveKey(it, { salt: 's' })))
    expect(one).not.toBe(two)
  })

  test.each([1, 16, 20, 32, 64, 1_024])('gives %d bytes', async (keylen) => {
    const key = await deriveKey('secret', { salt: 's', iterations: 1, keylen })
    expect(atob(key)).toHaveLength(keylen)
  })

  test('does as many iterations as it is told, 1,000 by default', async () => {
    const key = (iterations?: number) => deriveKey('secret', { salt: 's', iterations })
    expect(await key(1)).not.toBe(await key(2))
    expect(await key()).toBe(await key(1_000))
    expect(await key()).toBe(await deriveKey('secret', { salt: 's', iterations: 1_000, keylen: 32 }))
  })

  test.each([
    [1_000_001, 32],
    [1e9, 32],
    [Number.MAX_SAFE_INTEGER, 32],
    [500_001, 64],
    [31_251, 1_024],
    [1_000_000, 33],
    [1, 1_025],
    [1, 1e9],
  ])('%d iterations for %d bytes are LIMIT, at once', async (iterations, keylen) => {
    const error = await rejection(deriveKey('secret', { salt: 's', iterations, keylen }))
    expect(error).toMatchObject({ code: 'LIMIT', provider: 'webmq', retryable: false })
  })

  test.each([
    [1_000_000, 32],
    [500_000, 64],
    [31_250, 1_024],
  ])('%d iterations for %d bytes are the most that is done', async (iterations, keylen) => {
    const key = await deriveKey('secret', { salt: 's', iterations, keylen })
    expect(key).toBe(await derived('secret', 's', iterations, keylen))
  })

  test.each([
    [{ salt: 's', iterations: 0 }],
    [{ salt: 's', iterations: -1 }],
    [{ salt: 's', iterations: 1.5 }],
    [{ salt: 's', iterations: Number.NaN }],
    [{ salt: 's', iterations: Number.POSITIVE_INFINITY }],
    [{ salt: 's', iterations: '1000' }],
    [{ salt: 's', iterations: null }],
    [{ salt: 's', keylen: 0 }],
    [{ salt: 's', keylen: 31.5 }],
    [{ salt: 5 }],
    [{}],
  ])('the salt %j is CONFIG', async (salt) => {
    expect(await rejection(deriveKey('secret', salt as never))).toEqual(CONFIG)
  })

  test.each(['', undefined, 5])('the secret %j is CONFIG', async (secret) => {
    expect(await rejection(deriveKey(secret as never, { salt: 's' }))).toEqual(CONFIG)
  })
})

describe('signChallenge()', () => {
  test('the vector of the protocol sheet', async () => {
    expect(await signChallenge('[1, 2, 3]', 'L3L1YUE8Txlw')).toBe(
      '1njQtmmeYO41N5EWEzD2kAjjEKRZ5kPZt/TzpYXOzR0=',
    )
  })

  test('is HMAC-SHA256 as the runtime has it, for all kinds of texts', async () => {
    for (const secret of TEXTS) {
      for (const challenge of ['', '{"session":1}', '{"é":"😀"}']) {
        expect(await signChallenge(challenge, secret)).toBe(await hmac(secret, challenge))
      }
    }
  })

  test('with a salt it signs with the derived key, which is its base64 text', async () => {
    const salt = { salt: 'salt123', iterations: 10, keylen: 32 }
    const key = await deriveKey('secret', salt)
    expect(await signChallenge('{}', 'secret', salt)).toBe(await signChallenge('{}', key))
    expect(await signChallenge('{}', 'secret', salt)).toBe(await hmac(key, '{}'))
  })

  test.each(['', undefined, 5])('the secret %j is CONFIG, with and without a salt', async (secret) => {
    for (const salt of [undefined, { salt: 's' }]) {
      expect(await rejection(signChallenge('{}', secret as never, salt))).toEqual(CONFIG)
    }
  })
})

describe('signPush() and signCrossbar()', () => {
  const push = {
    topic: 'http://example.com/t',
    key: 'k',
    timestamp: '2012-07-10T17:03:34Z',
    body: '{"a":"é"}',
  }
  const call = {
    key: 'k',
    timestamp: '2011-10-14T16:59:51.123Z',
    seq: 1,
    nonce: 2 ** 32 - 1,
    body: '{"a":"é"}',
  }

  test('cover what the protocol sheet says, and are safe in a URL', async () => {
    for (const secret of TEXTS) {
      const text = push.topic + push.key + push.timestamp + push.body
      expect(await signPush(push, secret)).toBe(urlSafe(await hmac(secret, text)))
      expect(await signPush(push, secret, 'webmq')).toBe(urlSafe(await hmac(secret, text)))
      expect(await signPush(push, secret, 'autobahn')).toBe(urlSafe(await hmac(secret, text, 'SHA-1')))
      const covered = `k2011-10-14T16:59:51.123Z1${2 ** 32 - 1}${call.body}`
      expect(await signCrossbar(call, secret)).toBe(urlSafe(await hmac(secret, covered)))
    }
  })

  test('keep their padding', async () => {
    expect(await signPush(push, 's')).toMatch(/^[\w-]{43}=$/)
    expect(await signPush(push, 's', 'autobahn')).toMatch(/^[\w-]{27}=$/)
    expect(await signCrossbar(call, 's')).toMatch(/^[\w-]{43}=$/)
  })

  test.each(['', undefined])('the secret %j is CONFIG', async (secret) => {
    expect(await rejection(signPush(push, secret as never))).toEqual(CONFIG)
    expect(await rejection(signCrossbar(call, secret as never))).toEqual(CONFIG)
  })
})
