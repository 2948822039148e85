import { describe, expect, test } from 'vitest'
import { webmqRoom as room, WEBMQ } from '../support/emulator.ts'
import { type BridgeInit, bridge, Peer2 } from './raw.ts'

const TOPIC = 'com.example.topic'
const { key, secret } = WEBMQ

describe('the bridge', () => {
  const json = async (response: Response) => [response.status, await response.json()]

  test.each<[string, BridgeInit]>([
    ['unsigned', {}],
    ['signed', { key }],
    ['with PUT', { key, method: 'PUT' }],
    ['without a content type', { key, headers: { 'content-type': '' } }],
    ['with a charset', { headers: { 'content-type': 'application/json; charset=utf8' } }],
  ])('publishes %s', async (_, init) => {
    const { url, publish } = room()
    const peer = await Peer2.connect(url)
    const subscription = await peer.subscribe(TOPIC)
    const [status, { id }] = await json(
      await bridge(publish, { topic: TOPIC, args: [1], kwargs: { a: '中' } }, init),
    )
    expect(status).toBe(200)
    expect(await peer.settled()).toEqual([[36, subscription, id, {}, [1], { a: '中' }]])
  })

  test('knows the signature of the documentation', async () => {
    const { publish, control } = room()
    await control('settings', { window: 0 })
    await control('app', { key: 'bazapp', secret: 'foobar' })
    const query = {
      timestamp: '2011-10-14T16:59:51.123Z',
      seq: '1',
      nonce: '1234567',
      key: 'bazapp',
      signature: 'W4olEP0Dw_H5aIhTH_ktESTh1eCkyvTUQwYYtI3Wgpw=',
    }
    const body = '{"topic": "com.test.messages", "args": [1]}'
    expect((await bridge(publish, body, { query })).status).toBe(200)
    expect((await bridge(publish, body, { query: { ...query, seq: '2' } })).status).toBe(401)
  })

  test('honours the options of a publication', async () => {
    const { url, publish, stats } = room()
    const [one, two] = [await Peer2.connect(url, { authid: 'a' }), await Peer2.connect(url, { authid: 'b' })]
    await one.subscribe(TOPIC)
    await two.subscribe(TOPIC)
    const heard = async (options: object) => {
      expect((await bridge(publish, { topic: TOPIC, options })).status).toBe(200)
      return [await one.settled(), await two.settled()].map((came) => came.length)
    }
    expect(await heard({ exclude: [one.session] })).toEqual([0, 1])
    expect(await heard({ eligible: [one.session], acknowledge: true })).toEqual([1, 0])
    expect(await heard({ exclude_authid: ['a'] })).toEqual([0, 1])
    expect(await heard({ eligible_authid: ['a'] })).toEqual([1, 0])
    expect(await heard({ exclude_authrole: ['anonymous'] })).toEqual([0, 0])
    expect(await heard({ eligible_authrole: ['anonymous'], exclude_me: true })).toEqual([1, 1])
    await bridge(publish, {
      topic: TOPIC,
      args: ['x'],
      options: { retain: true, forward_for: [{ session: 5 }] },
    })
    expect((await one.settled())[0]?.[3]).toEqual({ forward_for: [{ session: 5 }] })
    expect((await stats()).retained).toBe(1)
  })

  test('calls procedures', async () => {
    const { call } = room()
    const demo = (name: string, rest: object = {}) =>
      bridge(call, { procedure: `com.example.demo.${name}`, ...rest }, { key }).then(json)
    expect(await demo('add', { args: [1, 2] })).toEqual([200, { args: [3] }])
    expect(await demo('echo')).toEqual([200, { args: [null] }])
    expect(await demo('echo', { args: [1, 2], kwargs: { k: 1 } })).toEqual([
      200,
      { args: [1, 2], kwargs: { k: 1 } },
    ])
    expect(await demo('slow', { args: [5] })).toEqual([200, { args: [5] }])
    expect(await demo('whoami')).toMatchObject([200, { args: [{ session: 'bridge', version: 0 }] }])
  })

  test('tells errors of the application with 200', async () => {
    const { call, publish } = room()
    const fail = { procedure: 'com.example.demo.fail', args: ['oh'], kwargs: { a: 1 } }
    expect(await json(await bridge(call, fail))).toEqual([
      200,
      { error: 'com.example.error.demo', args: ['oh'], kwargs: { a: 1 } },
    ])
    const errors = [
      await bridge(call, { procedure: 'none' }),
      await bridge(call, { procedure: 'a b' }),
      await bridge(publish, { topic: 'a b' }),
      await bridge(publish, { topic: 1 }),
      await bridge(publish, { topic: 'wamp.x' }),
      await bridge(publish, { topic: TOPIC, options: { exclude: 1 } }),
    ]
    const told = await Promise.all(errors.map(json))
    expect(
      told.map(([status, { error, kwargs }]) => [status, error.replace('wamp.error.', ''), kwargs]),
    ).toEqual([
      [200, 'no_such_procedure', {}],
      ...Array(4).fill([200, 'invalid_uri', {}]),
      [200, 'invalid_argument', {}],
    ])
  })

  const good = { topic: TOPIC }
  test.each<[string, number, RegExp, unknown, BridgeInit]>([
    ['GET', 405, /Method not accepted/, good, { method: 'GET' }],
    ['DELETE', 405, /Method not accepted/, good, { method: 'DELETE' }],
    [
      'a form',
      400,
      /content type/,
      good,
      { headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    ],
    [
      'another charset',
      400,
      /encoding/,
      good,
      { headers: { 'content-type': 'application/json; charset=latin1' } },
    ],
    ['no JSON', 400, /invalid JSON/, '{', {}],
    ['a list', 400, /must be a dict/, [], {}],
    ['no topic', 400, /missing key 'topic'/, {}, {}],
    ['args that are no list', 500, /Unhandled/, { ...good, args: 1 }, {}],
    ['options that are no object', 500, /Unhandled/, { ...good, options: [1] }, {}],
    ['no key', 400, /'key' field missing/, good, { key, query: { key: undefined } }],
    ['no timestamp', 400, /'timestamp' field missing/, good, { key, query: { timestamp: undefined } }],
    ['no seq', 400, /'seq' field missing/, good, { key, query: { seq: undefined } }],
    ['no nonce', 400, /'nonce' field missing/, good, { key, query: { nonce: undefined } }],
    ['no signature', 400, /'signature' field missing/, good, { key, query: { signature: undefined } }],
    [
      'no milliseconds',
      400,
      /invalid timestamp/,
      good,
      { key, query: { timestamp: '2026-01-01T00:00:00Z' } },
    ],
    ['a seq that is no integer', 400, /invalid seq/, good, { key, query: { seq: '1.5' } }],
    ['a nonce that is no integer', 400, /invalid nonce/, good, { key, query: { nonce: 'x' } }],
    ['an old timestamp', 400, /expired/, good, { key, off: -400_000 }],
    ['an unknown key', 401, /key not valid/, good, { key: 'nobody' }],
    ['another secret', 401, /secret not valid/, good, { key, secret: 'x' }],
  ])('%s is refused with %i', async (_, status, text, body, init) => {
    const { publish, stats } = room()
    const [told, answer] = await json(await bridge(publish, body, init))
    expect(told).toBe(status)
    expect(answer).toEqual({ error: expect.stringMatching(text), args: [], kwargs: {} })
    expect((await stats()).published).toBe(0)
  })

  test('may want a signature, and has a limit', async () => {
    const { publish, call, control } = room()
    await control('settings', { requireSignature: true, maxBody: 60 })
    for (const url of [publish, call]) {
      expect((await bridge(url, { topic: 't', procedure: 'com.example.demo.time' })).status).toBe(400)
      expect(
        (await bridge(url, { topic: 't', procedure: 'com.example.demo.time' }, { key, secret })).status,
      ).toBe(200)
      expect((await bridge(url, { topic: 'x'.repeat(60) }, { key })).status).toBe(413)
    }
  })
})
