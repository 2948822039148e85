import { describe, expect, test } from 'vitest'
import { prismRoom as room } from '../support/emulator.ts'
import { call, connected, NotifyPeer } from './raw.ts'

describe('a connection', () => {
  test('is dropped with a code, and on a wire without a goodbye', async () => {
    const { baseUrl, wire, control, stats } = room()
    const peer = await connected(baseUrl)
    expect(await control('drop', { code: 1012 })).toMatchObject({ dropped: 1 })
    expect(await peer.closed).toBe(1012)
    const wired = await connected(wire)
    await control('drop', { abrupt: true })
    expect(await wired.closed).toBe(1006)
    expect(await stats()).toMatchObject({ dropped: 2, connections: 0 })
  })

  test('without a wire falls silent and breaks at its next frame', async () => {
    const { baseUrl, control } = room()
    const peer = await connected(baseUrl)
    await peer.settled()
    await control('drop', { connection: 'random', abrupt: true })
    await control('produce')
    peer.consume()
    expect(await peer.closed).toBe(1006)
    expect(peer.deliveries.rest.length).toBe(0)
  })

  test('is dropped after so many frames; what was under way comes again', async () => {
    const { wire, control, stats } = room()
    const peer = await connected(wire)
    await peer.settled()
    await control('dropAfter', { frames: 3 })
    await control('produce', { count: 5, body: 'x{n}' })
    expect(await peer.closed).toBe(1006)
    const next = await connected(wire)
    expect(await next.bodies(5)).toEqual(['x1', 'x2', 'x3', 'x4', 'x5'])
    expect(await stats()).toMatchObject({ delivered: 8, redelivered: 3 })
  })

  test.each(['delivery', 'ack'])('dies of every so many of %s, and nothing is lost', async (on) => {
    const { wire, control, stats } = room()
    await control('settings', { prefetch: 20 })
    await control('killEvery', { frames: 10, on, seed: 7, kills: 10 })
    await control('produce', { count: 300 })
    const seen = new Set<string>()
    while (seen.size < 300) {
      const peer = await connected(wire)
      const closed = peer.closed.then(() => undefined)
      while (seen.size < 300) {
        const delivery = await Promise.race([peer.deliveries.next(), closed])
        if (delivery === undefined) break
        seen.add(delivery.body)
        peer.ack(delivery.tag)
      }
    }
    const { dropped, killsLeft, acksUnknown } = await stats()
    expect([dropped! + killsLeft!, acksUnknown]).toEqual([10, 0])
  })

  test('dies of a publish, which is carried out or not', async () => {
    const { wire, control, stats } = room()
    await control('killEvery', { frames: 1, on: 'publish', seed: 3, kills: 8 })
    for (let n = 0; n < 8; n++) {
      const peer = await connected(wire, null)
      peer.publish('k', `${n}`)
      expect(await peer.closed).toBe(1006)
    }
    const { publishesTaken, published, dropped, killsLeft } = await stats()
    expect([dropped, killsLeft, published]).toEqual([8, 0, publishesTaken])
    expect(publishesTaken).toBeGreaterThan(0)
    expect(publishesTaken).toBeLessThan(8)
  })
})

test('refuse: calls and sockets, a number of times', async () => {
  const { baseUrl, wire, control } = room()
  await control('refuse', { count: 3, message: 'not today' })
  const response = await call(`${baseUrl}/demo/echo`)
  expect([response.status, (await response.json()).error]).toEqual([
    401,
    { code: 'refused', message: 'not today' },
  ])
  expect(await new NotifyPeer(baseUrl).answer).toMatchObject({ status: 401 })
  expect(await new NotifyPeer(wire).answer).toMatchObject({ status: 401 })
  expect((await call(`${baseUrl}/demo/echo`)).status).toBe(200)
})

test('httpError: any status and body, for calls and sockets', async () => {
  const { baseUrl, control } = room()
  await control('httpError', { count: 2, status: 503, body: '<html>', contentType: 'text/html' })
  const response = await call(`${baseUrl}/platform/notify/write`, { method: 'POST', form: [['data', 'x']] })
  expect([response.status, await response.text()]).toEqual([503, '<html>'])
  expect(response.headers.get('content-type')).toBe('text/html')
  expect(response.headers.get('x-request-id')).not.toBeNull()
  expect(await new NotifyPeer(baseUrl).answer).toEqual({ status: 503, body: '<html>' })
  expect(await new NotifyPeer(baseUrl).answer).toMatchObject({ status: 101 })
})

