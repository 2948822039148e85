import { describe, expect, test } from 'vitest'
import { webmqRoom as room, WEBMQ } from '../support/emulator.ts'
import { type Message, Peer1, Peer2, ROLES, WampPeer } from './raw.ts'

const TOPIC = 'com.example.topic'
const API = 'http://api.wamp.ws/procedure#'

const both = async (url: string) => [await Peer1.connect(url), await Peer2.connect(url)] as const

async function login(url: string, authid: string, method: string) {
  const peer = new WampPeer(url, 'wamp.2.json')
  await peer.opened
  const challenge = await peer.ask(1, WEBMQ.realm, { roles: ROLES, authid, authmethods: [method] })
  return [peer, challenge] as const
}

describe('sign-ins', () => {
  test('are refused a number of times, with any URI', async () => {
    const { url, control, stats } = room()
    await control('refuse', { count: 3 })
    const peer = await Peer1.connect(url)
    await peer.ask(2, 'q', `${API}authreq`)
    expect((await peer.ask(2, 'a', `${API}auth`))[2]).toBe('http://api.wamp.ws/error#invalid-signature')
    expect((await (await Peer2.connect(url)).next())[0]).toBe(3)
    const [user, [type]] = await login(url, WEBMQ.user.authid, 'wampcra')
    expect([type, (await user.ask(5, 'x', {}))[2]]).toEqual([4, 'wamp.error.authentication_failed'])
    await control('refuse', { uri: 'com.example.closed' })
    expect((await login(url, '', 'anonymous'))[1]).toEqual([
      3,
      { message: 'refused on request' },
      'com.example.closed',
    ])
    expect((await Peer2.connect(url)).session).toBeDefined()
    expect((await stats()).refused).toBe(4)
  })

  test('have challenges that are no JSON, no text, nothing', async () => {
    const { url, control } = room()
    for (const [how, value] of [
      ['text', 'no JSON {'],
      ['number', 42],
      ['none', null],
    ]) {
      await control('badChallenge', { how, count: 2 })
      const peer = await Peer1.connect(url)
      expect(await peer.ask(2, 'q', `${API}authreq`, WEBMQ.user.authid)).toEqual([3, 'q', value])
      const [, challenge] = await login(url, WEBMQ.salted.authid, 'wampcra')
      expect(challenge).toMatchObject([4, 'wampcra', { challenge: value, salt: 'isomq-salt' }])
    }
    const [, after] = await login(url, WEBMQ.user.authid, 'wampcra')
    expect(after).toMatchObject([4, 'wampcra', { challenge: expect.stringContaining('nonce') }])
  })

  test('ask for a billion iterations', async () => {
    const { url, control } = room()
    await control('hugeIterations', { count: 2 })
    const peer = await Peer1.connect(url)
    const [, , text] = await peer.ask(2, 'q', `${API}authreq`, WEBMQ.user.authid)
    expect(JSON.parse(String(text)).authextra).toEqual({ salt: 'salt', iterations: 1e9, keylen: 32 })
    const [, [, , extra]] = await login(url, WEBMQ.salted.authid, 'wampcra')
    expect(extra).toMatchObject({ salt: 'isomq-salt', iterations: 1e9 })
  })

  test('tell the time of a clock that is wrong', async () => {
    const { url, control } = room()
    await control('skew', { ms: 3_600_000 })
    const [, [, , extra]] = await login(url, WEBMQ.user.authid, 'wampcra')
    const { timestamp } = JSON.parse((extra as { challenge: string }).challenge)
    expect(Date.parse(timestamp) - Date.now()).toBeGreaterThan(3_500_000)
  })
})

describe('messages that should not come', () => {
  test.each<[string, object, Message, Message]>([
    [
      'secondWelcome',
      {},
      [0, expect.any(String), 1, 'again'],
      [2, expect.any(Number), { roles: expect.anything() }],
    ],
    ['unknownMessage', {}, [99, 1, {}], [99, 1, {}]],
    ['wrongArity', {}, [8], [36, 1]],
    ['wrongArity', { of: 'result' }, [3], [50]],
    ['wrongArity', { of: 'error' }, [4, 'x'], [8, 48]],
    ['wrongArity', { of: 'welcome' }, [0], [2]],
    ['wrongArity', { of: 'subscribed' }, [8, expect.any(String)], [33, 1]],
    [
      'foreignEvent',
      {},
      [8, expect.stringContaining('nobody'), 'foreign'],
      [36, expect.any(Number), expect.any(Number), {}, ['foreign']],
    ],
    ['foreignResult', {}, [3, expect.any(String), 'foreign'], [50, expect.any(Number), {}, ['foreign']]],
  ])('%s %j', async (op, args, first, second) => {
    const { url, control } = room()
    const [one, two] = await both(url)
    expect(await control(op, args)).toMatchObject({ sent: 2 })
    expect([await one.next(), await two.next()]).toEqual([first, second])
  })

  test('can go to one connection alone', async () => {
    const { url, control } = room()
    const [one, two] = await both(url)
    expect(await control('secondWelcome', { connection: 2 })).toMatchObject({ sent: 1 })
    expect([(await one.settled()).length, (await two.settled()).length]).toEqual([0, 1])
  })

  test('garbage, duplicates, frames that are cut or corrupt', async () => {
    const { url, control } = room()
    const peer = await Peer2.connect(url)
    await peer.subscribe(TOPIC)
    await control('garbage', { text: '[36' })
    expect(await peer.next()).toEqual(['[36'])
    await control('duplicate')
    await control('publish')
    expect(await peer.next()).toEqual(await peer.next())
    await control('truncate')
    await control('publish')
    expect((await peer.next())[0]).toMatch(/^\[/)
    // The same event to two: the first frame that goes out is the corrupt one.
    const other = await Peer2.connect(url)
    await other.subscribe(TOPIC)
    await control('corrupt')
    await control('publish')
    expect(await peer.next()).not.toEqual(await other.next())
  })
})

test.each(['', 'wamp.2.msgpack'])('the subprotocol %j is answered', async (protocol) => {
  const { url, wire, control } = room()
  await control('wrongSubprotocol', { count: 2, protocol })
  for (const at of [url, wire]) {
    await expect(new WampPeer(at, 'wamp').opened).rejects.toThrow(/subprotocol/)
  }
  expect(await new WampPeer(url, 'wamp').opened).toBe('wamp')
})

test('a goodbye is not answered', async () => {
  const { url, control } = room()
  const peer = await Peer2.connect(url)
  await control('noGoodbye')
  peer.send(6, {}, 'wamp.close.close_realm')
  expect(await peer.settled()).toEqual([])
  await control('noGoodbye', { on: false })
  expect((await peer.ask(6, {}, 'wamp.close.close_realm'))[0]).toBe(6)
})
