// Nothing answers a publish: when the connection breaks, those that may not have arrived are told by their numbers.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { seeded } from '../support/random.ts'
import { bench, type PrismBench } from './bench.ts'

const SECOND = 1_000

async function drop(b: PrismBench): Promise<void> {
  b.network.last.drop()
  await flush()
}

describe('publishes in doubt', () => {
  test('are those since the last sign of life, and of the 10 s before it', async () => {
    const b = bench()
    const script = await b.open()
    for (const after of [0, 5, 6]) {
      await b.clock.advance(after * SECOND)
      await b.notify.publish('k', 'x')
    }
    // At 11 s: the first is 11.5 s old at the next sign of life, the second 6.5 s.
    await b.clock.advance(500)
    script.deliver(1)
    await b.notify.publish('k', 'x')
    await b.clock.advance(60 * SECOND)
    await b.notify.publish('k', 'x')
    await drop(b)
    expect(b.doubtful).toEqual([[2, 5]])
    expect(b.notify.stats()).toMatchObject({ published: 5, doubtful: 4 })
  })

  test('are all of them on a connection that never showed life', async () => {
    const b = bench()
    await b.open()
    for (let n = 0; n < 5; n++) {
      await b.notify.publish('k', 'x')
      await b.clock.advance(40 * SECOND)
    }
    await drop(b)
    expect(b.doubtful).toEqual([[1, 5]])
  })

  test('are none when nothing was published, or only long before the last sign of life', async () => {
    const b = bench()
    const first = await b.open()
    first.deliver(1)
    await drop(b)
    const second = await b.next()
    await b.notify.publish('k', 'x')
    await b.clock.advance(11 * SECOND)
    second.deliver(2)
    await drop(b)
    expect(b.doubtful).toEqual([])
    expect(b.notify.stats()).toMatchObject({ published: 1, doubtful: 0 })
  })

  test('whatever arrives is a sign of life: an error, or what nobody can read', async () => {
    for (const frame of ['{"error":"busy"}', '{', Uint8Array.of(1)]) {
      const b = bench()
      const script = await b.open()
      await b.notify.publish('k', 'x')
      await b.clock.advance(11 * SECOND)
      script.send(frame)
      await drop(b)
      expect(b.doubtful).toEqual([])
    }
  })

  test('numbers count on over connections, and each break tells its own', async () => {
    const b = bench()
    await b.open()
    expect([await b.notify.publish('k', 'a'), await b.notify.publish('k', 'b')]).toEqual([1, 2])
    await b.again()
    expect(b.doubtful).toEqual([[1, 2]])
    await b.again()
    expect(b.doubtful).toEqual([[1, 2]])
    expect(await b.notify.publish('k', 'c')).toBe(3)
    await b.notify.close()
    await b.open()
    expect(await b.notify.publish('k', 'd')).toBe(4)
    await drop(b)
    expect(b.doubtful.at(-1)).toEqual([4, 4])
    const sessions = b.statuses.flatMap((status) => (status.type === 'doubtful' ? [status.session] : []))
    expect([sessions[0], sessions.at(-1)]).toEqual([1, 4])
  })

  test('are none after a close() that the server answers', async () => {
    const b = bench()
    await b.open()
    await b.notify.publish('k', 'x')
    await b.notify.close()
    expect(b.doubtful).toEqual([])
  })

  test.each([
    ['answers nothing', undefined],
    ['breaks off', 1006],
    ['says goodbye at the same time, and reads no more', 1012],
  ])('are told before close() resolves when the server %s', async (_, code) => {
    const b = bench()
    const { socket } = await b.open()
    await b.notify.publish('k', 'x')
    socket.answersClose = false
    const closed = b.notify.close().then(() => b.doubtful)
    await flush()
    if (code) socket.drop(code)
    else await b.clock.advance(500)
    expect(await closed).toEqual([[1, 1]])
    expect(b.notify.stats().doubtful).toBe(1)
  })

  test('what was never handed over is not among them, and goes out on the next connection', async () => {
    const b = bench()
    const first = await b.open()
    await b.notify.publish('k', 'sent')
    first.socket.sendFails = new Error('the socket takes no more')
    const waiting = b.notify.publish('k', 'waits')
    await flush()
    expect(b.doubtful).toEqual([[1, 1]])
    const second = await b.next()
    expect([await waiting, first.bodies, second.bodies]).toEqual([2, ['sent'], ['waits']])
  })

  test('are told before the break itself is, and before anybody hears of the state', async () => {
    const b = bench()
    const told: string[] = []
    b.notify.on('status', ({ type }) => told.push(type))
    b.notify.on('state', ({ to }) => told.push(to))
    await b.open()
    await b.notify.publish('k', 'x')
    await drop(b)
    expect(told.slice(2)).toEqual(['connected', 'doubtful', 'reconnecting', 'disconnected', 'retrying'])
  })

  test('those that the network has not taken yet stay in doubt, whatever the server says meanwhile', async () => {
    const b = bench()
    const script = await b.open()
    await b.notify.publish('k', 'x')
    script.socket.bufferedAmount = 1
    await b.clock.advance(60 * SECOND)
    script.deliver(1)
    await drop(b)
    expect(b.doubtful).toEqual([[1, 1]])
  })

  test('at random: never one too few, and too many by those of half a second at most', async () => {
    const random = seeded(42)
    for (let round = 0; round < 40; round++) {
      const b = bench({ idleTimeout: 0 })
      const script = await b.open()
      const times: number[] = []
      let heardAt = b.clock.now()
      const steps = 1 + Math.floor(random() * 60)
      const talks = random() * 0.3
      for (let step = 0; step < steps; step++) {
        await b.clock.advance(Math.floor(random() ** 4 * 8 * SECOND))
        if (random() < talks) {
          script.deliver(step)
          heardAt = b.clock.now()
        } else {
          times.push(b.clock.now())
          await b.notify.publish('k', 'x')
        }
      }
      await drop(b)
      const since = (from: number) => times.findIndex((at) => at >= from) + 1
      const [must, may] = [since(heardAt - 10 * SECOND), since(heardAt - 10 * SECOND - 500)]
      const [told] = b.doubtful
      if (must > 0) expect(told?.[1], `round ${round}`).toBe(times.length)
      if (must > 0) expect(told![0], `round ${round}`).toBeLessThanOrEqual(must)
      if (told) expect(told[0], `round ${round}`).toBeGreaterThanOrEqual(may)
      if (may === 0) expect(told, `round ${round}`).toBeUndefined()
    }
  })
})
