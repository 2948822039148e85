// The sign-in of version 2: WAMP-CRA, tickets.
import type { WampAuth } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench2 } from './bench.ts'
import { derived, hmac } from './crypto.ts'
import { CHALLENGE, challenged, greeted, SECRET, signing } from './signin2.ts'

describe('HELLO says who signs in, and how', () => {
  const sign = () => 'S'
  test.each<[string, WampAuth, object]>([
    ['a secret', { id: 'joe', secret: 's' }, { authmethods: ['wampcra'], authid: 'joe' }],
    ['a ticket', { id: 'joe', ticket: 't' }, { authmethods: ['ticket'], authid: 'joe' }],
    ['a callback', { id: 'joe', sign }, { authmethods: ['wampcra', 'ticket'], authid: 'joe' }],
    ['nobody', {}, { authmethods: ['anonymous'] }],
    ['a mere id', { id: 'joe' }, { authmethods: ['anonymous'], authid: 'joe' }],
    [
      'further facts',
      { id: 'joe', secret: 's', extra: { device: 1 } },
      { authmethods: ['wampcra'], authid: 'joe', authextra: { device: 1 } },
    ],
  ])('with %s', async (_, auth, expected) => {
    const script = await greeted(signing(auth))
    const [[type, realm, { roles, ...rest }]] = script.messages as [[number, string, Record<string, unknown>]]
    expect([type, realm, rest, typeof roles]).toEqual([1, 'realm1', expected, 'object'])
    expect(JSON.stringify(script.messages)).not.toContain('secret')
  })
})

describe('WAMP-CRA', () => {
  test('signs the challenge, and is done with WELCOME', async () => {
    const b = signing({ id: 'joe', secret: SECRET })
    const script = await greeted(b)
    expect(await challenged(script, 'wampcra', { challenge: CHALLENGE })).toEqual([
      5,
      await hmac(SECRET, CHALLENGE),
      {},
    ])
    expect(b.session.state).toBe('connecting')
    script.welcome(9)
    await flush()
    expect([b.session.state, b.session.sessionId, b.session.permissions]).toEqual(['open', 9, undefined])
    expect(script.messages).toHaveLength(2)
  })

  test.each([
    ['everything', { salt: 'salt123', iterations: 100, keylen: 16 }, 100, 16],
    ['no length: 32 bytes', { salt: 'salt123', iterations: 100 }, 100, 32],
    ['no iterations: 1,000', { salt: 'salt123' }, 1_000, 32],
    ['numbers as text', { salt: 'salt123', iterations: '100', keylen: '16' }, 100, 16],
  ])('with a salt, of which the server says %s', async (_, salt, iterations, keylen) => {
    const script = await greeted(signing({ id: 'joe', secret: SECRET }))
    const key = await derived(SECRET, 'salt123', iterations, keylen)
    const answer = await challenged(script, 'wampcra', { challenge: CHALLENGE, ...salt })
    expect(answer).toEqual([5, await hmac(key, CHALLENGE), {}])
  })

  test('signs whatever text the challenge is: the router need not send JSON', async () => {
    for (const challenge of ['[1, 2, 3]', 'no JSON', '', '{"é": "😀"}']) {
      const script = await greeted(signing({ id: 'joe', secret: SECRET }))
      expect(await challenged(script, 'wampcra', { challenge })).toEqual([
        5,
        await hmac(SECRET, challenge),
        {},
      ])
    }
  })

  test.each([
    [{ salt: 's', iterations: 1e9 }, 'LIMIT'],
    [{ salt: 's', iterations: 1_000_001 }, 'LIMIT'],
    [{ salt: 's', keylen: 1_025 }, 'LIMIT'],
    [{ salt: 's', iterations: 0 }, 'PROTOCOL'],
    [{ salt: 's', iterations: 2.5 }, 'PROTOCOL'],
    [{ salt: 's', keylen: -1 }, 'PROTOCOL'],
  ])('a salt of %j costs the router its client, and the client no time', async (salt, code) => {
    const b = signing({ id: 'joe', secret: SECRET })
    const script = await greeted(b)
    expect(await challenged(script, 'wampcra', { challenge: CHALLENGE, ...salt })).toBeUndefined()
    expect(b.errors[0]).toMatchObject({ code })
  })

  test.each([
    ['a challenge that is no text', ['wampcra', { challenge: { session: 7 } }]],
    ['a challenge that is a number', ['wampcra', { challenge: 5 }]],
    ['a method that is unknown', ['scram', { challenge: CHALLENGE }]],
    ['a method that is no text', [5, { challenge: CHALLENGE }]],
    ['no method', []],
  ])('%s is a PROTOCOL error, and nothing is signed', async (_, [method, ...extra]) => {
    const b = signing({ id: 'joe', secret: SECRET })
    const script = await greeted(b)
    expect(await challenged(script, method, ...extra)).toBeUndefined()
    expect(b.errors[0]).toMatchObject({ code: 'PROTOCOL' })
  })

  test('a second challenge is one too many', async () => {
    const b = signing({ id: 'joe', secret: SECRET })
    const script = await greeted(b)
    await challenged(script, 'wampcra', { challenge: CHALLENGE })
    await challenged(script, 'wampcra', { challenge: CHALLENGE })
    expect(b.errors[0]).toMatchObject({ code: 'PROTOCOL' })
    expect([script.socket.isOver, script.of(5).length]).toEqual([true, 1])
  })

  test('a secret answers nothing but WAMP-CRA', async () => {
    const b = signing({ id: 'joe', secret: SECRET })
    const connecting = rejection(b.session.connect())
    await flush()
    b.script.open()
    b.script.send(4, 'ticket', {})
    expect(await connecting).toMatchObject({ code: 'AUTH_REJECTED' })
    expect(b.script.of(5)).toEqual([])
  })
})

