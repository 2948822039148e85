import { describe, expect, test } from 'vitest'
import { webmqRoom as room, WEBMQ } from '../support/emulator.ts'
import { derived, type Message, Peer1, Peer2, ROLES, signed, WampPeer } from './raw.ts'

const API = 'http://api.wamp.ws/procedure#'
const ERROR = 'http://api.wamp.ws/error#'
const { user, salted, ticket } = WEBMQ
const ALL = {
  pubsub: [{ uri: '', prefix: true, pub: true, sub: true }],
  rpc: [{ uri: '', prefix: true, call: true }],
}

/** The result of a call, or the name of its error. */
const outcome = ([type, , result]: Message): unknown =>
  type === 3 ? result : String(result).replace(ERROR, 'error#')

const authreq = async (peer: Peer1, ...args: unknown[]) =>
  outcome(await peer.ask(2, 'q', `${API}authreq`, ...args))
const auth = async (peer: Peer1, ...args: unknown[]) => outcome(await peer.ask(2, 'a', `${API}auth`, ...args))

async function signIn(peer: Peer1, { authid, secret }: { authid: string; secret: string }) {
  const text = String(await authreq(peer, authid, null))
  const { authextra } = JSON.parse(text)
  const key = authextra
    ? derived(secret, authextra.salt, authextra.iterations ?? 10_000, authextra.keylen)
    : secret
  return auth(peer, signed(key, text))
}

