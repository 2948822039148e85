// Clients that others wrote, as they are on npm, against the emulator: the proof that it does not merely agree with
// our own. AutobahnJS is there in versions that speak WAMP 2 alone; the one client for WAMP 1 is wamp1.
import { beforeAll, describe, expect, test, vi } from 'vitest'
import WebSocket from 'ws'
import { requirePeer, wampPeers } from '../bench/peers.ts'
import { webmqRoom as room, WEBMQ } from '../support/emulator.ts'
import { rejection } from '../support/events.ts'
import { Inbox } from '../support/inbox.ts'
import type {
  AutobahnModule,
  AutobahnSession,
  Wamp1,
  Wamp1Class,
  Wampy,
  WampyEvent,
  WampyModule,
} from './peers.ts'
import { Peer1, push, signed } from './raw.ts'

const folder = wampPeers()
const peer = <T>(name: string): T => requirePeer<T>(folder!, name, name)
const TOPIC = 'com.example.topic'
const DEMO = 'com.example.demo.'
const { user, salted, ticket, realm } = WEBMQ

describe.skipIf(folder === undefined)('wampy', () => {
  const create = (url: string, options: object = {}): Wampy => {
    const { Wampy } = peer<WampyModule>('wampy')
    return new Wampy(url, { realm, ws: WebSocket, autoReconnect: false, ...options })
  }

  test('subscribes, publishes, calls, registers and says goodbye', async () => {
    const { url, control, stats } = room()
    await control('settings', { strictIds: true })
    const [one, two] = [create(url), create(url)]
    expect(await one.connect()).toMatchObject({ realm, authmethod: 'anonymous' })
    await two.connect()
    const events = new Inbox<WampyEvent>()
    const { subscriptionId } = await one.subscribe(TOPIC, (event) => events.push(event))
    await one.subscribe('com.example', (event) => events.push(event), { match: 'prefix' })
    const { publicationId } = await two.publish(TOPIC, { argsList: [1], argsDict: { k: '中' } })
    expect(publicationId).toBeGreaterThan(0)
    expect(await events.next()).toMatchObject({ argsList: [1], argsDict: { k: '中' }, details: {} })
    expect((await events.next()).details).toMatchObject({ topic: TOPIC })
    await two.publish(TOPIC, 'not for one', { exclude: [one.getSessionId()] })
    await two.publish(TOPIC, 'for one', { eligible: [one.getSessionId()] })
    expect((await events.next()).argsList).toEqual(['for one'])
    expect((await two.call(`${DEMO}add`, [2, 3])).argsList).toEqual([5])
    expect(await rejection(two.call(`${DEMO}fail`, { argsList: ['oh'], argsDict: { a: 1 } }))).toMatchObject({
      errorUri: 'com.example.error.demo',
      argsList: ['oh'],
      argsDict: { a: 1 },
    })
    expect(await rejection(two.call(`${DEMO}slow`, [5000], { timeout: 10 }))).toMatchObject({
      errorUri: 'wamp.error.timeout',
    })
    await one.register('com.mine.double', ({ argsList }) => ({ argsList: [Number(argsList?.[0]) * 2] }))
    expect((await two.call('com.mine.double', [21])).argsList).toEqual([42])
    await one.unsubscribe(subscriptionId)
    expect(await rejection(two.publish('wamp.no', 1))).toBeDefined()
    await one.disconnect()
    await two.disconnect()
    expect(await stats()).toMatchObject({ malformed: 0, oddIds: 0, sessions: 0, dropped: 0 })
  })

  test('signs in, with a challenge and with a ticket; or is refused', async () => {
    const { url } = room()
    const onChallenge = (_: string, { challenge }: { challenge: string }) => signed(user.secret, challenge)
    const cra = { authid: user.authid, authmethods: ['wampcra'] }
    expect(await create(url, { ...cra, onChallenge }).connect()).toMatchObject({ authid: user.authid })
    const byTicket = { authid: ticket.authid, authmethods: ['ticket'], onChallenge: () => ticket.secret }
    expect(await create(url, byTicket).connect()).toMatchObject({ authmethod: 'ticket' })
    const refused = await rejection(create(url, { ...cra, onChallenge: () => 'wrong' }).connect())
    expect(refused).toMatchObject({ errorUri: 'wamp.error.authentication_failed' })
    expect(await rejection(create(url, { realm: 'none' }).connect())).toMatchObject({
      errorUri: 'wamp.error.no_such_realm',
    })
  })
})