test('duplicate, truncate and garbage', async () => {
  const { baseUrl, control } = room()
  const peer = await connected(baseUrl)
  await peer.settled()
  await control('duplicate')
  await control('produce')
  expect((await peer.deliveries.next()).tag).toBe((await peer.deliveries.next()).tag)
  await control('truncate')
  await control('produce')
  expect(await peer.odd.next()).toMatch(/^\{/)
  await control('garbage', { text: 'hi' })
  expect(await peer.odd.next()).toBe('hi')
  await control('garbage', { hex: '0207ff' })
  expect(await peer.odd.next()).toEqual(Buffer.of(2, 7, 255))
})

test('corrupt: one character arrives as another, and on the next connection all as they are', async () => {
  const { baseUrl, control } = room()
  const peer = await connected(baseUrl)
  await peer.settled()
  await control('corrupt')
  await control('produce', { body: 'intact' })
  const arrived = await Promise.race([peer.deliveries.next().then(({ text }) => text), peer.odd.next()])
  peer.close()
  await peer.closed
  // The first delivery of a connection has the first tag: it is the same frame.
  const { text, body } = await (await connected(baseUrl)).deliveries.next()
  expect([body, arrived.length]).toEqual(['intact', text.length])
  expect(Array.from(text).filter((character, at) => character !== String(arrived)[at])).toHaveLength(1)
})

test('mute: nothing is answered, delivered or heard; unmute goes on', async () => {
  const { baseUrl, control, stats } = room()
  const peer = await connected(baseUrl)
  await peer.settled()
  await control('mute')
  await control('produce', { body: 'late' })
  peer.publish('k', 'unheard')
  let answered = 0
  const waiting = [call(`${baseUrl}/demo/echo`), new NotifyPeer(baseUrl).answer].map(async (answer) => {
    const { status } = await answer
    answered++
    return status
  })
  await new Promise((resolve) => setTimeout(resolve, 60))
  expect([answered, peer.deliveries.rest.length, (await stats()).delivered]).toEqual([0, 0, 0])
  await control('unmute')
  expect(await Promise.all(waiting)).toEqual([200, 101])
  expect((await peer.deliveries.next()).body).toBe('late')
  expect(await stats()).toMatchObject({ published: 1, publishesTaken: 0 })
})

test('delay keeps back everything', async () => {
  const { baseUrl, control } = room()
  const peer = await connected(baseUrl)
  await control('delay', { ms: 50 })
  const timed = async (work: Promise<unknown>) => {
    const before = performance.now()
    await work
    return performance.now() - before
  }
  expect(await timed(peer.settled())).toBeGreaterThan(45)
  expect(await timed(call(`${baseUrl}/demo/echo`))).toBeGreaterThan(45)
})

test('reset forgets messages, counters, settings, clients and connections', async () => {
  const { baseUrl, control, stats } = room()
  const peer = await connected(baseUrl, 'named')
  await control('settings', { prefetch: 3 })
  await control('app', { key: 'other' })
  await control('produce', { count: 5 })
  await control('reset')
  expect(await peer.closed).toBe(1012)
  expect(await stats()).toMatchObject({
    published: 0,
    waiting: 0,
    connections: 0,
    queues: [],
    settings: { prefetch: 1000 },
  })
  expect((await call(`${baseUrl}/demo/echo`, { key: 'other' })).status).toBe(401)
})

test.each([
  ['explode', {}, 'unknown op "explode"'],
  ['settings', { prefetch: '1' }, 'prefetch'],
  ['settings', { tagType: 'bigint' }, 'tagType'],
  ['settings', { tagBase: '-1' }, 'tagBase'],
  ['delay', { ms: 'x' }, '"ms" must be a number'],
  ['drop', { code: 1006 }, '"code" must be one that a server may close with'],
  ['killEvery', { on: 'confirm' }, '"on" must be one of "delivery", "ack", "publish"'],
  ['produce', { count: -1 }, '"count" must be'],
  ['produce', { client: 'nobody' }, 'there is no client "nobody"'],
  ['app', { key: 'a/b' }, '"key" must be'],
  ['garbage', { hex: 'x' }, '"hex" must be'],
])('%s %j is refused with what is wrong', async (op, args, text) => {
  await expect(room().control(op, args)).rejects.toThrow(text)
})
