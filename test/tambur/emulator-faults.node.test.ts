import { describe, expect, test } from 'vitest'
import { TAMBUR, tamburRoom } from '../support/emulator.ts'
import { publish } from './publisher.ts'
import { Subscriber, subscribed } from './raw.ts'

describe('answers', () => {
  test('stay away a number of times, though the command is carried out', async () => {
    const room = tamburRoom()
    const peer = await subscribed(room)
    await room.control('noAck', { count: 2 })
    void peer.command('subscribe', 'a')
    void peer.command('subscribe', 'b')
    expect(await peer.command('subscribe', 'a')).toBe('already_subscribed')
    expect(await room.stats()).toMatchObject({ commands: 3, acks: 1 })
  })

  test('come to handles that nobody used, and errors of no command', async () => {
    const room = tamburRoom()
    const peer = await subscribed(room)
    await room.control('wrongAck')
    expect(await peer.notices.next()).toEqual([1_000_000, 'ok'])
    await room.control('wrongAck', { handle: -3, response: 'overload' })
    expect(await peer.notices.next()).toEqual([-3, 'overload'])
  })

  test('refuse tokens that are right, a number of times', async () => {
    const room = tamburRoom()
    const peer = await subscribed(room, ['a'])
    await room.control('refuseTokens', { count: 2 })
    await room.control('refuseTokens', { reason: 'token_expired' })
    for (const expected of ['invalid_token', 'invalid_token', 'token_expired', 'ok']) {
      expect(await peer.setMode('auth', 'a')).toBe(expected)
    }
  })
})

test('refuseSockets: upgrades are answered with a status, a number of times', async () => {
  const room = tamburRoom()
  await room.control('refuseSockets', { count: 2 })
  expect(await new Subscriber(room).refused).toBe(503)
  expect(await new Subscriber(room, room.wire).refused).toBe(503)
  await subscribed(room)
  await room.control('refuseSockets', { status: 403 })
  expect(await new Subscriber(room).refused).toBe(403)
  expect(await room.stats()).toMatchObject({ accepted: 1, refused: 3 })
})

test.each(['hello', '', 'id:', '["ack",1,"ok"]'])('badHandshake: the first frame is "%s"', async (text) => {
  const room = tamburRoom()
  await room.control('badHandshake', { text })
  expect(await new Subscriber(room).first).toBe(text)
  expect(await new Subscriber(room).first).toMatch(/^id:[\da-f-]{36}$/)
})

test('httpError: any status and body, for REST and the balancer', async () => {
  const { control, ...room } = tamburRoom()
  await control('httpError', { count: 2, status: 502, body: '<html>', contentType: 'text/html' })
  const response = await publish(room, 'demo', 'x')
  expect([response.status, await response.text()]).toEqual([502, '<html>'])
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  const balancer = `http://${room.host}/${TAMBUR.apiKey}/${room.appId}?instance=1&callback=f`
  expect((await fetch(balancer)).status).toBe(502)
  expect((await fetch(balancer)).status).toBe(200)
  expect(await room.stats()).toMatchObject({ published: 0 })
})

