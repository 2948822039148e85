import { describe, expect, test } from 'vitest'
import { webmqRoom as room } from '../support/emulator.ts'
import { Peer1, Peer2, WampPeer } from './raw.ts'

describe('a socket', () => {
  test.each([
    [['wamp'], 'wamp'],
    [['wamp.2.json'], 'wamp.2.json'],
    [['wamp.2.msgpack', 'wamp.2.json', 'wamp'], 'wamp.2.json'],
    [['wamp', 'wamp.2.json'], 'wamp'],
  ])('that offers %j speaks %s', async (offered, spoken) => {
    const { url, wire } = room()
    for (const at of [url, wire]) expect(await new WampPeer(at, offered).opened).toBe(spoken)
  })

  test.each([[[]], [['wamp.2.msgpack']], [['mqtt', 'WAMP']]])(
    'that offers %j is refused',
    async (offered) => {
      const { url, wire, stats } = room()
      for (const at of [url, wire]) {
        expect(await new WampPeer(at, offered).opened).toBe('400 this server only speaks wamp, wamp.2.json')
      }
      expect(await stats()).toMatchObject({ refused: 2, accepted: 0, sessions: 0 })
    },
  )

  test('can be let in without a subprotocol, and one version can be left out', async () => {
    const { url, control } = room()
    await control('settings', { otherSubprotocol: 'accept' })
    const peer = new WampPeer(url, [])
    expect(await peer.opened).toBe('')
    expect((await peer.next())[0]).toBe(0)
    await control('settings', { speaks: ['wamp'], otherSubprotocol: 'refuse' })
    expect(await new WampPeer(url, 'wamp.2.json').opened).toBe('400 this server only speaks wamp')
    expect(await new WampPeer(url, ['wamp.2.json', 'wamp']).opened).toBe('wamp')
  })
})

describe('both versions', () => {
  test('get what the other publishes, as far as it can say it', async () => {
    const { url } = room()
    const [one, two] = [await Peer1.connect(url), await Peer2.connect(url)]
    await one.subscribe('com.example.topic')
    const id = await two.subscribe('com.example.topic')
    for (const event of ['x', null, { a: 1 }, [1, 2]]) one.send(7, 'com.example.topic', event)
    await one.settled()
    expect((await two.settled()).map(([type, sub, , ...rest]) => [type, sub, ...rest])).toEqual(
      [['x'], [null], [{ a: 1 }], [[1, 2]]].map((args) => [36, id, {}, args]),
    )
    const publish = (...payload: unknown[]) => two.request(16, {}, 'com.example.topic', ...payload)
    for (const payload of [[], [['a']], [['a', 'b']], [[], { k: 1 }], [['a'], { k: 1 }]]) publish(...payload)
    await two.settled()
    expect((await one.settled()).map(([, , event]) => event)).toEqual([
      null,
      'a',
      ['a', 'b'],
      { k: 1 },
      { args: ['a'], kwargs: { k: 1 } },
    ])
  })

  test('a publisher of one version chooses sessions of the other', async () => {
    const { url, control } = room()
    const [one, two] = [await Peer1.connect(url), await Peer2.connect(url)]
    await one.subscribe('t')
    await two.subscribe('t')
    await control('publish', { topic: 't', event: 1, eligible: [two.session] })
    await control('publish', { topic: 't', event: 2, exclude: [String(two.session)] })
    await control('publish', { topic: 't', event: 3, exclude: [one.session, two.session] })
    expect(await one.settled()).toEqual([[8, 't', 2]])
    expect((await two.settled()).map((message) => message[4])).toEqual([[1]])
  })
})

test('the control API publishes, counts and tells', async () => {
  const { url, control, stats } = room()
  const peer = await Peer1.connect(url)
  await peer.subscribe('com.example.topic')
  expect(await control('publish', { count: 3 })).toMatchObject({ published: 3, first: 1, last: 3 })
  expect(await control('publish', { count: 2, event: ['{n}', 'no {n}'] })).toMatchObject({
    first: 4,
    last: 5,
  })
  await control('publish', { args: [1], kwargs: { k: '{n}' } })
  expect((await peer.settled()).map(([, , event]) => event)).toEqual([
    { n: 1 },
    { n: 2 },
    { n: 3 },
    [1, 'no 1'],
    [2, 'no 2'],
    { args: [1], kwargs: { k: 1 } },
  ])
  expect(await stats()).toMatchObject({
    published: 6,
    delivered: 6,
    sessions: 1,
    subscriptions: 1,
    peers: [{ session: peer.session, version: 1, authid: 'anonymous', topics: ['com.example.topic'] }],
  })
})

test('a patient publication waits for a subscriber', async () => {
  const { url, control } = room()
  const published = control('publish', { count: 3, patient: true })
  const peer = await Peer1.connect(url)
  peer.send(5, 'com.example.topic')
  expect((await published).last).toBe(3)
  expect(await peer.settled()).toHaveLength(3)
})
