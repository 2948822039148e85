import { describe, expect, test } from 'vitest'
import { webmqRoom as room } from '../support/emulator.ts'
import { Peer1, WampPeer } from './raw.ts'

const DEMO = 'http://example.com/demo#'
const ERROR = 'http://api.wamp.ws/error#'

describe('version 1', () => {
  test('begins with WELCOME', async () => {
    const peer = new WampPeer(room().url, 'wamp')
    const [type, id, version, ident] = await peer.next()
    expect([type, version, ident]).toEqual([0, 1, 'isomq-playground'])
    expect(id).toMatch(/^[A-Za-z\d]{16}$/)
  })

  test('PUBLISH in every layout reaches whom it is for', async () => {
    const { url } = room()
    const topic = 'http://example.com/topic1'
    const [a, b, c] = await Promise.all([Peer1.connect(url), Peer1.connect(url), Peer1.connect(url)])
    for (const peer of [a, b, c]) await peer.subscribe(topic)
    const events = async (peer: Peer1) => (await peer.settled()).map(([, , event]) => event)
    const publish = async (...rest: unknown[]) => {
      a.send(7, topic, ...rest)
      return [await events(a), await events(b), await events(c)]
    }
    expect(await publish('plain')).toEqual([[], ['plain'], ['plain']])
    expect(await publish('with me', false)).toEqual([['with me'], ['with me'], ['with me']])
    expect(await publish('without me', true)).toEqual([[], ['without me'], ['without me']])
    // A list takes the place of the rule that leaves the publisher out.
    expect(await publish(1, [b.session])).toEqual([[1], [], [1]])
    expect(await publish(2, [])).toEqual([[2], [2], [2]])
    expect(await publish(3, [], [b.session])).toEqual([[], [3], []])
    expect(await publish(4, [b.session], [b.session, c.session])).toEqual([[], [], [4]])
    expect(await publish(5, [], [])).toEqual([[], [], []])
    expect(await publish(6, ['nobody'], ['nobody', a.session])).toEqual([[6], [], []])
  })

  test('events are any JSON; who is subscribed twice gets them once, until it is not', async () => {
    const { url, stats } = room()
    const [from, to] = [await Peer1.connect(url), await Peer1.connect(url)]
    await to.subscribe('t', 't')
    const events = ['', null, 0, -1.5e300, false, [], {}, { a: [{ b: '中 😀\u0000' }] }]
    for (const event of events) from.send(7, 't', event)
    await from.settled()
    expect(await to.settled()).toEqual(events.map((event) => [8, 't', event]))
    to.send(6, 't')
    to.send(6, 't')
    await to.settled()
    from.send(7, 't', 'late')
    await from.settled()
    expect(await to.settled()).toEqual([])
    expect(await stats()).toMatchObject({ published: 9, delivered: 8, subscribes: 2, unsubscribes: 1 })
  })

  test('CURIEs stand for URIs everywhere; unknown prefixes for themselves', async () => {
    const { url, control } = room()
    const peer = await Peer1.connect(url)
    peer.send(1, 'demo', DEMO)
    peer.send(1, 'topic', 'http://example.com/topic/')
    peer.send(1, 'err', ERROR)
    expect(await peer.ask(2, '1', 'demo:add', 2, 3)).toEqual([3, '1', 5])
    expect(await peer.ask(2, '2', 'demo:none')).toEqual([
      4,
      '2',
      'err:NoSuchRPCEndpoint',
      `no callee registered for procedure <${DEMO}none>`,
    ])
    await peer.subscribe('topic:a:b', 'other:x')
    peer.send(7, 'topic:a:b', 1, false)
    peer.send(7, 'http://example.com/topic/a:b', 2, false)
    peer.send(7, 'other:x', 3, false)
    const whole = 'http://example.com/topic/a:b'
    expect(await peer.settled()).toEqual([
      [8, whole, 1],
      [8, whole, 2],
      [8, 'other:x', 3],
    ])
    await control('settings', { curies: 'always' })
    peer.send(7, whole, 4, false)
    expect(await peer.settled()).toEqual([[8, 'topic:a:b', 4]])
    await control('settings', { curies: 'never' })
    expect((await peer.ask(2, '3', 'demo:none'))[2]).toBe(`${ERROR}NoSuchRPCEndpoint`)
    peer.send(6, 'topic:a:b')
    peer.send(7, whole, 5, false)
    expect(await peer.settled()).toEqual([])
  })

  test('prefixes are of one session, and can be declared anew', async () => {
    const { url, stats } = room()
    const [one, other] = [await Peer1.connect(url), await Peer1.connect(url)]
    one.send(1, 'd', 'http://example.com/nothing#')
    one.send(1, 'd', DEMO)
    expect(await one.ask(2, 'x', 'd:echo', 'a')).toEqual([3, 'x', 'a'])
    expect((await other.ask(2, 'x', 'd:echo', 'a'))[0]).toBe(4)
    expect(await stats()).toMatchObject({ prefixes: 2, calls: 2, callErrors: 1 })
  })

  test('CALL: results and errors of the demo procedures', async () => {
    const peer = await Peer1.connect(room().url)
    const call = async (name: string, ...args: unknown[]) =>
      (await peer.ask(2, 'id', DEMO + name, ...args)).slice(2)
    expect(await call('echo')).toEqual([null])
    expect(await call('echo', [1])).toEqual([[1]])
    expect(await call('echo', 1, 'b')).toEqual([[1, 'b']])
    expect(await call('fail', 'oh', { a: 1 })).toEqual(['http://example.com/error#demo', 'oh', { a: 1 }])
    expect(await call('add', 1)).toEqual([
      `${ERROR}generic`,
      'there must be two arguments, both of them numbers',
    ])
    expect((await call('big', 50_000))[0]).toHaveLength(50_000)
    expect(await call('slow', 20)).toEqual([20])
    expect(await call('whoami')).toEqual([
      { session: peer.session, authid: 'anonymous', authrole: 'anonymous', authmethod: '', version: 1 },
    ])
    expect(Math.abs(Date.parse(String((await call('time'))[0])) - Date.now())).toBeLessThan(5000)
    // The other version's URIs are known here, too.
    expect(await peer.ask(2, 'id', 'com.example.demo.add', 1, 2)).toEqual([3, 'id', 3])
  })

  test('calls are answered as they end', async () => {
    const peer = await Peer1.connect(room().url)
    peer.send(2, 'slow', `${DEMO}slow`, 60)
    peer.send(2, 'fast', `${DEMO}slow`, 5)
    expect([(await peer.next())[1], (await peer.next())[1]]).toEqual(['fast', 'slow'])
  })

  test.each([
    '{',
    'null',
    '{}',
    '[]',
    '["5","t"]',
    '[9,"x"]',
    '[0,"x",1,"y"]',
    '[1,"p"]',
    '[1,"p",1]',
    '[2,"id"]',
    '[2,1,"http://example.com/demo#add"]',
    '[5]',
    '[5,"t","u"]',
    '[6,1]',
    '[7,"t"]',
    '[7,1,"e"]',
    '[7,"t","e","x"]',
    '[7,"t","e",[1]]',
    '[7,"t","e",true,["s"]]',
    '[7,"t","e",[],[],[]]',
  ])('%s ends the connection', async (frame) => {
    const { url, stats } = room()
    const peer = await Peer1.connect(url)
    peer.sendRaw(frame)
    expect((await peer.closed).code).toBe(1002)
    expect(await stats()).toMatchObject({ malformed: 1, sessions: 0 })
  })

  test('so does a binary frame', async () => {
    const peer = await Peer1.connect(room().url)
    peer.sendRaw(Buffer.from('[5,"t"]'))
    expect(await peer.closed).toEqual({ code: 1002, reason: 'a binary frame, where all are text' })
  })
})