describe.skipIf(folder === undefined)('AutobahnJS', () => {
  beforeAll(() => {
    // It asks for the runtime's own, which Node has from version 22 on.
    globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket
    // It tells the console of each session that is over.
    vi.spyOn(console, 'warn').mockImplementation(() => {})
  })

  /** Resolves with the session and how to leave it, or with why there is none. */
  function join(url: string, options: object = {}) {
    const { Connection } = peer<AutobahnModule>('autobahn')
    const connection = new Connection({ url, realm, max_retries: 0, ...options })
    const closed = new Promise<string>((resolve) => {
      connection.onclose = (why, { reason }) => {
        resolve(reason ?? why)
        return true
      }
    })
    const opened = new Promise<AutobahnSession>((resolve) => {
      connection.onopen = resolve
    })
    connection.open()
    return { opened, closed, close: () => connection.close() }
  }

  test('subscribes, publishes, calls, registers and says goodbye', async () => {
    const { url, control, push: endpoint, stats } = room()
    await control('settings', { strictIds: true })
    const [first, second] = [join(url), join(url)]
    const [one, two] = [await first.opened, await second.opened]
    const events = new Inbox<readonly unknown[]>()
    const subscription = await one.subscribe(TOPIC, (args, kwargs) => events.push([args, kwargs]))
    await two.publish(TOPIC, [1], { k: 2 }, { acknowledge: true })
    expect(await events.next()).toEqual([[1], { k: 2 }])
    await push(endpoint, { key: WEBMQ.key, body: '{"a":"中"}' })
    expect((await events.next())[0]).toEqual([{ a: '中' }])
    await push(endpoint, { query: { exclude: String(one.id) } })
    expect(await two.call(`${DEMO}add`, [2, 3])).toBe(5)
    expect(await two.call(`${DEMO}echo`, [1, 2], { k: 3 })).toMatchObject({ args: [1, 2], kwargs: { k: 3 } })
    const failed = two.call(`${DEMO}fail`, ['oh'], { a: 1 })
    expect(await rejection(Promise.resolve(failed))).toMatchObject({
      error: 'com.example.error.demo',
      args: ['oh'],
      kwargs: { a: 1 },
    })
    await one.register('com.mine.double', ([n]) => n! * 2)
    expect(await two.call('com.mine.double', [21])).toBe(42)
    await subscription.unsubscribe()
    await two.publish(TOPIC, ['late'], {}, { acknowledge: true })
    expect(events.rest).toEqual([])
    for (const { close, closed } of [first, second]) {
      close()
      expect(await closed).toBe('wamp.close.goodbye_and_out')
    }
    expect(await stats()).toMatchObject({ malformed: 0, oddIds: 0, sessions: 0, dropped: 0 })
  })

  test('signs in, with a challenge, salted or not, and with a ticket; or is refused', async () => {
    const { url, stats } = room()
    const { auth_cra } = peer<AutobahnModule>('autobahn')
    interface Extra {
      readonly challenge: string
      readonly salt?: string
      readonly iterations: number
      readonly keylen: number
    }
    const signer =
      (secret: string) =>
      (_: unknown, __: string, { challenge, salt, iterations, keylen }: Extra) => {
        const key = salt === undefined ? secret : auth_cra.derive_key(secret, salt, iterations, keylen)
        return auth_cra.sign(key, challenge)
      }
    for (const { authid, secret } of [user, salted]) {
      const { opened, close } = join(url, { authid, authmethods: ['wampcra'], onchallenge: signer(secret) })
      const told = await (await opened).call(`${DEMO}whoami`)
      expect(told).toMatchObject({ authid, authmethod: 'wampcra', authrole: 'user' })
      close()
    }
    const { authid, secret } = ticket
    const { opened, close } = join(url, { authid, authmethods: ['ticket'], onchallenge: () => secret })
    expect(await (await opened).call(`${DEMO}whoami`)).toMatchObject({ authmethod: 'ticket' })
    close()
    const wrong = join(url, { authid: user.authid, authmethods: ['wampcra'], onchallenge: signer('wrong') })
    expect(await wrong.closed).toBe('wamp.error.authentication_failed')
    expect(await stats()).toMatchObject({ signIns: 3, refused: 1, malformed: 0 })
  })

  test('answers a goodbye', async () => {
    const { url, control, stats } = room()
    const { opened, closed } = join(url)
    await opened
    await control('goodbye', { reason: 'wamp.close.system_shutdown' })
    expect(await closed).toBe('wamp.close.system_shutdown')
    expect(await stats()).toMatchObject({ malformed: 0, sessions: 0 })
  })
})

