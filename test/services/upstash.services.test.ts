// What stands in for Upstash, judged by the driver that Upstash itself gives out.
import { Redis } from '@upstash/redis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { rejection } from '../support/events.ts'
import { Inbox } from '../support/inbox.ts'
import type { RedisPeer } from './peers.ts'
import { lacking, servers } from './services.ts'
import { redisPeer, startUpstashProxy, type UpstashProxy } from './upstash-proxy.ts'

const HOSTILE = ['a"b\'c\\', '\u0000', '👩‍👩‍👧', '\u2028\u2029', '中', '\r\n', '*', '[a-z]']

describe.skipIf(lacking)('the REST API in front of Redis', () => {
  let proxy: UpstashProxy
  let redis: RedisPeer
  beforeAll(async () => {
    const { port } = servers().redis
    proxy = await startUpstashProxy({ port })
    redis = await redisPeer({ port })
    await redis.sendCommand(['FLUSHALL'])
  })
  afterEach(() => proxy.heal())
  afterAll(async () => {
    redis.destroy()
    await proxy.close()
  })

  // `retry: false` tries twice.
  const driver = (options: object = {}): Redis =>
    new Redis({ url: proxy.url, token: proxy.token, retry: { retries: 0 }, ...options })

  test.each([true, false])('publishes and counts, with pipelines: %s', async (enableAutoPipelining) => {
    const client = driver({ enableAutoPipelining, automaticDeserialization: false })
    const heard = new Inbox<string>()
    const ear = await redisPeer(servers().redis)
    await ear.subscribe('ears', (message) => heard.push(message.toString()), true)
    for (const text of HOSTILE) {
      expect(await client.publish('ears', text)).toBe(1)
      expect(await heard.next()).toBe(text)
    }
    ear.destroy()
    expect(await client.publish('nobody', 'x')).toBe(0)
    const key = `seq:${enableAutoPipelining}`
    const counted = await Promise.all(Array.from({ length: 100 }, () => client.incr(key)))
    expect(counted.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
    await client.set('text', '中')
    expect(await client.get('text')).toBe('中')
  })

  test('subscribes', async () => {
    const subscription = driver().subscribe<unknown>('here')
    const heard = new Inbox<unknown>()
    subscription.on('message', ({ message }) => heard.push(message))
    await new Promise<void>((resolve) => subscription.on('subscribe', () => resolve()))
    await redis.sendCommand(['PUBLISH', 'here', '{"a":"中"}'])
    expect(await heard.next()).toEqual({ a: '中' })
    await subscription.unsubscribe()
  })

  test("tells of Redis's own errors and of a wrong token", async () => {
    await redis.sendCommand(['SET', 'word', 'x'])
    expect((await rejection(driver().incr('word'))).message).toMatch(/not an integer/)
    expect((await rejection(driver({ token: 'wrong' }).incr('n'))).message).toMatch(/WRONGPASS/)
  })

  test.each(['error', 'html', 'half', 'hang', 'cut'] as const)('fails on order: %s', async (what) => {
    const client = driver({ signal: what === 'hang' ? () => AbortSignal.timeout(50) : undefined })
    const key = `fault:${what}`
    proxy.fault({ what, when: 'before' })
    await rejection(client.incr(key))
    expect(await redis.sendCommand(['GET', key])).toBe(null)
    proxy.fault({ what, when: 'after' })
    await rejection(client.incr(key))
    expect(await redis.sendCommand(['GET', key])).toBe('1')
    expect(await client.incr(key)).toBe(2)
  })

  test('a killed Redis is an error, and a restarted one knows what it has answered', async () => {
    const client = driver()
    expect([await client.incr('kept'), await client.incr('kept')]).toEqual([1, 2])
    await servers().redis.kill()
    expect((await rejection(client.incr('kept'))).message).toMatch(/cannot be reached|closed|ECONN/i)
    await servers().redis.restart()
    await expect.poll(() => client.incr('kept').catch(() => 'not yet'), { timeout: 10_000 }).toBe(3)
  })
})
