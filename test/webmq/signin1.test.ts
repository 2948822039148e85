// WAMP-CRA of version 1.
import type { WampAuth, WampChallenge, WampSessionOptions } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { AUTH, AUTHREQ, type Wamp1Script } from '../support/wamp.ts'
import { bench1, type WampBench } from './bench.ts'
import { derived, hmac } from './crypto.ts'

const SECRET = 'marker-secret'
const CHALLENGE = JSON.stringify({
  authid: 'gbTnaLQ2',
  authkey: 'joe',
  authextra: null,
  timestamp: '2012-07-10T17:03:34Z',
  sessionid: 'S1',
  extra: null,
})
const salted = (authextra: object) => JSON.stringify({ ...JSON.parse(CHALLENGE), authextra })
const ERROR = 'http://api.wamp.ws/error#'
const RIGHTS = {
  pubsub: [{ uri: 'http://example.com/', prefix: true, pub: true, sub: true }],
  rpc: [{ uri: 'http://example.com/add', call: true }],
}

type Bench = WampBench<Wamp1Script>

const signing = (auth: WampAuth, options: Partial<WampSessionOptions> = {}): Bench =>
  bench1({ auth, ...options })

/** Goes on to where the server is asked for a challenge. */
async function asked(b: Bench): Promise<Wamp1Script> {
  const script = await b.dial()
  script.accept()
  await flush()
  return script
}

/** Answers with a challenge, and gives the signature that comes back. */
async function challenged(script: Wamp1Script, challenge: unknown = CHALLENGE): Promise<unknown> {
  script.result(AUTHREQ, challenge)
  await until(() => script.calls.includes(AUTH) || script.socket.isOver)
  return script.of(2).find(([, uri]) => uri === AUTH)?.[2]
}

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

describe('a challenge that is none', () => {
  test.each([
    ['no text', { sessionid: 'S1' }],
    ['null', null],
    ['a number', 5],
    ['no JSON', 'sign me'],
    ['half a JSON', '{"sessionid":'],
  ])('%s is a PROTOCOL error, and nothing is signed', async (_, challenge) => {
    let signed = 0
    for (const auth of [{ secret: SECRET }, { sign: () => `${++signed}` }]) {
      const b = signing({ id: 'joe', ...auth })
      const script = await asked(b)
      await challenged(script, challenge)
      expect(b.errors[0]).toMatchObject({ code: 'PROTOCOL' })
      expect([script.calls, signed, b.session.state]).toEqual([[AUTHREQ], 0, 'connecting'])
    }
  })

  test.each([
    [{ salt: 's', iterations: 1e9 }, 'LIMIT'],
    [{ salt: 's', iterations: 1_000_001 }, 'LIMIT'],
    [{ salt: 's', keylen: 1_025 }, 'LIMIT'],
    [{ salt: 's', iterations: 0 }, 'PROTOCOL'],
    [{ salt: 's', iterations: -1 }, 'PROTOCOL'],
    [{ salt: 's', iterations: 1.5 }, 'PROTOCOL'],
    [{ salt: 's', iterations: 'many' }, 'PROTOCOL'],
    [{ salt: 's', iterations: {} }, 'PROTOCOL'],
    [{ salt: 's', keylen: 0 }, 'PROTOCOL'],
    [{ salt: 's', keylen: 0.5 }, 'PROTOCOL'],
  ])('a salt of %j costs the server its client, and the client no time', async (authextra, code) => {
    const b = signing({ id: 'joe', secret: SECRET })
    const script = await asked(b)
    await challenged(script, salted(authextra))
    expect(b.errors[0]).toMatchObject({ code })
    expect(script.calls).toEqual([AUTHREQ])
  })

  test('iterations beyond all numbers are no number', async () => {
    const b = signing({ id: 'joe', secret: SECRET })
    const script = await asked(b)
    await challenged(
      script,
      CHALLENGE.replace('"authextra":null', '"authextra":{"salt":"s","iterations":1e400}'),
    )
    expect(b.errors[0]).toMatchObject({ code: 'PROTOCOL' })
  })
})