describe('a ticket', () => {
  test('is sent as it is', async () => {
    const b = signing({ id: 'joe', ticket: 'marker-ticket' })
    const script = await greeted(b)
    expect(await challenged(script, 'ticket', {})).toEqual([5, 'marker-ticket', {}])
    script.welcome()
    await flush()
    expect(b.session.state).toBe('open')
  })

  test('needs no extra in the challenge', async () => {
    const script = await greeted(signing({ id: 'joe', ticket: 'marker-ticket' }))
    expect(await challenged(script, 'ticket')).toEqual([5, 'marker-ticket', {}])
  })

  test('is not given to a router that asks for something else', async () => {
    const b = signing({ id: 'joe', ticket: 'marker-ticket' })
    const connecting = rejection(b.session.connect())
    await flush()
    b.script.open()
    b.script.send(4, 'wampcra', { challenge: CHALLENGE })
    const error = await connecting
    expect(error).toMatchObject({ code: 'AUTH_REJECTED' })
    expect(error.message).toContain('asks for wampcra')
    expect(b.script.of(5)).toEqual([])
  })
})

describe('nobody in particular', () => {
  test.each<[string, WampAuth | undefined]>([
    ['without `auth`', undefined],
    ['with an `auth` of nothing', {}],
  ])('%s cannot answer a challenge, and says what to do', async (_, auth) => {
    const b = bench2(auth && { auth })
    const connecting = rejection(b.session.connect())
    await flush()
    b.script.open()
    b.script.send(4, 'wampcra', { challenge: CHALLENGE })
    const error = await connecting
    expect(error).toMatchObject({ code: 'AUTH_REJECTED', retryable: false })
    expect(error.message).toContain('"auth"')
    expect(b.session.state).toBe('closed')
  })
})

describe('what the router says against it', () => {
  test('is a refusal, for good', async () => {
    const b = signing({ id: 'joe', secret: SECRET })
    const connecting = rejection(b.session.connect())
    await flush()
    b.script.open()
    await challenged(b.script, 'wampcra', { challenge: CHALLENGE })
    b.script.send(3, { message: 'WAMP-CRA signature is invalid' }, 'wamp.error.authentication_failed')
    const error = await connecting
    expect(error).toMatchObject({
      code: 'AUTH_REJECTED',
      details: { uri: 'wamp.error.authentication_failed' },
    })
    expect(error.message).toContain('WAMP-CRA signature is invalid')
    await b.clock.advance(3_600_000)
    expect([b.session.state, b.network.sockets.length]).toEqual(['closed', 1])
  })

  test('is heard by everybody who waits, and connect() signs in anew', async () => {
    const b = signing({ id: 'joe', ticket: 't1' })
    const waits = [b.session.connect(), b.session.subscribe('t'), b.session.call('p')].map(rejection)
    await flush()
    b.script.open()
    b.script.send(3, {}, 'wamp.error.authentication_failed')
    for (const wait of waits) expect(await wait).toMatchObject({ code: 'AUTH_REJECTED' })
    const again = await greeted(b)
    expect(await challenged(again, 'ticket', {})).toEqual([5, 't1', {}])
  })
})