describe.skipIf(folder === undefined)('wamp1', () => {
  const connect = async (url: string): Promise<Wamp1> => {
    const Client = peer<Wamp1Class>('wamp1')
    const socket = new WebSocket(url, 'wamp')
    let client: Wamp1 | undefined
    await new Promise<void>((resolve, reject) => {
      client = new Client(socket, ({ version }) => (version === 1 ? resolve() : reject(version)))
      client.on('error', reject)
    })
    return client!
  }
  const call = (client: Wamp1, procedure: string, ...args: unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) =>
      client.call(procedure, ...args, (error, result) => (error ? reject(error) : resolve(result))),
    )

  test('subscribes, publishes in every layout, calls; with CURIEs', async () => {
    const { url, control, push: endpoint, stats } = room()
    await control('settings', { curies: 'always' })
    const [one, two] = [await connect(url), await connect(url)]
    for (const client of [one, two]) {
      client.prefix('t', 'http://example.com/topic/')
      client.prefix('demo', 'http://example.com/demo#')
    }
    const events = new Inbox<unknown>()
    one.subscribe('t:a', (event) => events.push(event))
    expect(await call(one, 'demo:add', 2, 3)).toBe(5)
    two.publish('t:a', 'all')
    two.publish('http://example.com/topic/a', 'not one', [one.sessionId])
    two.publish('t:a', 'only one', [], [one.sessionId])
    await call(two, 'demo:echo')
    one.publish('t:a', 'without me')
    one.publish('t:a', 'with me', false)
    expect([await events.next(), await events.next(), await events.next()]).toEqual([
      'all',
      'only one',
      'with me',
    ])
    await push(endpoint, { topic: 'http://example.com/topic/a', key: WEBMQ.key, body: '{"a":"中"}' })
    expect(await events.next()).toEqual({ a: '中' })
    expect(await rejection(call(two, 'demo:fail', 'oh', { why: 1 }))).toMatchObject({
      message: 'oh',
      uri: 'http://example.com/error#demo',
      details: { why: 1 },
    })
    expect(await rejection(call(two, 'demo:none'))).toMatchObject({
      uri: 'http://api.wamp.ws/error#NoSuchRPCEndpoint',
    })
    one.unsubscribe('t:a')
    await call(one, 'demo:echo')
    two.publish('t:a', 'late')
    await call(two, 'demo:echo')
    expect([events.rest, await stats()]).toMatchObject([[], { malformed: 0, subscriptions: 0, delivered: 4 }])
  })

  test('signs in through the two calls', async () => {
    const { url, control } = room()
    await control('settings', { anonymous: false })
    const client = await connect(url)
    const challenge = await call(client, 'http://api.wamp.ws/procedure#authreq', user.authid, null)
    const signature = signed(user.secret, challenge as string)
    expect(await call(client, 'http://api.wamp.ws/procedure#auth', signature)).toHaveProperty('pubsub')
    expect(await call(client, 'http://example.com/demo#whoami')).toMatchObject({ authid: user.authid })
    const other = await Peer1.connect(url)
    expect((await other.ask(2, 'x', 'http://example.com/demo#whoami'))[0]).toBe(4)
  })
})
