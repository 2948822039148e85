import { describe, expect, test } from 'vitest'
import { prismRoom as room } from '../support/emulator.ts'
import { until } from '../support/events.ts'
import { connected } from './raw.ts'

describe('queues', () => {
  test('a named queue gets everything that comes after it was first consumed', async () => {
    const { baseUrl, control } = room()
    await control('produce', { key: 'before' })
    const peer = await connected(baseUrl, 'orders')
    await peer.settled()
    await control('produce', { key: 'after' })
    expect((await peer.deliveries.next()).key).toBe('after')
    const rest = await connected(baseUrl)
    expect([(await rest.deliveries.next()).key, (await rest.deliveries.next()).key]).toEqual([
      'before',
      'after',
    ])
  })

  test('bindings choose by patterns', async () => {
    const { baseUrl, control, stats } = room()
    expect(await control('bind', { queue: 'new', key: '*.new' })).toMatchObject({ keys: ['*.new'] })
    await control('bind', { queue: 'orders', key: 'order.#' })
    await control('bind', { queue: 'orders', key: 'refund' })
    await control('bind', { queue: '', key: 'nothing' })
    for (const key of ['order.new', 'order', 'order.a.b', 'x.new', 'refund', 'a.b.new']) {
      await control('produce', { key, body: key })
    }
    const news = await connected(baseUrl, 'new')
    expect(await news.bodies(2)).toEqual(['order.new', 'x.new'])
    const orders = await connected(baseUrl, 'orders')
    expect(await orders.bodies(4)).toEqual(['order.new', 'order', 'order.a.b', 'refund'])
    expect(await control('unbind', { queue: 'orders', key: 'refund' })).toMatchObject({ keys: ['order.#'] })
    await control('produce', { key: 'refund' })
    expect(await stats()).toMatchObject({ published: 7, unacked: 6, waiting: 0 })
  })

  test('clients have queues of their own; a connection can consume several', async () => {
    const { baseUrl, control } = room()
    await control('app', { key: 'other', secret: 's' })
    const mine = await connected(baseUrl, 'a')
    mine.consume('b')
    const other = await connected(baseUrl, undefined, { key: 'other', secret: 's' })
    await mine.settled()
    await control('produce', { body: 'x' })
    await control('produce', { body: 'y', client: 'other' })
    expect(await mine.bodies(2)).toEqual(['x', 'x'])
    expect(await other.bodies(1)).toEqual(['y'])
    await Promise.all([mine.settled(), other.settled()])
    expect([mine, other].map((peer) => peer.deliveries.rest.length)).toEqual([0, 0])
  })

  test('consumers of a queue take turns; a message goes to one of them', async () => {
    const { baseUrl, control } = room()
    const peers = [await connected(baseUrl), await connected(baseUrl)]
    await Promise.all(peers.map((peer) => peer.settled()))
    await control('produce', { count: 10 })
    const bodies = await Promise.all(peers.map((peer) => peer.bodies(5)))
    expect(new Set(bodies.flat()).size).toBe(10)
  })

  test('the window stops deliveries; each ack brings one more', async () => {
    const { baseUrl, control, stats } = room()
    await control('settings', { prefetch: 2 })
    await control('produce', { count: 5 })
    const peer = await connected(baseUrl)
    const { tag } = await peer.deliveries.next()
    await peer.deliveries.next()
    await peer.settled()
    expect(peer.deliveries.rest.length).toBe(0)
    expect(await stats()).toMatchObject({ unacked: 2, waiting: 3 })
    peer.ack(tag)
    expect((await peer.deliveries.next()).body).toBe('{"order":3}')
  })

  test('what was not acknowledged comes again, in order, and to others', async () => {
    const { baseUrl, control, stats } = room()
    await control('produce', { count: 6 })
    await control('settings', { prefetch: 3 })
    const [first, second] = [await connected(baseUrl), await connected(baseUrl)]
    const { tag } = await first.deliveries.next()
    await first.bodies(2)
    expect(await second.bodies(3)).toHaveLength(3)
    first.ack(tag)
    await first.settled()
    for (const peer of [second, first]) {
      peer.break()
      await peer.closed
    }
    await until(async () => (await stats()).connections === 0)
    await control('settings', { prefetch: 10 })
    const third = await connected(baseUrl)
    expect(await third.bodies(5)).toEqual([2, 3, 4, 5, 6].map((n) => `{"order":${n}}`))
    expect(await stats()).toMatchObject({ acked: 1 })
  })

  test('a long queue is delivered whole, and survives a crash of the server', async () => {
    const { baseUrl, control, stats } = room()
    await control('bind', { queue: 'kept', key: 'order.*' })
    await control('produce', { count: 1200 })
    const before = await connected(baseUrl, 'kept')
    await before.bodies(10)
    await control('crash')
    expect(await before.closed).toBe(1006)
    const peer = await connected(baseUrl, 'kept')
    for (let n = 1; n <= 1200; n++) {
      const { body, tag } = await peer.deliveries.next()
      expect(body).toBe(`{"order":${n}}`)
      peer.ack(tag)
    }
    await peer.settled()
    expect(await stats()).toMatchObject({ acked: 1200, unacked: 0, waiting: 1200 })
  })
})
