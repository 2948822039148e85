import { describe, expect, test } from 'vitest'
import { webmqRoom as room } from '../support/emulator.ts'
import { Peer2 } from './raw.ts'

const TOPIC = 'com.example.topic'

describe('topics', () => {
  test('are matched exactly, by prefix and with wildcards', async () => {
    const { url, stats } = room()
    const peer = await Peer2.connect(url)
    const exact = await peer.subscribe('com.a.b')
    const names = new Map<unknown, string>([[exact, 'exact']])
    names.set(await peer.subscribe('com.a', { match: 'prefix' }), 'prefix')
    names.set(await peer.subscribe('com..b', { match: 'wildcard' }), 'wildcard')
    expect(await peer.subscribe('com.a.b')).toBe(exact)
    for (const topic of ['com.a.b', 'com.ab', 'com.x.b', 'com.a.b.c', 'com', 'com.b']) {
      peer.request(16, { exclude_me: false }, topic, [topic])
    }
    const came = (await peer.settled()).map(([, id, , details, args]) => {
      return [names.get(id), (args as string[])[0], (details as { topic?: string }).topic]
    })
    expect(came).toEqual([
      ['exact', 'com.a.b', undefined],
      ['prefix', 'com.a.b', 'com.a.b'],
      ['wildcard', 'com.a.b', 'com.a.b'],
      ['prefix', 'com.ab', 'com.ab'],
      ['wildcard', 'com.x.b', 'com.x.b'],
      ['prefix', 'com.a.b.c', 'com.a.b.c'],
    ])
    expect(await stats()).toMatchObject({ published: 6, delivered: 6, subscriptions: 3 })
  })

  test('one publication has one id, whoever gets it', async () => {
    const { url } = room()
    const [from, to] = [await Peer2.connect(url), await Peer2.connect(url)]
    await to.subscribe(TOPIC)
    await to.subscribe('', { match: 'prefix' })
    const [type, request, id] = await from.asked(16, { acknowledge: true }, TOPIC)
    expect([type, request]).toEqual([17, 1])
    expect((await to.settled()).map((message) => message[2])).toEqual([id, id])
  })

  test('are no longer subscribed to', async () => {
    const { url, stats } = room()
    const peer = await Peer2.connect(url)
    const id = await peer.subscribe(TOPIC)
    expect(await peer.asked(34, id)).toEqual([35, 2])
    expect((await peer.asked(34, id)).slice(0, 5)).toEqual([8, 34, 3, {}, 'wamp.error.no_such_subscription'])
    peer.request(16, { exclude_me: false }, TOPIC)
    expect(await peer.settled()).toEqual([])
    expect((await stats()).subscriptions).toBe(0)
  })

  test.each([
    [16, 'a b', {}, 'wamp.error.invalid_uri'],
    [16, 'a..b', {}, 'wamp.error.invalid_uri'],
    [16, 'a#b', {}, 'wamp.error.invalid_uri'],
    [16, 'wamp.session.on_join', {}, 'wamp.error.invalid_uri'],
    [16, TOPIC, { exclude: 'all' }, 'wamp.error.invalid_argument'],
    [16, TOPIC, { eligible_authid: [1] }, 'wamp.error.invalid_argument'],
    [16, TOPIC, { exclude_me: 1 }, 'wamp.error.invalid_argument'],
    [16, TOPIC, { forward_for: [1] }, 'wamp.error.invalid_argument'],
    [32, '', {}, 'wamp.error.invalid_uri'],
    [32, 'a..b', {}, 'wamp.error.invalid_uri'],
    [32, 'a', { match: 'regexp' }, 'wamp.error.invalid_argument'],
    [48, 'a b', {}, 'wamp.error.invalid_uri'],
    [64, 'wamp.x', {}, 'wamp.error.invalid_uri'],
  ])('%i %s %j is refused with %4$s', async (type, uri, options, error) => {
    const peer = await Peer2.connect(room().url)
    const message = await peer.asked(type, { ...options, ...(type === 16 && { acknowledge: true }) }, uri)
    expect(message.slice(0, 5)).toEqual([8, type, 1, {}, error])
    expect(await peer.settled()).toEqual([])
  })

  test('a PUBLISH that nobody waits for is refused in silence', async () => {
    const { url, stats } = room()
    const peer = await Peer2.connect(url)
    peer.request(16, {}, 'a..b')
    expect(await peer.settled()).toEqual([])
    expect((await stats()).published).toBe(0)
  })

  test('a publisher chooses who gets it', async () => {
    const { url, control } = room()
    await control('user', { authid: 'boss', secret: 's', method: 'ticket', role: 'admin' })
    const me = await Peer2.connect(url, { authid: 'me' })
    const other = await Peer2.connect(url, { authid: 'other' })
    const boss = await Peer2.connect(url, { authid: 'boss', authmethods: ['ticket'] })
    await boss.next()
    boss.session = (await boss.ask(5, 's', {}))[1]
    for (const peer of [me, other, boss]) await peer.subscribe(TOPIC)
    const heard = async (options: object) => {
      me.request(16, options, TOPIC)
      return [(await me.settled()).length, (await other.settled()).length, (await boss.settled()).length]
    }
    expect(await heard({})).toEqual([0, 1, 1])
    expect(await heard({ exclude_me: false })).toEqual([1, 1, 1])
    expect(await heard({ exclude: [other.session] })).toEqual([0, 0, 1])
    expect(await heard({ exclude_me: false, eligible: [me.session, boss.session] })).toEqual([1, 0, 1])
    expect(await heard({ eligible: [] })).toEqual([0, 0, 0])
    expect(await heard({ exclude_authid: ['boss'] })).toEqual([0, 1, 0])
    expect(await heard({ eligible_authid: ['boss', 'nobody'] })).toEqual([0, 0, 1])
    expect(await heard({ exclude_authrole: ['anonymous'] })).toEqual([0, 0, 1])
    expect(await heard({ eligible_authrole: ['anonymous'] })).toEqual([0, 1, 0])
    expect(await heard({ eligible_authrole: ['admin'], eligible: [other.session] })).toEqual([0, 0, 0])
    expect(await heard({ eligible: [boss.session, 2 ** 53], exclude_authid: ['boss'] })).toEqual([0, 0, 0])
  })

  test('a publisher can say who it is, where that is allowed; others can be named for it', async () => {
    const { url, control } = room()
    const [from, to] = [await Peer2.connect(url, { authid: 'me' }), await Peer2.connect(url)]
    await to.subscribe(TOPIC)
    from.request(16, { disclose_me: true, forward_for: [{ session: 1 }] }, TOPIC)
    expect((await to.next())[3]).toEqual({
      publisher: from.session,
      publisher_authid: 'me',
      publisher_authrole: 'anonymous',
      forward_for: [{ session: 1 }],
    })
    await control('settings', { disclose: false })
    const [, , , , uri] = await from.asked(16, { disclose_me: true, acknowledge: true }, TOPIC)
    expect(uri).toBe('wamp.error.disclose_me.disallowed')
  })

  test('what is retained comes to who subscribes later and asks, and outlives a crash', async () => {
    const { url, control, stats } = room()
    const from = await Peer2.connect(url)
    from.request(16, { retain: true }, 'com.a', ['old'])
    from.request(16, { retain: true }, 'com.a', ['new'])
    from.request(16, { retain: true }, 'com.b', ['b'])
    await from.settled()
    await new Promise((resolve) => setTimeout(resolve, 100))
    await control('crash')
    await from.closed
    const to = await Peer2.connect(url)
    await to.subscribe('com.a')
    expect(await to.settled()).toEqual([])
    const id = await to.subscribe('com', { match: 'prefix', get_retained: true })
    expect((await to.settled()).map(([, sub, , details, args]) => [sub, details, args])).toEqual([
      [id, { topic: 'com.a', retained: true }, ['new']],
      [id, { topic: 'com.b', retained: true }, ['b']],
    ])
    expect((await stats()).retained).toBe(2)
  })
})
