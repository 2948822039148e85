// WAMP-CRA of version 1; see signin1-refused.test.ts for what goes wrong with it.
import type { WampChallenge } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { AUTH, AUTHREQ } from '../support/wamp.ts'
import { derived, hmac } from './crypto.ts'
import { asked, CHALLENGE, challenged, RIGHTS, SECRET, salted, signing } from './signin1.ts'

describe('a sign-in with a secret', () => {
  test('asks for a challenge, signs its text, and is done with the permissions', async () => {
    const b = signing({ id: 'joe', secret: SECRET })
    const script = await asked(b)
    expect(script.messages).toEqual([[2, script.callId(AUTHREQ), AUTHREQ, 'joe', null]])
    expect(await challenged(script)).toBe(await hmac(SECRET, CHALLENGE))
    expect([b.session.state, b.session.permissions, b.session.sessionId]).toEqual([
      'connecting',
      undefined,
      undefined,
    ])
    script.result(AUTH, RIGHTS)
    await flush()
    expect([b.session.state, b.session.permissions, b.session.sessionId]).toEqual(['open', RIGHTS, 'S1'])
    expect(script.messages).toHaveLength(2)
  })

  test('signs the text as it came, whatever its blanks and escapes', async () => {
    const odd = `{ "sessionid" :"S1", "authextra":{} ,"x":"\\u00e9 é \\/ 😀" }`
    const script = await asked(signing({ id: 'joe', secret: SECRET }))
    expect(await challenged(script, odd)).toBe(await hmac(SECRET, odd))
  })

  test('passes `extra` on', async () => {
    const extra = { device: 'phone', list: [1] }
    const script = await asked(signing({ id: 'joe', secret: SECRET, extra }))
    expect(script.of(2)[0]!.slice(1)).toEqual([AUTHREQ, 'joe', extra])
  })

  test.each([
    ['everything', { salt: 'salt123', iterations: 500, keylen: 16 }, 500, 16],
    ['no length: 32 bytes', { salt: 'salt123', iterations: 500 }, 500, 32],
    ['no iterations: 10,000', { salt: 'salt123' }, 10_000, 32],
    ['null for both', { salt: 'salt123', iterations: null, keylen: null }, 10_000, 32],
    ['an empty salt', { salt: '', iterations: 10 }, 10, 32],
  ])('with a salt, of which the server says %s', async (_, authextra, iterations, keylen) => {
    const script = await asked(signing({ id: 'joe', secret: SECRET }))
    const challenge = salted(authextra)
    const key = await derived(SECRET, (authextra as { salt: string }).salt, iterations, keylen)
    expect(await challenged(script, challenge)).toBe(await hmac(key, challenge))
  })

  test.each([null, {}, 'text', 5, { salt: null }, { salt: 5 }])(
    'takes authextra %j for no salt',
    async (authextra) => {
      const script = await asked(signing({ id: 'joe', secret: SECRET }))
      const challenge = salted(authextra as object)
      expect(await challenged(script, challenge)).toBe(await hmac(SECRET, challenge))
    },
  )

  test.each([
    [null, [], []],
    [{}, [], []],
    ['all', [], []],
    [{ pubsub: {}, rpc: 'x' }, [], []],
    [{ pubsub: [], rpc: RIGHTS.rpc }, [], RIGHTS.rpc],
  ])('permissions %j are read as far as they are any', async (given, pubsub, rpc) => {
    const b = signing({ id: 'joe', secret: SECRET })
    const script = await asked(b)
    await challenged(script)
    script.result(AUTH, given)
    await flush()
    expect(b.session.permissions).toEqual({ pubsub, rpc })
  })

  test('permissions are gone with the connection', async () => {
    const b = signing({ id: 'joe', secret: SECRET })
    const script = await asked(b)
    await challenged(script)
    script.result(AUTH, RIGHTS)
    await flush()
    script.socket.drop()
    await flush()
    expect([b.session.permissions, b.session.sessionId]).toEqual([undefined, undefined])
  })
})

describe('nobody in particular', () => {
  test('signs in with nulls, whatever the challenge says', async () => {
    for (const challenge of [null, CHALLENGE, { odd: 1 }, 7]) {
      const b = signing({})
      const script = await asked(b)
      expect(script.of(2)[0]!.slice(1)).toEqual([AUTHREQ, null, null])
      expect(await challenged(script, challenge)).toBeNull()
      script.result(AUTH, RIGHTS)
      await flush()
      expect([b.session.state, b.session.permissions]).toEqual(['open', RIGHTS])
    }
  })

  test('may bring `extra`', async () => {
    const script = await asked(signing({ extra: { a: 1 } }))
    expect(script.of(2)[0]!.slice(1)).toEqual([AUTHREQ, null, { a: 1 }])
  })
})

