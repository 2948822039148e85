// Everything against the emulator, in every runtime.
import {
  challengeHandler,
  createCrossbarPublisher,
  createPushClient,
  createWampSession,
  fetchSignature,
  type WampEvent,
  type WampSessionOptions,
} from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { WEBMQ, webmqRoom } from '../support/emulator.ts'
import { once, rejection, until } from '../support/events.ts'
import { VERSIONS } from './bench.ts'

const T = 'com.example.topic'
/** Lines that a test sees break come back soon. */
const SOON = { minDelay: 5, maxDelay: 20, stableAfter: 0 }

function createRoom(version: 1 | 2 = 2) {
  const room = webmqRoom()
  return {
    ...room,
    session: (options: Partial<WampSessionOptions> = {}) =>
      createWampSession({ url: room.wire, version, reconnect: SOON, ...options }),
  }
}

const values = (events: readonly WampEvent[]) => events.map(({ event }) => event)

describe.each(VERSIONS)('version %d against the emulator', (version) => {
  test('events of all kinds come back as they were', async () => {
    const room = createRoom(version)
    await using session = room.session()
    const events: WampEvent[] = []
    ;(await session.subscribe(T)).on('event', (event) => events.push(event))
    const given = ['text 订单 😀', 5, null, false, [1, [2]], { a: { b: 'x' } }, '']
    for (const event of given) await session.publish(T, event, { excludeMe: false })
    await session.publish(T, 'not for me')
    await session.call('com.example.demo.echo', ['behind it'])
    await until(() => events.length === given.length)
    expect(values(events)).toEqual(given)
    expect(await room.stats()).toMatchObject({ malformed: 0, oddIds: 0 })
  })

  test('exclude and eligible name sessions', async () => {
    const room = createRoom(version)
    await using publisher = room.session()
    const sessions = [room.session(), room.session()] as const
    const seen: unknown[][] = [[], []]
    for (const [at, session] of sessions.entries()) {
      ;(await session.subscribe(T)).on('event', ({ event }) => seen[at]!.push(event))
      await session.call('com.example.demo.echo')
    }
    const [one, two] = sessions.map(({ sessionId }) => sessionId!)
    await publisher.publish(T, 'a', { exclude: [one!] })
    await publisher.publish(T, 'b', { eligible: [one!] })
    await publisher.publish(T, 'c', { eligible: [one!, two!], exclude: [one!] })
    await publisher.publish(T, 'end')
    await until(() => seen.every((events) => events.at(-1) === 'end'))
    expect(seen).toEqual([
      ['b', 'end'],
      ['a', 'c', 'end'],
    ])
    for (const session of sessions) await session.close()
  })

  test('calls: a result, an error, one that takes too long', async () => {
    const room = createRoom(version)
    await using session = room.session()
    expect(await session.call('com.example.demo.add', [2, 3])).toBe(5)
    const error = await rejection(session.call('com.example.demo.fail', ['because']))
    expect(error).toMatchObject({ code: 'PROVIDER' })
    expect(JSON.stringify(error.details)).toContain('because')
    const slow = session.call('com.example.demo.slow', [10_000], { timeout: 20 })
    expect(await rejection(slow)).toMatchObject({ code: 'TIMEOUT' })
    expect(await rejection(session.call('com.example.none'))).toMatchObject({ code: 'PROVIDER' })
  })

  test.each(['user', 'salted'] as const)(
    'signs in as the %s one, and is refused with another secret',
    async (who) => {
      const room = createRoom(version)
      await room.control('settings', { anonymous: false })
      const { authid: id, secret } = WEBMQ[who]
      await using session = room.session({ auth: { id, secret } })
      const whoami = await session.call<{ authid: string }>('com.example.demo.whoami')
      expect(whoami.authid).toBe(id)
      if (version === 1) expect(session.permissions!.pubsub.length).toBeGreaterThan(0)
      const other = room.session({ auth: { id, secret: 'another' } })
      expect(await rejection(other.connect())).toMatchObject({ code: 'AUTH_REJECTED' })
      expect(other.state).toBe('closed')
    },
  )

  test('signs in by a callback, whose secret stays on its server', async () => {
    const room = createRoom(version)
    await room.control('settings', { anonymous: false })
    const { authid: id, secret } = WEBMQ.salted
    const handler = challengeHandler((_, ask) => (ask.id === id ? secret : undefined))
    const sign = fetchSignature('http://app.test/sign', {
      fetch: async (url, init) => handler(new Request(url, init)),
    })
    await using session = room.session({ auth: { id, sign } })
    await session.connect()
    expect(session.state).toBe('open')
  })

  test('comes through breaks of both kinds: subscribed once per session, calls lost or answered', async () => {
    const room = createRoom(version)
    await room.control('settings', { strictIds: true })
    const { authid: id, secret } = WEBMQ.user
    await using session = room.session({
      auth: { id, secret },
      prefixes: { ex: 'com.example.' },
    })
    const events: WampEvent[] = []
    ;(await session.subscribe('ex:topic')).on('event', (event) => events.push(event))
    const ids = new Set<unknown>()
    for (let round = 1; round <= 4; round++) {
      await session.call('ex:demo.echo')
      ids.add(session.sessionId)
      const call = rejection(session.call('ex:demo.slow', [60_000], { timeout: 0 }))
      await until(async () => (await room.stats()).calls! === 2 * round)
      const lost = once(session, 'state', ({ to }: { to: string }) => to === 'reconnecting')
      await room.control('drop', { abrupt: round % 2 === 0 })
      await lost
      expect(await call).toMatchObject({ code: 'CONNECTION_LOST' })
      await until(() => session.state === 'open')
      await until(async () => (await room.stats()).subscribes! === round + 1)
      await room.control('publish', { topic: T })
      await until(() => events.length === round)
    }
    expect(ids.size).toBe(4)
    expect(session.stats()).toMatchObject({ reconnects: 4, subscriptions: 1, malformed: 0 })
    expect(await room.stats()).toMatchObject({ subscribes: 5, malformed: 0, oddIds: 0 })
  })

  test('a push, a publication over the bridge and one of a session all arrive', async () => {
    const room = createRoom(version)
    await room.control('settings', { requireSignature: true })
    await using session = room.session()
    const events: WampEvent[] = []
    ;(await session.subscribe(T)).on('event', (event) => events.push(event))
    await session.call('com.example.demo.echo')
    const signed = { key: WEBMQ.key, secret: WEBMQ.secret }
    await createPushClient({ endpoint: room.push, ...signed }).push(T, { n: 1 })
    await createPushClient({ endpoint: room.push, dialect: 'autobahn', ...signed }).push(T, { n: 2 })
    const bridge = createCrossbarPublisher({ endpoint: room.publish, callEndpoint: room.call, ...signed })
    expect(await bridge.publish(T, [{ n: 3 }])).toBeTypeOf('number')
    expect(await bridge.call('com.example.demo.add', [1, 2])).toBe(3)
    await createPushClient({ endpoint: room.push, ...signed }).push(T, 'not for it', {
      exclude: [String(session.sessionId)],
    })
    await createPushClient({ endpoint: room.push, ...signed }).push(
      T,
      { n: 4 },
      {
        eligible: [String(session.sessionId)],
      },
    )
    await until(() => events.length === 4)
    expect(values(events)).toEqual([1, 2, 3, 4].map((n) => ({ n })))
    const unsigned = createPushClient({ endpoint: room.push })
    expect(await rejection(unsigned.push(T, 1))).toMatchObject({ code: 'AUTH_REJECTED' })
  })

  test('a server of the other version says so', async () => {
    const room = createRoom(version)
    const other = version === 1 ? 2 : 1
    await room.control('settings', { speaks: [other === 1 ? 'wamp' : 'wamp.2.json'] })
    const session = room.session()
    const error = await rejection(session.connect())
    expect(error).toMatchObject({ code: 'CONNECT_FAILED', retryable: false })
    expect(error.message).toContain(`speaks WAMP version ${other}`)
  })
})

