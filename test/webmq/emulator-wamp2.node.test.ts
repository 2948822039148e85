import { describe, expect, test } from 'vitest'
import { webmqRoom as room, WEBMQ } from '../support/emulator.ts'
import { Peer2, ROLES, WampPeer } from './raw.ts'

const TOPIC = 'com.example.topic'
const opened = async (url: string) => {
  const peer = new WampPeer(url, 'wamp.2.json')
  await peer.opened
  return peer
}

describe('a session of version 2', () => {
  test('joins a realm, and learns who it is and what the router is able to do', async () => {
    const peer = await opened(room().url)
    const [type, id, details] = await peer.ask(1, WEBMQ.realm, { roles: ROLES, x_unknown: 1 })
    expect(type).toBe(2)
    expect(Number.isSafeInteger(id) && Number(id) > 0).toBe(true)
    expect(details).toMatchObject({
      realm: 'realm1',
      authmethod: 'anonymous',
      authrole: 'anonymous',
      roles: { broker: { features: { pattern_based_subscription: true } }, dealer: {} },
    })
  })

  test('says goodbye, and is answered', async () => {
    const { url, stats } = room()
    const peer = await Peer2.connect(url)
    expect(await peer.ask(6, {}, 'wamp.close.close_realm')).toEqual([6, {}, 'wamp.close.goodbye_and_out'])
    expect((await peer.closed).code).toBe(1000)
    expect(await stats()).toMatchObject({ sessions: 0, malformed: 0, dropped: 0 })
  })

  test('is told goodbye, which it answers', async () => {
    const { url, control } = room()
    const peer = await Peer2.connect(url)
    await control('goodbye', { message: 'bye' })
    expect(await peer.next()).toEqual([6, { message: 'bye' }, 'wamp.close.system_shutdown'])
    peer.request(32, {}, TOPIC)
    peer.send(6, {}, 'wamp.close.goodbye_and_out')
    expect(await peer.closed).toEqual({ code: 1000, reason: 'wamp.close.goodbye_and_out' })
    expect(peer.messages.rest).toEqual([])
  })

  test.each([
    '{',
    '[99,1]',
    '[1,"realm1"]',
    '[1,"realm1",{"roles":{}}]',
    '[1,"realm1",{}]',
    '[2,1,{}]',
    '[32,1,{},"t"]',
    '[5,"x",{}]',
  ])('%s before HELLO is a violation', async (frame) => {
    const { url, stats } = room()
    const peer = await opened(url)
    peer.sendRaw(frame)
    const [type, , uri] = await peer.next()
    expect([type, uri, (await peer.closed).code]).toEqual([3, 'wamp.error.protocol_violation', 1002])
    expect(await stats()).toMatchObject({ malformed: 1, signIns: 0 })
  })

  test.each([
    '[1,"realm1",{"roles":{"caller":{}}}]',
    '[5,"x",{}]',
    '[36,1,1,{}]',
    '[16,"1",{},"t"]',
    '[16,0,{},"t"]',
    '[16,1.5,{},"t"]',
    '[16,9007199254740994,{},"t"]',
    '[16,1,[],"t"]',
    '[16,1,{},"t",{}]',
    '[16,1,{},"t",[],[]]',
    '[16,1,{},"t",[],{},1]',
    '[32,1,{}]',
    '[32,1,{},1]',
    '[34,1]',
    '[48,1,{},"p",null]',
  ])('%s in a session is a violation', async (frame) => {
    const peer = await Peer2.connect(room().url)
    peer.sendRaw(frame)
    const [type, { message }, uri] = (await peer.next()) as [number, { message: string }, string]
    expect([type, uri]).toEqual([3, 'wamp.error.protocol_violation'])
    expect(message).not.toBe('')
    expect((await peer.closed).code).toBe(1002)
  })

  test('so is a binary frame; an ABORT ends the connection', async () => {
    const { url } = room()
    const [one, other] = [await Peer2.connect(url), await Peer2.connect(url)]
    one.sendRaw(Buffer.from('[32,1,{},"t"]'))
    expect((await one.next())[2]).toBe('wamp.error.protocol_violation')
    other.send(3, {}, 'wamp.error.protocol_violation')
    expect((await other.closed).code).toBe(1000)
  })

  test('counts its requests; others are noted, or a violation', async () => {
    const { url, control, stats } = room()
    const peer = await Peer2.connect(url)
    for (const id of [1, 2, 4, 5, 5]) peer.send(16, id, {}, TOPIC)
    await peer.ask(48, 6, {}, 'com.example.demo.echo')
    expect((await stats()).oddIds).toBe(2)
    await control('settings', { strictIds: true })
    expect((await peer.ask(16, 9, {}, TOPIC))[0]).toBe(3)
  })
})

