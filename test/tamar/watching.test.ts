// What a client tells of its work.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { bench, CONFIG } from '../support/tamar-ports.ts'

describe('what is told', () => {
  test('stats() counts', async () => {
    const b = bench()
    const zero = b.client.stats()
    expect(Object.values(zero).every((value) => value === 0)).toBe(true)
    await b.client.sendRealtime('u1', 1)
    await b.client.sendReliable('u1', 1)
    const sent = b.client.sendCommand('u1', { type: 'x' })
    await flush()
    expect(b.client.stats()).toEqual({ ...zero, realtime: 1, rows: 2, dispatched: 2, waiting: 1 })
    const { correlationId } = b.out[1]!
    b.replies.reply(correlationId!, '1')
    b.replies.reply(correlationId!, '2')
    b.replies.reply('stranger', '3')
    await sent
    expect(b.client.stats()).toEqual({
      ...zero,
      realtime: 1,
      rows: 2,
      dispatched: 2,
      answered: 1,
      unclaimed: 2,
    })
  })

  test('on("debug") and the logger tell what was written and dispatched, without what is in it', async () => {
    const logged: unknown[] = []
    const b = bench({ logger: (record) => void logged.push(record) })
    const id = await b.client.sendReliable('u1', 'SECRET-CONTENT')
    expect(b.records).toMatchObject([
      { provider: 'tamar', at: b.clock.now(), event: 'written', messageId: id },
      { provider: 'tamar', at: b.clock.now(), event: 'dispatched', messageId: id },
    ])
    expect(logged).toEqual(b.records)
    expect(JSON.stringify(logged)).not.toContain('SECRET')
  })

  test('a logger or a handler that throws harms nothing', async () => {
    const b = bench({
      logger() {
        throw new Error('full')
      },
    })
    b.client.on('debug', () => Promise.reject(new Error('full')))
    await b.client.sendReliable('u1', 1)
    await flush()
    expect(b.errors.length).toBeGreaterThan(0)
    expect(b.errors.every(({ message }) => message === 'full')).toBe(true)
  })

  test('on() gives what takes a handler off, and refuses what is no function', async () => {
    const b = bench()
    const seen: unknown[] = []
    const off = b.client.on('debug', (record) => seen.push(record))
    off()
    await b.client.sendReliable('u1', 1)
    expect(seen).toEqual([])
    expect(() => b.client.on('error', undefined as never)).toThrow(CONFIG)
  })
})