describe('version 2 against the emulator', () => {
  test('tickets, names, matches and acknowledged publications', async () => {
    const room = createRoom()
    await room.control('settings', { anonymous: false, strictIds: true })
    const { authid: id, secret: ticket } = WEBMQ.ticket
    await using session = room.session({ auth: { id, ticket } })
    const events: WampEvent[] = []
    for (const [topic, match] of [
      ['com.example', 'prefix'],
      ['com..topic', 'wildcard'],
      [T, 'exact'],
    ] as const) {
      ;(await session.subscribe(topic, { match })).on('event', (event) => events.push(event))
    }
    const publication = await session.publish(T, 'x', {
      args: [1],
      kwargs: { a: 'b' },
      acknowledge: true,
      excludeMe: false,
    })
    await until(() => events.length === 3)
    for (const event of events) {
      expect(event).toMatchObject({ topic: T, event: 'x', args: ['x', 1], kwargs: { a: 'b' }, publication })
    }
    const echo = await session.call('com.example.demo.echo', [1], { kwargs: { k: 2 } })
    expect(echo).toEqual({ args: [1], kwargs: { k: 2 } })
  })

  test('the router’s GOODBYE is answered, and the session comes back', async () => {
    const room = createRoom()
    await using session = room.session()
    const subscription = await session.subscribe(T)
    const loop = subscription.messages()
    const lost = once(session, 'state', ({ to }: { to: string }) => to === 'reconnecting')
    await room.control('goodbye')
    await lost
    await until(async () => (await room.stats()).subscribes === 2)
    await room.control('publish', { topic: T })
    expect((await loop.next()).value).toMatchObject({ topic: T })
  })

  test('a refused realm is an error, for good', async () => {
    const session = createRoom().session({ realm: 'com.example.none' })
    const error = await rejection(session.connect())
    expect(error).toMatchObject({ code: 'AUTH_REJECTED', details: { uri: 'wamp.error.no_such_realm' } })
  })
})