describe('version 1', () => {
  test('signs in with a key; the challenge is a text that says what is signed', async () => {
    const { url, stats } = room()
    const peer = await Peer1.connect(url)
    const text = await authreq(peer, user.authid, { a: 1 })
    const info = JSON.parse(text as string)
    expect(info).toEqual({
      authid: expect.stringMatching(/^\w{16}$/),
      authkey: user.authid,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      sessionid: peer.session,
      extra: { a: 1 },
      permissions: ALL,
    })
    expect(text).not.toBe(JSON.stringify(info))
    expect(await auth(peer, signed(user.secret, text as string))).toEqual(ALL)
    expect(await stats()).toMatchObject({
      signIns: 1,
      refused: 0,
      peers: [{ authid: 'isomq-user', role: 'user' }],
    })
  })

  test('signs in with a salted secret, with and without a number of iterations', async () => {
    const { url, control } = room()
    expect(await signIn(await Peer1.connect(url), salted)).toEqual(ALL)
    await control('user', { authid: 'many', secret: 'gehëim-密', salt: 's', iterations: 0, keylen: 16 })
    const peer = await Peer1.connect(url)
    expect(await signIn(peer, { authid: 'many', secret: 'gehëim-密' })).toEqual(ALL)
  })

  test('signs in as nobody', async () => {
    const peer = await Peer1.connect(room().url)
    expect(await authreq(peer)).toBeNull()
    expect(await auth(peer)).toEqual(ALL)
    const other = await Peer1.connect(room().url)
    expect(await authreq(other, null, {})).toBeNull()
    expect(await auth(other, null)).toEqual(ALL)
  })

  test('has an error for everything that can be wrong', async () => {
    const { url, control, stats } = room()
    await control('user', { authid: 'broken', permissions: null })
    const peer = await Peer1.connect(url)
    expect(await auth(peer, 'x')).toBe('error#no-authentication-requested')
    expect(await authreq(peer, 1)).toBe('error#invalid-argument')
    expect(await authreq(peer, user.authid, 'extra')).toBe('error#invalid-argument')
    for (const key of ['nobody', '', 'anonymous', '__proto__', ticket.authid]) {
      expect(await authreq(peer, key)).toBe('error#no-such-authkey')
    }
    expect(await authreq(peer, 'broken')).toBe('error#auth-permissions-error')
    await authreq(peer, user.authid)
    expect(await authreq(peer, user.authid)).toBe('error#authentication-already-requested')
    expect(await auth(peer, 1)).toBe('error#invalid-argument')
    expect(await auth(peer, 'wrong')).toBe('error#invalid-signature')
    // One try for each challenge.
    expect(await auth(peer, 'wrong')).toBe('error#no-authentication-requested')
    await signIn(peer, user)
    expect(await authreq(peer, user.authid)).toBe('error#already-authenticated')
    expect(await auth(peer, 'x')).toBe('error#already-authenticated')
    await control('settings', { anonymous: false })
    expect(await authreq(await Peer1.connect(url))).toBe('error#anonymous-auth-forbidden')
    expect(await stats()).toMatchObject({ refused: 16, signIns: 1 })
  })

  test('nobody can do anything where nobody is let in; nothing is said of that but for calls', async () => {
    const { url, control, stats } = room()
    await control('settings', { anonymous: false })
    const peer = await Peer1.connect(url)
    peer.send(5, 't')
    peer.send(7, 't', 'lost', false)
    expect(outcome(await peer.ask(2, 'x', 'http://example.com/demo#add', 1, 2))).toBe(
      'error#NoSuchRPCEndpoint',
    )
    expect(await stats()).toMatchObject({ forbidden: 3, published: 0, subscriptions: 0 })
    await signIn(peer, user)
    peer.send(5, 't')
    peer.send(7, 't', 'heard', false)
    expect(await peer.settled()).toEqual([[8, 't', 'heard']])
  })

  test('permissions are for URIs and what begins with them; the longest decides', async () => {
    const { url, control, stats } = room()
    const permissions = {
      pubsub: [
        { uri: 'a', prefix: true, pub: true, sub: true },
        { uri: 'a/b', prefix: false, pub: true, sub: true },
        { uri: 'in', prefix: true, pub: true, sub: false },
        { uri: 'out', prefix: false, pub: false, sub: true },
      ],
      rpc: [{ uri: 'http://example.com/demo#echo', call: true }],
    }
    await control('user', { authid: 'limited', secret: 's', permissions })
    const peer = await Peer1.connect(url)
    expect(await signIn(peer, { authid: 'limited', secret: 's' })).toEqual(permissions)
    for (const topic of ['a', 'a/c', 'a/b', 'a/b/c', 'in', 'out', 'out/x', 'b']) peer.send(5, topic)
    await peer.settled()
    expect(await stats()).toMatchObject({ forbidden: 4, peers: [{ topics: ['a', 'a/c', 'a/b', 'out'] }] })
    await control('publish', { topic: 'out', event: 1 })
    for (const topic of ['a/b/c', 'out', 'in/x', 'a/c']) peer.send(7, topic, 1, false)
    expect((await peer.settled()).map(([, topic]) => topic)).toEqual(['out', 'a/c'])
    expect(outcome(await peer.ask(2, 'x', 'http://example.com/demo#add'))).toBe('error#NoSuchRPCEndpoint')
  })

  test('frames behind a sign-in wait for it', async () => {
    const { url, control } = room()
    await control('settings', { anonymous: false })
    const peer = await Peer1.connect(url)
    peer.send(2, 'q', `${API}authreq`, user.authid)
    peer.send(2, 'x', 'http://example.com/demo#echo', 1)
    const [, , text] = await peer.next()
    expect((await peer.next())[1]).toBe('x')
    peer.send(2, 'a', `${API}auth`, signed(user.secret, String(text)))
    peer.send(5, 't')
    peer.send(7, 't', 'e', false)
    expect([(await peer.next())[1], await peer.next()]).toEqual(['a', [8, 't', 'e']])
  })
})

interface Extra {
  readonly challenge: string
  readonly salt?: string
  readonly iterations?: number
  readonly keylen?: number
}

