// Our session with a WAMP router from npm that we did not write, and beside a client that we did not write.
import { createWampSession, type WampEvent, type WampSessionOptions } from 'isomq/webmq'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { requirePeer, wampPeers } from '../bench/peers.ts'
import { rejection, until } from '../support/events.ts'
import { Inbox } from '../support/inbox.ts'
import { type Foreign, startForeign } from './foreign.ts'
import type { WampyEvent, WampyModule } from './peers.ts'

const folder = wampPeers()
const T = 'com.example.ours'

describe.skipIf(folder === undefined)('a session with fox-wamp', () => {
  let router: Foreign
  beforeAll(async () => {
    router = await startForeign(folder!)
  })
  afterAll(() => router.stop())

  const session = (options: Partial<WampSessionOptions> = {}) =>
    createWampSession({
      url: router.url,
      reconnect: { minDelay: 5, maxDelay: 20, stableAfter: 0 },
      ...options,
    })

  const wampy = async () => {
    const { Wampy } = requirePeer<WampyModule>(folder!, 'wampy', 'wampy')
    const client = new Wampy(router.url, { realm: 'realm1', ws: WebSocket, autoReconnect: false })
    await client.connect()
    return client
  }

  test('gets what another client publishes, and the other way round', async () => {
    await using ours = session()
    const theirs = await wampy()
    const events = new Inbox<WampEvent>()
    ;(await ours.subscribe(T)).on('event', (event) => events.push(event))
    await theirs.publish(T, { argsList: [1, 'b'], argsDict: { k: '中' } })
    expect(await events.next()).toMatchObject({ topic: T, event: 1, args: [1, 'b'], kwargs: { k: '中' } })
    const heard = new Inbox<WampyEvent>()
    await theirs.subscribe('com.example.theirs', (event) => heard.push(event))
    const options = { args: [2], kwargs: { k: '中' }, acknowledge: true }
    expect(await ours.publish('com.example.theirs', { a: 1 }, options)).toBeTypeOf('number')
    expect(await heard.next()).toMatchObject({ argsList: [{ a: 1 }, 2], argsDict: { k: '中' } })
    await theirs.disconnect()
  })

  // It takes no notice of `match`, and says nothing of pattern-based subscriptions in its WELCOME.
  test('leaves a topic again, and publishes to itself when it wants to', async () => {
    await using ours = session()
    const seen: unknown[] = []
    const publish = (event: string, excludeMe?: boolean) =>
      ours.publish(T, event, { acknowledge: true, excludeMe })
    const subscription = await ours.subscribe(T)
    const other = await ours.subscribe(T)
    for (const one of [subscription, other]) one.on('event', ({ event }) => seen.push(event))
    await publish('a', false)
    await publish('b')
    await publish('c', true)
    await subscription.unsubscribe()
    await publish('d', false)
    await until(() => seen.length === 3)
    await other.unsubscribe()
    await publish('e', false)
    await ours.call('wamp.session.count').catch(() => {})
    expect(seen).toEqual(['a', 'a', 'd'])
  })

  test('calls what another client has registered, and hears of what fails', async () => {
    await using ours = session()
    const theirs = await wampy()
    await theirs.register('com.example.add', ({ argsList }) => ({
      argsList: [Number(argsList?.[0]) + Number(argsList?.[1])],
    }))
    const calls = Array.from({ length: 50 }, (_, n) => ours.call('com.example.add', [n, 1]))
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1))
    expect(await rejection(ours.call('com.example.none'))).toMatchObject({
      code: 'PROVIDER',
      details: { uri: 'wamp.error.no_such_procedure' },
    })
    await theirs.disconnect()
  })

  test('comes back after breaks, subscribed once', async () => {
    const sockets: WebSocket[] = []
    class Watched extends WebSocket {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols)
        sockets.push(this)
      }
    }
    await using ours = session({
      WebSocket: Watched as unknown as NonNullable<WampSessionOptions['WebSocket']>,
    })
    const events = new Inbox<WampEvent>()
    ;(await ours.subscribe(T)).on('event', (event) => events.push(event))
    for (let round = 1; round <= 3; round++) {
      const before = sockets.length
      sockets.at(-1)!.terminate()
      await until(() => sockets.length > before && ours.state === 'open')
      await until(() => ours.stats().subscriptions === 1)
      await ours.publish(T, round, { acknowledge: true, excludeMe: false })
      expect((await events.next()).event).toBe(round)
    }
    expect([events.rest, ours.stats().reconnects, ours.stats().malformed]).toEqual([[], 3, 0])
  })

  test('says that it is no server of version 1', async () => {
    const error = await rejection(session({ version: 1 }).connect())
    expect(error).toMatchObject({ code: 'CONNECT_FAILED', retryable: false })
    expect(error.message).toContain('speaks WAMP version 2')
  })
})
