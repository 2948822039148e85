import { describe, expect, test } from 'vitest'
import { webmqRoom as room } from '../support/emulator.ts'
import { Peer1, Peer2 } from './raw.ts'

const TOPIC = 'com.example.topic'
const ECHO = 'com.example.demo.echo'

const both = async (url: string) => [await Peer1.connect(url), await Peer2.connect(url)] as const

interface Handed {
  readonly session: unknown
  readonly publications: readonly (readonly [first: number, last: number])[]
}

const numbers = ([first, last]: readonly [number, number]): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i)

describe('a connection', () => {
  test('is dropped with a code, and on a wire without a goodbye', async () => {
    const { url, wire, control, stats } = room()
    const peers = await both(url)
    expect(await control('drop', { code: 1012 })).toMatchObject({ dropped: 2 })
    for (const peer of peers) expect((await peer.closed).code).toBe(1012)
    const wired = await Peer2.connect(wire)
    await control('drop', { abrupt: true })
    expect((await wired.closed).code).toBe(1006)
    expect(await stats()).toMatchObject({ dropped: 3, sessions: 0 })
  })

  test('without a wire falls silent and breaks at its next frame', async () => {
    const { url, control } = room()
    const peer = await Peer1.connect(url)
    await peer.subscribe(TOPIC)
    await control('drop', { connection: 'random', abrupt: true })
    await control('publish')
    peer.send(5, 'x')
    expect((await peer.closed).code).toBe(1006)
    expect(peer.messages.rest).toEqual([])
  })

  test('is dropped after so many frames', async () => {
    const { wire, control } = room()
    const peer = await Peer2.connect(wire)
    await peer.subscribe(TOPIC)
    await control('dropAfter', { frames: 3 })
    await control('publish', { count: 5 })
    expect((await peer.closed).code).toBe(1006)
    const { deliveries } = (await control('deliveries')) as { deliveries: object[] }
    expect(deliveries).toMatchObject([
      { version: 2, session: peer.session, ended: 'abrupt', publications: [[1, 3]] },
    ])
  })

  test.each(['result', 'command'])('dies of every so many of %s', async (on) => {
    const { wire, control, stats } = room()
    await control('killEvery', { frames: 3, on, seed: 5, kills: 12 })
    let answered = 0
    for (let kills = 0; kills < 12; kills++) {
      const peer = await (kills % 2 ? Peer1 : Peer2).connect(wire)
      const closed = peer.closed.then(() => undefined)
      for (;;) {
        if (peer instanceof Peer1) peer.send(2, 'id', ECHO)
        else peer.request(48, {}, ECHO)
        if ((await Promise.race([peer.next(), closed])) === undefined) break
        answered++
      }
    }
    const { killsLeft, dropped, calls } = await stats()
    expect([killsLeft, dropped]).toEqual([0, 12])
    // Before a command nothing is done, after it nothing comes back; a result is lost after the work.
    expect(calls).toBeGreaterThan(answered)
    expect(calls).toBeLessThanOrEqual(answered + 12)
  })

  test.each([
    ['wamp', undefined],
    ['wamp.2.json', undefined],
    ['wamp.2.json', 1001],
  ])('of %s dies of events (%s), and what was handed to it is known', async (version, code) => {
    const { wire, control } = room()
    await control('killEvery', { frames: 20, on: 'event', seed: 7, kills: 20, code })
    const published = control('publish', { count: 1000, patient: true }).then(() => 'published')
    const received: unknown[][] = []
    for (let over = false; !over; ) {
      const peer = await (version === 'wamp' ? Peer1 : Peer2).connect(wire)
      peer.send(...(version === 'wamp' ? [5, TOPIC] : [32, 1, {}, TOPIC]))
      over = (await Promise.race([published, peer.closed])) === 'published'
      if (over) peer.close()
      await peer.closed
      received.push(
        peer.messages.rest
          .flatMap((message) => JSON.stringify(message).match(/(?<="n":)\d+/) ?? [])
          .map(Number),
      )
    }
    const { deliveries } = (await control('deliveries')) as unknown as { deliveries: Handed[] }
    const handed = deliveries.map(({ publications }) => publications.flatMap(numbers))
    expect(handed.flat().length).toBeGreaterThan(900)
    for (const mine of received.filter(({ length }) => length > 0)) {
      const record = handed.find(([first]) => first === mine[0])
      // In order and once; an abrupt end may have taken the last of them.
      expect(record?.slice(0, mine.length)).toEqual(mine)
      if (code !== undefined) expect(record).toEqual(mine)
    }
  })
})

test('deliveries: those of one session, and none after they were cleared', async () => {
  const { url, control } = room()
  const [one, two] = await both(url)
  await one.subscribe(TOPIC)
  await control('publish')
  await two.subscribe(TOPIC)
  await two.subscribe('com', { match: 'prefix' })
  await control('publish', { count: 2 })
  await control('publish', { exclude: [one.session] })
  await control('publish')
  const handed = async (args: object) => {
    const { deliveries } = (await control('deliveries', args)) as unknown as { deliveries: Handed[] }
    return deliveries.map(({ session, publications }) => [session, publications.flatMap(numbers)])
  }
  expect(await handed({ session: one.session })).toEqual([[one.session, [1, 2, 3, 5]]])
  // Each by two subscriptions.
  expect((await handed({ clear: true }))[1]).toEqual([two.session, [2, 2, 3, 3, 4, 4, 5, 5]])
  expect(await handed({})).toEqual([])
})