describe('calls', () => {
  const call = async (peer: Peer2, name: string, ...rest: unknown[]) =>
    (await peer.asked(48, {}, `com.example.demo.${name}`, ...rest)).slice(2)

  test('have results and errors with arguments, named ones, both, none', async () => {
    const peer = await Peer2.connect(room().url)
    for (const rest of [[], [[1]], [[], { k: 1 }], [[1, 'a'], { k: null }]]) {
      expect(await call(peer, 'echo', ...rest)).toEqual([{}, ...rest])
    }
    expect(await call(peer, 'echo', [], {})).toEqual([{}])
    expect((await peer.asked(48, {}, 'com.example.demo.fail', ['oh'], { a: 1 })).slice(0, 7)).toEqual([
      8,
      48,
      6,
      {},
      'com.example.error.demo',
      ['oh'],
      { a: 1 },
    ])
    expect((await peer.asked(48, {}, 'none.such')).slice(4)).toEqual([
      'wamp.error.no_such_procedure',
      ['no callee registered for procedure <none.such>'],
    ])
    expect(await call(peer, 'whoami')).toMatchObject([{}, [{ session: peer.session, version: 2 }]])
  })

  test('end in time, when they are canceled, and with their caller', async () => {
    const { url, stats } = room()
    const peer = await Peer2.connect(url)
    const slow = 'com.example.demo.slow'
    const timed = await peer.asked(48, { timeout: 20 }, slow, [5000])
    expect(timed.slice(0, 5)).toEqual([8, 48, 1, {}, 'wamp.error.timeout'])
    const id = peer.request(48, { timeout: 5000 }, slow, [5000])
    const canceled = await peer.ask(49, id, { mode: 'kill' })
    expect(canceled.slice(0, 5)).toEqual([8, 48, id, {}, 'wamp.error.canceled'])
    peer.send(49, id, {})
    peer.send(49, 77, {})
    expect(await peer.settled()).toEqual([])
    peer.request(48, {}, slow, [5000])
    peer.close()
    await peer.closed
    expect(await stats()).toMatchObject({ sessions: 0, callErrors: 3, calls: 4 })
  })

  test('give parts of their result to who asks for that', async () => {
    const peer = await Peer2.connect(room().url)
    const request = peer.request(48, { receive_progress: true }, 'com.example.demo.count', [3])
    const parts = [await peer.next(), await peer.next(), await peer.next()]
    expect(parts).toEqual([
      [50, request, { progress: true }, [1]],
      [50, request, { progress: true }, [2]],
      [50, request, {}, [3]],
    ])
    expect(await call(peer, 'count', [3])).toEqual([{}, [3]])
  })

  test('reach procedures of other sessions, in both versions', async () => {
    const { url } = room()
    const [callee, caller] = [await Peer2.connect(url), await Peer2.connect(url)]
    const [type, request, registration] = await callee.asked(64, {}, 'com.other.swap')
    expect([type, request]).toEqual([65, 1])
    expect((await caller.asked(64, {}, 'com.other.swap'))[4]).toBe('wamp.error.procedure_already_exists')
    expect((await caller.asked(64, {}, 'com.example.demo.add'))[4]).toBe(
      'wamp.error.procedure_already_exists',
    )
    const first = caller.request(48, { disclose_me: true, receive_progress: true }, 'com.other.swap', [1], {
      k: 2,
    })
    const [invoked, id, for_, details, ...given] = await callee.next()
    expect([invoked, id, for_, given]).toEqual([68, 1, registration, [[1], { k: 2 }]])
    expect(details).toMatchObject({ caller: caller.session, receive_progress: true })
    callee.send(70, 1, { progress: true }, ['half'])
    callee.send(70, 1, {}, ['whole'])
    expect([await caller.next(), await caller.next()]).toEqual([
      [50, first, { progress: true }, ['half']],
      [50, first, {}, ['whole']],
    ])
    const second = caller.request(48, {}, 'com.other.swap')
    expect(await callee.next()).toEqual([68, 2, registration, {}])
    callee.send(8, 68, 2, {}, 'com.other.error', ['no', 1], { why: 'x' })
    expect(await caller.next()).toEqual([8, 48, second, {}, 'com.other.error', ['no'], { why: 'x' }])
    const third = caller.request(48, {}, 'com.other.swap')
    await callee.next()
    callee.close()
    expect((await caller.next()).slice(0, 5)).toEqual([8, 48, third, {}, 'wamp.error.canceled'])
    expect((await caller.asked(48, {}, 'com.other.swap'))[4]).toBe('wamp.error.no_such_procedure')
  })

  test('reach a procedure until it is unregistered', async () => {
    const peer = await Peer2.connect(room().url)
    const [, , registration] = await peer.asked(64, {}, 'com.mine')
    expect(await peer.asked(66, registration)).toEqual([67, 2])
    expect((await peer.asked(66, registration))[4]).toBe('wamp.error.no_such_registration')
    expect((await peer.asked(48, {}, 'com.mine'))[4]).toBe('wamp.error.no_such_procedure')
  })
})
