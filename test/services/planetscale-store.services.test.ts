// What a real server says of a row that is there already, of one that is not, and of a table that is missing.
import { planetscaleStore } from 'isomq/tamar/planetscale'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { rejection } from '../support/events.ts'
import { ROW } from '../support/tamar-table.ts'
import type { MySqlPool } from './peers.ts'
import { DATABASE, type PlanetScaleProxy, startPlanetScaleProxy } from './planetscale-proxy.ts'
import { lacking, servers } from './services.ts'
import { mysqlPeer } from './table.ts'

const LIMITS = { timeout: 10_000 }

describe.skipIf(lacking)('on MariaDB', () => {
  let proxy: PlanetScaleProxy
  let mysql: MySqlPool
  beforeAll(async () => {
    proxy = await startPlanetScaleProxy(servers().mysql)
    mysql = mysqlPeer(servers().mysql, DATABASE)
  })
  beforeEach(() => mysql.query('TRUNCATE push_messages'))
  afterAll(async () => {
    await mysql.end()
    await proxy.close()
  })

  const store = () => {
    const { url, username, password } = proxy
    return planetscaleStore({ url, username, password, random: () => 0 })
  }
  const count = async (): Promise<number> =>
    (await mysql.query<unknown[]>('SELECT id FROM push_messages'))[0].length

  test('a row is written once, however often it is asked for', async () => {
    await store().insert(ROW, LIMITS)
    await store().insert(ROW, LIMITS)
    expect(await count()).toBe(1)
    expect(await store().select([ROW.id, 'none'], LIMITS)).toMatchObject([{ id: ROW.id, status: 'PENDING' }])
    expect(await store().select(['none'], LIMITS)).toEqual([])
  })

  test.each(['error', 'html', 'half', 'cut'] as const)(
    'a row whose answer is lost is found: %s',
    async (what) => {
      proxy.fault({ what, when: 'after', times: 1 })
      const outcome = await store()
        .insert(ROW, LIMITS)
        .then(
          () => 'written',
          (error) => error.details.row,
        )
      // Half an answer is not asked for again.
      expect(outcome).toBe(what === 'half' ? undefined : 'written')
      expect(await count()).toBe(1)
    },
  )

  test('a row of which something else is taken is not written, though an answer was lost before', async () => {
    await mysql.query('ALTER TABLE push_messages ADD UNIQUE KEY one_nonce (nonce)')
    try {
      await store().insert({ ...ROW, id: 'first' }, LIMITS)
      for (const times of [0, 1]) {
        if (times > 0) proxy.fault({ what: 'html', when: 'before', times })
        expect(await rejection(store().insert(ROW, LIMITS) as Promise<unknown>)).toMatchObject({
          code: 'PROVIDER',
          details: { errno: 1062, duplicate: 'key', row: false },
        })
      }
      expect(await count()).toBe(1)
    } finally {
      await mysql.query('ALTER TABLE push_messages DROP KEY one_nonce')
    }
  })

  test('a missing table says where to look', async () => {
    await mysql.query('RENAME TABLE push_messages TO elsewhere')
    try {
      const error = await rejection(store().insert(ROW, LIMITS) as Promise<unknown>)
      expect(error).toMatchObject({ details: { errno: 1146, row: false } })
      expect(error.message).toMatch(/doesn't exist.*; check the database that the credentials choose$/)
    } finally {
      await mysql.query('RENAME TABLE elsewhere TO push_messages')
    }
  })
})
