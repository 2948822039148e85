import { expect, test } from 'vitest'
import WebSocket from 'ws'
import { webmqRoom as room } from '../support/emulator.ts'
import { until } from '../support/events.ts'
import { bridge, Peer1, Peer2, push, WampPeer } from './raw.ts'

const TOPIC = 'com.example.topic'
const ECHO = 'com.example.demo.echo'

const both = async (url: string) => [await Peer1.connect(url), await Peer2.connect(url)] as const

test('httpError: any status and body, for pushes and the bridge', async () => {
  const { push: endpoint, call, control, stats } = room()
  await control('httpError', { count: 2, status: 200, body: '<html>', contentType: 'text/html' })
  for (const response of [await push(endpoint), await bridge(call, {})]) {
    expect([response.status, await response.text()]).toEqual([200, '<html>'])
  }
  expect((await push(endpoint)).status).toBe(202)
  expect(await stats()).toMatchObject({ published: 1, requests: 3 })
})

test('mute: nothing is answered, delivered or heard; unmute goes on', async () => {
  const { url, push: endpoint, control, stats } = room()
  const [one, two] = await both(url)
  await one.subscribe(TOPIC)
  await control('mute')
  await control('publish')
  two.request(48, {}, ECHO)
  const late = new WampPeer(url, 'wamp')
  let answered = false
  const pushed = push(endpoint).then(({ status }) => {
    answered = true
    return status
  })
  await new Promise((resolve) => setTimeout(resolve, 60))
  expect([answered, late.messages.rest.length, (await stats()).delivered]).toEqual([false, 0, 0])
  await control('unmute')
  expect([await pushed, (await late.next())[0]]).toEqual([202, 0])
  expect((await one.settled()).length).toBe(1)
  expect(two.messages.rest).toEqual([])
})

test('delay keeps back everything', async () => {
  const { url, push: endpoint, control } = room()
  const peer = await Peer1.connect(url)
  await control('delay', { ms: 50 })
  const timed = async (work: Promise<unknown>) => {
    const before = performance.now()
    await work
    return performance.now() - before
  }
  expect(await timed(peer.settled())).toBeGreaterThan(45)
  expect(await timed(push(endpoint))).toBeGreaterThan(45)
})

test('reset forgets users, keys, settings, counters and connections', async () => {
  const { url, push: endpoint, control, stats } = room()
  const peer = await Peer2.connect(url)
  await control('user', { authid: 'other' })
  await control('app', { key: 'other' })
  await control('settings', { anonymous: false, speaks: ['wamp.2.json'] })
  await control('publish', { retain: true })
  await control('reset')
  expect((await peer.closed).code).toBe(1012)
  expect(await stats()).toMatchObject({
    published: 0,
    sessions: 0,
    retained: 0,
    settings: { anonymous: true },
  })
  expect((await push(endpoint, { key: 'other' })).status).toBe(401)
})

test('settings and users outlive a crash', async () => {
  const { url, push: endpoint, control, stats } = room()
  await control('app', { key: 'other', secret: 's' })
  await control('settings', { window: 5 })
  await new Promise((resolve) => setTimeout(resolve, 100))
  const peer = await Peer1.connect(url)
  await control('crash')
  expect((await peer.closed).code).toBe(1006)
  expect((await push(endpoint, { key: 'other', secret: 's' })).status).toBe(202)
  expect((await stats()).settings).toMatchObject({ window: 5 })
})

test('the room tells what happens', async () => {
  const { url, push: endpoint, events, control } = room()
  const told: { type: string; [field: string]: unknown }[] = []
  const watcher = new WebSocket(events)
  watcher.on('message', (data) => told.push(...JSON.parse(data.toString())))
  await until(() => told.length > 0)
  const [one, two] = await both(url)
  await one.subscribe(TOPIC)
  await push(endpoint)
  await two.ask(6, {}, 'wamp.close.close_realm')
  await two.closed
  await control('settings', { anonymous: false })
  await (await Peer2.connect(url)).closed
  await until(() => told.some(({ type }) => type === 'refused'))
  watcher.close()
  expect(told[0]).toMatchObject({ type: 'hello', settings: { anonymous: true } })
  const first = (type: string) => told.find((event) => event.type === type)
  expect(first('connected')).toMatchObject({ session: one.session, version: 1 })
  expect(first('signedIn')).toMatchObject({ session: two.session, method: 'anonymous', role: 'anonymous' })
  expect(first('subscribed')).toMatchObject({ session: one.session, topic: TOPIC, match: 'exact' })
  expect(first('published')).toMatchObject({ publication: 1, topic: TOPIC, from: 'push' })
  expect(first('delivered')).toMatchObject({ publication: 1, session: one.session, topic: TOPIC })
  expect(first('request')).toMatchObject({ method: 'POST', status: 202 })
  expect(first('call')).toMatchObject({ procedure: 'http://example.com/demo#echo', session: one.session })
  expect(first('goodbye')).toMatchObject({ session: two.session, reason: 'wamp.close.close_realm' })
  expect(first('disconnected')).toMatchObject({ session: two.session, code: 1000 })
  expect(first('refused')).toMatchObject({ uri: 'wamp.error.authentication_denied' })
})

test.each([
  ['explode', {}, 'unknown op "explode"'],
  ['settings', { window: '1' }, 'window'],
  ['settings', { speaks: [] }, 'speaks'],
  ['settings', { curies: 'some' }, 'curies'],
  ['publish', { topic: '' }, '"topic" must not be empty'],
  ['publish', { count: -1 }, '"count" must be'],
  ['publish', { args: 1 }, '"args" must be'],
  ['publish', { eligible: 'x' }, '"eligible" must be'],
  ['user', { method: 'scram' }, '"method" must be one of'],
  ['user', { iterations: 1e9 }, '"iterations" goes up'],
  ['user', { permissions: {} }, '"permissions" must be'],
  ['killEvery', { on: 'ack' }, '"on" must be one of "event", "result", "command"'],
  ['badChallenge', { how: 'x' }, '"how" must be one of'],
  ['wrongArity', { of: 'x' }, '"of" must be one of'],
  ['drop', { code: 1006 }, '"code" must be'],
])('%s %j is refused with what is wrong', async (op, args, text) => {
  await expect(room().control(op, args)).rejects.toThrow(text)
})