describe('version 2', () => {
  const connect = async (url: string, details: object) => {
    const peer = new WampPeer(url, 'wamp.2.json')
    await peer.opened
    return [peer, await peer.ask(1, WEBMQ.realm, { roles: ROLES, ...details })] as const
  }

  test('wampcra, with and without salt', async () => {
    const { url, control } = room()
    await control('user', { authid: 'default', secret: 's', salt: 'x', iterations: 0 })
    for (const { authid, secret } of [user, salted, { authid: 'default', secret: 's' }]) {
      const [peer, [type, method, extra]] = await connect(url, { authid, authmethods: ['wampcra'] })
      const { challenge, salt, iterations = 1000, keylen } = extra as Extra
      expect([type, method]).toEqual([4, 'wampcra'])
      expect(JSON.parse(challenge)).toMatchObject({ authid, authmethod: 'wampcra', authrole: 'user' })
      const key = salt === undefined ? secret : derived(secret, salt, iterations, keylen)
      const [welcome, session, details] = await peer.ask(5, signed(key, challenge), {})
      expect([welcome, details]).toMatchObject([2, { authid, authmethod: 'wampcra', authrole: 'user' }])
      expect(JSON.parse(challenge).session).toBe(session)
    }
  })

  test('ticket; the first method that will do is taken', async () => {
    const { url } = room()
    const { authid, secret } = ticket
    const [peer, challenge] = await connect(url, {
      authid,
      authmethods: ['scram', 'wampcra', 'ticket', 'anonymous'],
    })
    expect(challenge).toEqual([4, 'ticket', {}])
    expect((await peer.ask(5, secret, {}))[0]).toBe(2)
    const [, welcome] = await connect(url, { authid: 'x', authmethods: ['anonymous', 'ticket'] })
    expect(welcome).toMatchObject([2, expect.anything(), { authid: 'x', authmethod: 'anonymous' }])
  })

  test.each([
    [{ authid: 'nobody', authmethods: ['wampcra'] }, 'no_such_principal'],
    [{ authmethods: ['ticket'] }, 'no_such_principal'],
    [{ authid: user.authid, authmethods: ['ticket'] }, 'no_such_principal'],
    [{ authid: user.authid, authmethods: ['scram'] }, 'no_matching_auth_method'],
    [{}, 'authentication_denied'],
  ])('%j is refused with %s', async (details, name) => {
    const { url, control, stats } = room()
    await control('settings', { anonymous: false })
    const [peer, abort] = await connect(url, details)
    expect(abort).toEqual([3, { message: expect.stringMatching(/./) }, `wamp.error.${name}`])
    expect((await peer.closed).code).toBe(1000)
    expect(await stats()).toMatchObject({ refused: 1, malformed: 0, sessions: 0 })
  })

  test('a realm that there is not, a wrong signature, a wrong ticket', async () => {
    const { url } = room()
    const lost = new WampPeer(url, 'wamp.2.json')
    await lost.opened
    expect((await lost.ask(1, 'realm2', { roles: ROLES }))[2]).toBe('wamp.error.no_such_realm')
    for (const [authid, method] of [
      [user.authid, 'wampcra'],
      [ticket.authid, 'ticket'],
    ]) {
      const [peer] = await connect(url, { authid, authmethods: [method] })
      expect((await peer.ask(5, 'wrong', {}))[2]).toBe('wamp.error.authentication_failed')
      expect((await peer.closed).code).toBe(1000)
    }
  })

  test('permissions hold; what is refused is told', async () => {
    const { url, control, stats } = room()
    const nothing = { pubsub: [], rpc: [] }
    await control('user', { authid: 'anonymous', role: 'anonymous', permissions: nothing })
    const peer = await Peer2.connect(url)
    for (const [type, options] of [
      [16, { acknowledge: true }],
      [32, {}],
      [48, {}],
    ] as const) {
      const [, of, , , uri] = await peer.asked(type, options, 'com.example.demo.echo')
      expect([of, uri]).toEqual([type, 'wamp.error.not_authorized'])
    }
    peer.request(16, {}, 'com.example.topic')
    peer.close()
    await peer.closed
    expect((await stats()).forbidden).toBe(4)
  })
})
