// A WAMP router from npm that we did not write, with a client that we did not write: what must work before either is
// of use for judging ours.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { requirePeer, wampPeers } from '../bench/peers.ts'
import { rejection } from '../support/events.ts'
import { Inbox } from '../support/inbox.ts'
import { type Foreign, startForeign } from './foreign.ts'
import type { WampyEvent, WampyModule } from './peers.ts'
import { WampPeer } from './raw.ts'

const folder = wampPeers()

describe.skipIf(folder === undefined)('fox-wamp', () => {
  let router: Foreign
  beforeAll(async () => {
    router = await startForeign(folder!)
  })
  afterAll(() => router.stop())

  const connect = async () => {
    const { Wampy } = requirePeer<WampyModule>(folder!, 'wampy', 'wampy')
    const client = new Wampy(router.url, { realm: 'realm1', ws: WebSocket, autoReconnect: false })
    await client.connect()
    return client
  }

  test('dispatches events and calls', async () => {
    const [one, two] = [await connect(), await connect()]
    const events = new Inbox<WampyEvent>()
    await one.subscribe('com.example.topic', (event) => events.push(event))
    await two.publish('com.example.topic', { argsList: [1, 'b'], argsDict: { k: '中' } })
    expect(await events.next()).toMatchObject({ argsList: [1, 'b'], argsDict: { k: '中' } })
    await one.register('com.example.add', ({ argsList }) => ({ argsList: [Number(argsList?.[0]) + 1] }))
    expect((await two.call('com.example.add', [41])).argsList).toEqual([42])
    expect(await rejection(two.call('com.example.none'))).toMatchObject({
      errorUri: 'wamp.error.no_such_procedure',
    })
    await one.disconnect()
    await two.disconnect()
  })

  test('speaks wamp.2.json alone', async () => {
    expect(await new WampPeer(router.url, 'wamp.2.json').opened).toBe('wamp.2.json')
    await expect(new WampPeer(router.url, 'wamp').opened).rejects.toThrow(/subprotocol/)
  })
})
