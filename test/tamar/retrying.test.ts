// What the drivers over HTTP tell a logger of what they try again.
import type { DebugRecord } from 'isomq/tamar'
import { type TamarRedis, upstashRedis } from 'isomq/tamar/upstash'
import { describe, expect, test } from 'vitest'
import { FakeClock } from '../support/clock.ts'
import { seeded } from '../support/random.ts'
import { driven, fakeFetch, type Given, status } from '../support/tamar-http.ts'
import { DONE, errno, storeOver } from '../support/tamar-table.ts'

type Logger = (record: DebugRecord) => void

async function incr(answers: Given[], logger: Logger): Promise<unknown> {
  const clock = new FakeClock()
  const url = 'https://redis.test'
  const { fetch } = fakeFetch(...answers)
  const redis: TamarRedis = upstashRedis({ url, token: 'MARKER', clock, random: seeded(1), fetch, logger })
  return driven(clock, redis.incr('k', { timeout: 0 }))
}

test('each pause of a command of Redis is told, with its reason and no secret', async () => {
  const records: DebugRecord[] = []
  const busy = status(429, 'Bearer MARKER')
  expect(await incr([busy, busy, { result: 5 }], (record) => records.push(record))).toBe(5)
  const told = { provider: 'tamar', event: 'retrying', service: 'redis', at: expect.any(Number) }
  const error = expect.stringContaining('status 429')
  const delay = expect.any(Number)
  expect(records).toEqual([
    { ...told, attempt: 1, delay, error },
    { ...told, attempt: 2, delay, error },
  ])
  expect(records[1]!.at - records[0]!.at).toBe(records[0]!.delay)
  expect(JSON.stringify(records)).not.toContain('MARKER')
})

test('each pause of a query is told', async () => {
  const records: DebugRecord[] = []
  const { insert } = storeOver([errno(1213, 'Deadlock found'), DONE], {
    logger: (record) => records.push(record),
  })
  await insert()
  expect(records).toMatchObject([
    { event: 'retrying', service: 'store', attempt: 1, error: expect.stringContaining('Deadlock found') },
  ])
})

test('what succeeds at once, or is not tried again, is not told', async () => {
  const records: DebugRecord[] = []
  const logger: Logger = (record) => records.push(record)
  await incr([{ result: 1 }], logger)
  await incr([status(500)], logger).catch(() => {})
  await storeOver([errno(1054)], { logger })
    .insert()
    .catch(() => {})
  expect(records).toEqual([])
})

describe('a logger does no harm', () => {
  const fail = () => {
    throw new Error('of the logger')
  }
  test.each<[string, Logger]>([
    ['that throws', fail],
    ['that rejects', async () => fail()],
    // biome-ignore lint/suspicious/noThenProperty: what a logger may give
    ['whose promise is odd', () => ({ then: fail })],
  ])('%s', async (_, logger) => {
    expect(await incr([status(429), { result: 5 }], logger)).toBe(5)
    await storeOver([status(502), DONE], { logger }).insert()
  })
})
