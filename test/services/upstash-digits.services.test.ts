// Counters of Redis beyond what a number holds, on their way into the table.
import { Redis } from '@upstash/redis'
import { upstashRedis } from 'isomq/tamar/upstash'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { RedisPeer } from './peers.ts'
import { lacking, servers } from './services.ts'
import { redisPeer } from './upstash-proxy.ts'
import { openWorld, type World } from './world.ts'

describe.skipIf(lacking)('on real servers', () => {
  let world: World
  let redis: RedisPeer
  beforeAll(async () => {
    world = await openWorld()
    redis = await redisPeer(servers().redis)
  })
  afterEach(() => world.reset())
  afterAll(async () => {
    redis.destroy()
    await world.close()
  })

  /** The next number of a user is this one. */
  const before = (user: string, next: bigint): Promise<unknown> =>
    redis.sendCommand(['SET', `seq:user:${user}`, `${next - 1n}`])

  test.each([2n ** 53n + 1n, 2n ** 63n - 1n])('the number %s stands in the row as it is', async (seq) => {
    const user = `user-${seq}`
    await before(user, seq)
    const id = await world.client('management').sendReliable(user, 1)
    expect(await world.gateway.rows('target_user_id = ?', user)).toMatchObject([{ id, seq: `${seq}` }])
  })

  test('numbers that are taken at once are exact, and each is taken by one row', async () => {
    const first = 2n ** 53n
    await before('busy', first)
    const client = world.client('management')
    await client.sendRealtime('busy', 'the driver is loaded')
    const asked = world.redis.requests.length
    await Promise.all(Array.from({ length: 20 }, () => client.sendReliable('busy', 1)))
    expect(world.redis.requests.slice(asked).map(({ path }) => path)).toEqual(['/pipeline'])
    const rows = await world.gateway.rows('target_user_id = ?', 'busy')
    const taken = rows.map(({ seq }) => BigInt(seq!)).toSorted((a, b) => Number(a - b))
    expect(taken).toEqual(Array.from({ length: 20 }, (_, i) => first + BigInt(i)))
  })

  test('the REST API has them as bare digits, alone and in a pipeline, and leaves texts alone', async () => {
    const { url, token } = world.redis
    const ask = async (path: string, body: unknown): Promise<string> => {
      const headers = { authorization: `Bearer ${token}` }
      const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
      return answer.text()
    }
    await before('bare', 2n ** 53n + 1n)
    const incr = ['INCR', 'seq:user:bare']
    expect(await ask('', incr)).toBe('{"result":9007199254740993}')
    expect(await ask('/pipeline', [incr, ['GET', 'seq:user:bare'], ['PING']])).toBe(
      '[{"result":9007199254740994},{"result":"9007199254740994"},{"result":"PONG"}]',
    )
    const driver = new Redis({ url, token, automaticDeserialization: false })
    expect(await driver.incr('small')).toBe(1)
    expect(String(await upstashRedis({ url, token }).incr('seq:user:bare', {}))).toBe('9007199254740995')
  })
})