describe('a sign-in with a callback', () => {
  test('hands over the challenge and its salt, and sends what the callback gives', async () => {
    const asks: WampChallenge[] = []
    const sign = async (challenge: WampChallenge) => {
      asks.push(challenge)
      return 'SIGNED'
    }
    const b = signing({ id: 'joe', sign })
    const script = await asked(b)
    const challenge = salted({ salt: 'salt123' })
    expect(await challenged(script, challenge)).toBe('SIGNED')
    const salt = { salt: 'salt123', iterations: 10_000, keylen: 32 }
    expect(asks).toEqual([{ method: 'wampcra', challenge, salt, signal: expect.any(AbortSignal) }])
    script.result(AUTH, {})
    await flush()
    expect([b.session.state, asks[0]!.signal.aborted]).toEqual(['open', false])
  })

  test('that throws or rejects costs an attempt, and is asked again with the next one', async () => {
    let calls = 0
    const sign = () => {
      calls++
      if (calls === 1) throw new Error('thrown')
      return calls === 2 ? Promise.reject(new Error('rejected')) : 'SIGNED'
    }
    const b = signing({ id: 'joe', sign })
    for (const why of ['thrown', 'rejected']) {
      const script = calls === 0 ? await asked(b) : await b.redial()
      if (calls > 0) script.accept()
      await flush()
      await challenged(script)
      expect(b.errors.at(-1)).toMatchObject({ code: 'CONNECT_FAILED', cause: { message: why } })
    }
    const script = await b.redial()
    script.accept()
    await flush()
    expect(await challenged(script)).toBe('SIGNED')
  })

  test.each(['', undefined, null, 5, {}, new Uint8Array(3)])(
    'that gives %j is CONFIG, for good',
    async (given) => {
      const b = signing({ id: 'joe', sign: () => given as string })
      const connecting = rejection(b.session.connect())
      await flush()
      b.script.accept()
      await flush()
      b.script.result(AUTHREQ, CHALLENGE)
      expect(await connecting).toMatchObject({ code: 'CONFIG' })
      expect([b.session.state, b.script.calls]).toEqual(['closed', [AUTHREQ]])
    },
  )

  test('that hangs is given up with the attempt, whose signal tells it; what it gives then is dropped', async () => {
    const asks: { signal: AbortSignal; give: (signature: string) => void }[] = []
    const sign = ({ signal }: WampChallenge) => new Promise<string>((give) => asks.push({ signal, give }))
    const b = signing({ id: 'joe', sign }, { connectTimeout: 5_000 })
    const first = await asked(b)
    first.result(AUTHREQ, CHALLENGE)
    await flush()
    await b.clock.advance(5_000)
    expect(b.errors[0]).toMatchObject({ code: 'CONNECT_TIMEOUT' })
    expect([asks.length, asks[0]!.signal.aborted, first.socket.isOver]).toEqual([1, true, true])
    const second = await b.redial()
    second.accept()
    await flush()
    second.result(AUTHREQ, CHALLENGE)
    await flush()
    asks[0]!.give('stale')
    await flush()
    expect([first.calls, second.calls]).toEqual([[AUTHREQ], [AUTHREQ]])
    asks[1]!.give('fresh')
    await flush()
    expect(second.of(2)[1]!.slice(1)).toEqual([AUTH, 'fresh'])
  })

  test('is told by its signal that the connection broke, or that the session was closed', async () => {
    for (const how of ['drop', 'close']) {
      let signal: AbortSignal | undefined
      const b = signing({ id: 'joe', sign: (challenge) => new Promise(() => (signal = challenge.signal)) })
      const script = await asked(b)
      script.result(AUTHREQ, CHALLENGE)
      await flush()
      expect(signal!.aborted).toBe(false)
      if (how === 'drop') script.socket.drop()
      else await b.session.close()
      await flush()
      expect(signal!.aborted).toBe(true)
    }
  })

  test('is asked once per attempt', async () => {
    let calls = 0
    const b = signing({ id: 'joe', sign: () => `S${++calls}` })
    let script = await asked(b)
    for (let session = 1; session <= 4; session++) {
      expect(await challenged(script)).toBe(`S${session}`)
      script.result(AUTH, {})
      await flush()
      script.socket.drop()
      script = await b.redial()
      script.accept()
      await flush()
    }
    expect(calls).toBe(4)
  })
})
