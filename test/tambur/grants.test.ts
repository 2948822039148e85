// Mode tokens: what they sign, and that no two grants have the same one.
import { grantText, modeToken, type TamburGrant, type TamburMode } from 'isomq/tambur'
import { describe, expect, test } from 'vitest'
import { CONFIG } from './bench.ts'

const KEYS = { apiKey: '30af96de47e3c58329045ff136a4a3ea', appId: 'ws-bot-1', secret: 'wsbot' }
const ID = 'a0629978-28d8-4fd4-b862-f67e9b6dfd8f'
const auth: TamburGrant = { ...KEYS, mode: 'auth', stream: 'test', subscriberId: ID }
const presence: TamburGrant = { ...auth, mode: 'presence', userId: 'test_user' }
const direct: TamburGrant = { ...presence, mode: 'direct' }

describe('a mode token', () => {
  test('is the one that the service expects', async () => {
    expect(await modeToken(auth)).toBe('2f25ad1ce5afab906cc582b6254a912590c60f73')
    expect(await modeToken(presence)).toBe('dcadf9659116ebbe024a4cd5ae12bde48d95408e')
    expect(await modeToken(direct)).toBe('2403374744295f5d22e3f999d4eb85b3f689c6b2')
  })

  test('signs key, app, mode, stream, user and subscriber', () => {
    expect(grantText(auth)).toBe(`${KEYS.apiKey}:ws-bot-1:auth:test:${ID}`)
    expect(grantText(direct)).toBe(`${KEYS.apiKey}:ws-bot-1:direct:test:test_user:${ID}`)
  })

  test('is another for whatever is another', async () => {
    const grants: TamburGrant[] = [
      auth,
      presence,
      direct,
      { ...auth, stream: 'Test' },
      { ...auth, subscriberId: 'other' },
      { ...auth, secret: 'other' },
      { ...auth, apiKey: 'other' },
      { ...auth, appId: 'other' },
      { ...presence, userId: 'other' },
      { ...presence, userId: 'Zoë 王 🎈' },
      { ...presence, userId: ' ' },
    ]
    expect(new Set(await Promise.all(grants.map(modeToken))).size).toBe(grants.length)
  })

  test('does not depend on who else signs at the same time', async () => {
    const secrets = ['a', 'b', 'a', 'c', 'b']
    const alone: string[] = []
    for (const secret of secrets) alone.push(await modeToken({ ...auth, secret }))
    expect(await Promise.all(secrets.map((secret) => modeToken({ ...auth, secret })))).toEqual(alone)
    expect(new Set(alone).size).toBe(3)
  })
})

describe('":" in a grant', () => {
  test('may be in the stream of auth, and in the user of presence and direct', async () => {
    expect(grantText({ ...auth, stream: 'auth:a:b' })).toBe(`${KEYS.apiKey}:ws-bot-1:auth:auth:a:b:${ID}`)
    expect(await modeToken({ ...direct, stream: 'mystream', userId: 'a:b' })).toBe(
      '88ec746b6ee5352b1ae76f75e836cfe7e1fc876d',
    )
    expect(grantText({ ...presence, userId: ':' })).toContain(':test:::')
  })

  test.each<[string, Partial<TamburGrant>]>([
    ['the stream of presence', { ...presence, stream: 'a:b' }],
    ['the stream of direct', { ...direct, stream: 'a:' }],
    ['the subscriber of auth', { ...auth, subscriberId: 'a:b' }],
    ['the subscriber of presence', { ...presence, subscriberId: ':x' }],
    ['the subscriber of direct', { ...direct, subscriberId: 'x:' }],
    ['the key', { ...auth, apiKey: 'a:b' }],
    ['the app', { ...direct, appId: 'a:b' }],
  ])('is refused in %s', async (_, grant) => {
    expect(() => grantText(grant as TamburGrant)).toThrow(CONFIG)
    await expect(modeToken(grant as TamburGrant)).rejects.toEqual(CONFIG)
  })

  test('no two grants that are taken sign alike, whatever their parts are made of', () => {
    const parts = ['a', 'b', ':', 'a:', ':a', 'a:b', 'b:a', 'auth', 'direct', 'a:auth:b', '\ud800', '\ufffd']
    const texts = new Map<string, string>()
    let refused = 0
    for (const mode of ['auth', 'presence', 'direct'] as const) {
      for (const stream of parts) {
        for (const userId of mode === 'auth' ? [undefined] : parts) {
          for (const subscriberId of parts) {
            for (const appId of ['x', 'x:auth', 'x:direct:a']) {
              const grant = { ...KEYS, appId, mode, stream, userId, subscriberId }
              let text: string
              try {
                text = grantText(grant)
              } catch (error) {
                expect(error).toEqual(CONFIG)
                refused++
                continue
              }
              // What is signed are bytes.
              const signed = new TextEncoder().encode(text).join()
              const name = JSON.stringify(grant)
              expect([texts.get(signed), name]).toEqual([undefined, name])
              texts.set(signed, name)
            }
          }
        }
      }
    }
    expect([texts.size > 100, refused > 100]).toEqual([true, true])
  })
})

describe('what is no grant', () => {
  test.each<[string, object]>([
    ['no mode', { mode: undefined }],
    ['an unknown mode', { mode: 'admin' }],
    ['a mode in capitals', { mode: 'AUTH' }],
    ['a mode with more', { mode: 'auth\n' }],
    ['a mode in a list', { mode: ['auth'] }],
    ['no stream', { stream: undefined }],
    ['an empty stream', { stream: '' }],
    ['a stream that is no text', { stream: 5 }],
    ['no subscriber', { subscriberId: '' }],
    ['no secret', { secret: '' }],
    ['no key', { apiKey: '' }],
    ['no app', { appId: undefined }],
    ['a user with auth', { userId: 'me' }],
    ['half a character in the stream', { stream: 'a\ud800' }],
    ['half a character in the subscriber', { subscriberId: '\udc00' }],
  ])('is refused: %s', async (_, wrong) => {
    await expect(modeToken({ ...auth, ...wrong } as TamburGrant)).rejects.toEqual(CONFIG)
  })

  test.each([undefined, '', 5, null, '\ud800'])('is refused: user %j', async (userId) => {
    for (const mode of ['presence', 'direct'] as TamburMode[]) {
      await expect(modeToken({ ...auth, mode, userId: userId as string })).rejects.toEqual(CONFIG)
    }
  })
})