test('duplicate, truncate, corrupt and garbage', async () => {
  const { control, ...room } = tamburRoom()
  const peer = await subscribed(room, ['demo'])
  await control('duplicate')
  await control('publish', { message: 'twice' })
  expect(await peer.texts(2)).toEqual(['twice', 'twice'])
  await control('truncate')
  await control('publish')
  expect(await peer.odd.next()).toMatch(/^\[/)
  await control('garbage', { text: '["msg"]' })
  expect(await peer.messages.next()).toEqual([])
  await control('garbage', { hex: '0207ff' })
  expect(await peer.odd.next()).toEqual(Buffer.of(2, 7, 255))
  await control('corrupt')
  await control('publish', { message: 'intact' })
  const arrived = await Promise.race([peer.messages.next(), peer.odd.next(), peer.notices.next()])
  expect(arrived).not.toEqual(['demo', 'message', 'intact'])
})

test('mute: nothing is answered, delivered or heard; what is published is gone; unmute goes on', async () => {
  const { control, ...room } = tamburRoom()
  const peer = await subscribed(room, ['demo'])
  await control('mute')
  await control('publish', { message: 'gone' })
  let late = 0
  const count = (): number => ++late
  const newcomer = new Subscriber(room)
  const waiting = [newcomer.first.then(count), publish(room, 'demo', 'late').then(count)]
  void peer.command('subscribe', 'unheard')
  await new Promise((resolve) => setTimeout(resolve, 60))
  expect([late, peer.messages.rest]).toEqual([0, []])
  await control('unmute')
  await Promise.all(waiting)
  expect(await newcomer.first).toMatch(/^id:/)
  expect(await peer.texts(1)).toEqual(['late'])
  expect(await room.stats()).toMatchObject({ published: 2, delivered: 1, commands: 1 })
})

test('delay keeps back everything', async () => {
  const room = tamburRoom()
  const peer = await subscribed(room)
  await room.control('delay', { ms: 50 })
  const timed = async (work: Promise<unknown>): Promise<number> => {
    const before = performance.now()
    await work
    return performance.now() - before
  }
  expect(await timed(peer.command('subscribe', 'a'))).toBeGreaterThan(45)
  expect(await timed(publish(room, 'a', 'x'))).toBeGreaterThan(45)
  expect(await timed(new Subscriber(room).first)).toBeGreaterThan(45)
})

test('reset forgets counters, settings, secret, faults, nonces and connections', async () => {
  const { control, ...room } = tamburRoom()
  const peer = await subscribed(room, ['demo'])
  await control('settings', { window: 3, answer: 'html' })
  await control('publish', { count: 5 })
  await control('skew', { seconds: 1e6 })
  await control('app', { secret: 'x' })
  await control('noAck', { count: 9 })
  await control('reset')
  expect(await peer.closed).toBe(1012)
  expect(await room.stats()).toMatchObject({
    published: 0,
    connections: 0,
    streams: [],
    settings: { window: 300, answer: 'jsonp', wired: false, kind: 'message' },
  })
  expect((await control('deliveries')).deliveries).toEqual([])
  expect((await publish(room, 'demo', 'x')).headers.get('x-message')).toBe('1')
  await subscribed(room, ['demo'])
})

test('crash: connections break, subscriptions are gone, settings and numbers stay', async () => {
  const { control, ...room } = tamburRoom()
  const peer = await subscribed(room, ['demo'])
  await control('settings', { window: 1000 })
  await control('publish', { count: 5 })
  // What has changed is written a little later.
  await new Promise((resolve) => setTimeout(resolve, 100))
  await control('crash')
  expect(await peer.closed).toBe(1006)
  expect(await room.stats()).toMatchObject({ published: 5, connections: 0, settings: { window: 1000 } })
})

test.each([
  ['explode', {}, 'unknown op "explode"'],
  ['settings', { window: '1' }, 'window'],
  ['settings', { wired: 1 }, 'wired'],
  ['publish', { stream: 'private' }, 'there can be no stream "private"'],
  ['publish', { stream: '' }, 'there can be no stream ""'],
  ['publish', { count: -1 }, '"count" must be'],
  ['token', { mode: 'loud' }, '"mode" must be one of "auth", "presence", "direct"'],
  ['killEvery', { on: 'ack' }, '"on" must be one of "delivery", "command"'],
  ['killEvery', { code: 1006 }, '"code" must be one that a server may close with'],
  ['drop', { code: 1006 }, '"code" must be one that a server may close with'],
  ['refuseSockets', { status: 200 }, '"status" must be'],
  ['deliveries', { subscriber: 1 }, '"subscriber" must be a string'],
])('%s %j is refused with what is wrong', async (op, args, text) => {
  await expect(tamburRoom().control(op, args)).rejects.toThrow(text)
})