describe('what the server says against it', () => {
  test.each([
    ['already-authenticated', AUTHREQ],
    ['authentication-already-requested', AUTHREQ],
    ['invalid-argument', AUTHREQ],
    ['anonymous-auth-forbidden', AUTHREQ],
    ['no-such-authkey', AUTHREQ],
    ['NoSuchRPCEndpoint', AUTHREQ],
    ['no-authentication-requested', AUTH],
    ['invalid-signature', AUTH],
    ['auth-permissions-error', AUTH],
    ['invalid-argument', AUTH],
  ])('%s in answer to %s is a refusal, for good', async (name, to) => {
    const b = signing({ id: 'joe', secret: SECRET })
    const connecting = rejection(b.session.connect())
    await flush()
    b.script.accept()
    await flush()
    if (to === AUTH) await challenged(b.script)
    b.script.fail(to, ERROR + name, 'the server is against it')
    const error = await connecting
    expect(error).toMatchObject({
      code: 'AUTH_REJECTED',
      retryable: false,
      details: { uri: ERROR + name },
      message: `webmq: the server refused the sign-in (${ERROR}${name} the server is against it); check realm, id and secret`,
    })
    await b.clock.advance(3_600_000)
    expect([b.session.state, b.network.sockets.length]).toEqual(['closed', 1])
  })

  test('may name the error by a CURIE', async () => {
    const b = signing({ id: 'joe', secret: SECRET }, { prefixes: { err: ERROR } })
    const script = await asked(b)
    script.fail(AUTHREQ, 'err:no-such-authkey', 'x')
    await flush()
    expect(b.errors[0]!.details).toEqual({ uri: `${ERROR}no-such-authkey` })
  })

  test('is tried again with `reconnect: { refused: true }`, with a fresh challenge', async () => {
    const b = signing({ id: 'joe', secret: SECRET }, { reconnect: { refused: true } })
    const first = await asked(b)
    await challenged(first)
    first.fail(AUTH, `${ERROR}invalid-signature`, 'x')
    const second = await b.redial()
    second.accept()
    await flush()
    expect(second.calls).toEqual([AUTHREQ])
    const other = CHALLENGE.replace('gbTnaLQ2', 'other')
    expect(await challenged(second, other)).toBe(await hmac(SECRET, other))
  })

  test('is heard by everybody who waits', async () => {
    const b = signing({ id: 'joe', secret: SECRET })
    const waits = [
      b.session.connect(),
      b.session.subscribe('t'),
      b.session.publish('t', 1),
      b.session.call('p'),
    ].map(rejection)
    await flush()
    b.script.accept()
    await flush()
    b.script.fail(AUTHREQ, `${ERROR}no-such-authkey`, 'x')
    for (const wait of waits) expect(await wait).toMatchObject({ code: 'AUTH_REJECTED' })
    expect(await rejection(b.session.call('p'))).toMatchObject({
      code: 'CLOSED',
      cause: { code: 'AUTH_REJECTED' },
    })
  })
})

describe('a sign-in that does not come to an end', () => {
  test.each([AUTHREQ, AUTH])('without an answer to %s is given up with the attempt', async (silent) => {
    const b = signing({ id: 'joe', secret: SECRET }, { connectTimeout: 3_000 })
    const script = await asked(b)
    if (silent === AUTH) await challenged(script)
    await b.clock.advance(3_000)
    expect(b.errors).toEqual([expect.objectContaining({ code: 'CONNECT_TIMEOUT' })])
    expect(script.socket.isOver).toBe(true)
  })

  test.each([0, 60_000])(
    'leaves no timer and nobody waiting when it is closed (connectTimeout %d)',
    async (ms) => {
      const b = signing({ id: 'joe', secret: SECRET }, { connectTimeout: ms })
      const connecting = rejection(b.session.connect())
      await flush()
      b.script.accept()
      await flush()
      await b.session.close()
      expect(await connecting).toMatchObject({ code: 'CLOSED' })
      expect(b.clock.timers).toBe(0)
    },
  )

  test('events and answers that nobody asked for do not disturb it', async () => {
    const b = signing({ id: 'joe', secret: SECRET })
    const script = await asked(b)
    script.event('http://example.com/t', 1)
    script.send(3, 'unknown', 1)
    script.send(4, 'unknown', 'http://x#y', 'text')
    expect(await challenged(script)).toBe(await hmac(SECRET, CHALLENGE))
    script.result(AUTH, {})
    await flush()
    expect(b.session.state).toBe('open')
  })

  test('a message that version 1 does not have ends it', async () => {
    const b = signing({ id: 'joe', secret: SECRET })
    const script = await asked(b)
    script.send(33, 1, 2)
    await flush()
    expect(b.errors[0]).toMatchObject({ code: 'PROTOCOL' })
  })
})
