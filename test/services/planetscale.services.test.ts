// What stands in for PlanetScale, judged by the driver that PlanetScale itself gives out.
import { Client, type Config, cast } from '@planetscale/database'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { rejection } from '../support/events.ts'
import { startMariaDb } from './mariadb.ts'
import type { MySqlPool } from './peers.ts'
import { DATABASE, type PlanetScaleProxy, startPlanetScaleProxy } from './planetscale-proxy.ts'
import { lacking, servers } from './services.ts'
import { createTable, mysqlPeer } from './table.ts'

const HOSTILE = `'; DROP TABLE push_messages; -- " \` \\ \\' \\0 \u0000 \b \u001a \u2028 % _ ? :id 👩‍👩‍👧 中`
const INSERT = 'INSERT INTO push_messages (id, target_user_id, push_type, status, seq, payload) VALUES (?)'
const row = (id: string, user: string, seq = '1', payload: unknown = null): unknown[][] => [
  [id, user, 1, 'PENDING', seq, JSON.stringify(payload)],
]

describe.skipIf(lacking)('the HTTP API in front of MariaDB', () => {
  let proxy: PlanetScaleProxy
  let mysql: MySqlPool
  beforeAll(async () => {
    proxy = await startPlanetScaleProxy(servers().mysql)
    mysql = mysqlPeer(servers().mysql, DATABASE)
    await mysql.query('TRUNCATE push_messages')
  })
  afterEach(() => proxy.heal())
  afterAll(async () => {
    await mysql.end()
    await proxy.close()
  })

  const driver = (config: Config = {}): Client => new Client({ url: proxy.databaseUrl, ...config })
  const rowsOf = async (id: string): Promise<readonly Record<string, string | null>[]> =>
    (await mysql.query<Record<string, string | null>[]>('SELECT * FROM push_messages WHERE id = ?', [id]))[0]

  test('writes and reads texts, JSON and big numbers as they are', async () => {
    const client = driver()
    const payload = { big: 1, text: HOSTILE, nested: [null, true, 1.5] }
    const written = await client.execute(INSERT, row('exact', HOSTILE, '9007199254740993', payload))
    expect(written.rowsAffected).toBe(1)
    const [stored] = await rowsOf('exact')
    expect(stored).toMatchObject({ target_user_id: HOSTILE, seq: '9007199254740993', sender_id: null })
    expect(stored!.payload).toBe(JSON.stringify(payload))
    const { rows, types } = await client.execute('SELECT * FROM push_messages WHERE id = ?', ['exact'])
    expect(types).toMatchObject({
      seq: 'INT64',
      push_type: 'INT32',
      payload: 'JSON',
      expired_at: 'TIMESTAMP',
    })
    expect(rows).toMatchObject([{ target_user_id: HOSTILE, seq: '9007199254740993', payload, push_type: 1 }])
  })

  test('gives JSON as text to whoever reads it so', async () => {
    const text = '{"n":9007199254740993}'
    await driver().execute(INSERT, [['text', 'u', 1, 'PENDING', 1, text]])
    const asText: Config['cast'] = (field, value) =>
      field.type === 'JSON' ? cast({ ...field, type: 'TEXT' }, value) : cast(field, value)
    const { rows } = await driver().execute('SELECT payload FROM push_messages WHERE id = ?', ['text'], {
      as: 'object',
      cast: asText,
    })
    expect(rows).toEqual([{ payload: text }])
  })

  test('keeps a transaction together', async () => {
    const client = driver()
    const failed = client.transaction(async (tx) => {
      await tx.execute(INSERT, row('undone', 'u'))
      await tx.execute('SELECT * FROM no_such_table')
    })
    expect((await rejection(failed)).message).toMatch(/no_such_table/)
    await client.transaction((tx) => tx.execute(INSERT, row('done', 'u')))
    expect([await rowsOf('undone'), (await rowsOf('done')).length]).toEqual([[], 1])
  })

  test("tells of the server's own errors and of wrong credentials", async () => {
    const client = driver()
    await client.execute(INSERT, row('twice', 'u'))
    const twice = await rejection(client.execute(INSERT, row('twice', 'u')))
    expect(twice).toMatchObject({ status: 400, body: { code: 'ALREADY_EXISTS' } })
    expect(twice.message).toMatch(/Duplicate entry 'twice'.*errno 1062.*sqlstate 23000/)
    const { host } = new URL(proxy.url)
    const refused = await rejection(new Client({ url: `http://no:body@${host}` }).execute('SELECT 1'))
    expect(refused).toMatchObject({ status: 401 })
  })

  test.each(['error', 'html', 'half', 'cut'] as const)('fails on order: %s', async (what) => {
    for (const when of ['before', 'after'] as const) {
      proxy.fault({ what, when })
      const id = `${what} ${when}`
      await rejection(driver().execute(INSERT, row(id, 'u')))
      expect(await rowsOf(id), id).toHaveLength(when === 'after' ? 1 : 0)
    }
  })

  test('a killed MariaDB is an error, and a restarted one has what it had', async () => {
    const client = driver()
    await client.execute(INSERT, row('kept', 'u'))
    await servers().mysql.kill()
    const gone = await rejection(client.execute(INSERT, row('lost', 'u')))
    expect(gone).toMatchObject({ body: { code: 'UNAVAILABLE' } })
    await servers().mysql.restart()
    const kept = (): Promise<unknown> =>
      client.execute('SELECT id FROM push_messages WHERE id = ?', ['kept']).then(({ rows }) => rows)
    await expect.poll(() => kept().catch(() => 'not yet'), { timeout: 10_000 }).toEqual([{ id: 'kept' }])
  })
})

// Summer and winter, and the second of the two hours that have one name in Berlin. The first of them FROM_UNIXTIME
// cannot name in such a zone: it becomes the second.
const INSTANTS = ['2026-01-15T12:00:00Z', '2026-07-15T12:00:00Z', '2026-10-25T01:30:00Z']

describe.skipIf(lacking).each(['+00:00', '+09:00', '-03:30', 'Europe/Berlin'])(
  'a server in the time zone %s',
  (zone) => {
    test('stores the instant that FROM_UNIXTIME names', async () => {
      const server = await startMariaDb(zone)
      await createTable(server)
      const proxy = await startPlanetScaleProxy(server)
      const client = new Client({ url: proxy.databaseUrl })
      const sql = INSERT.replace(
        'payload) VALUES (?)',
        'expired_at) VALUES (?, ?, 1, ?, 1, FROM_UNIXTIME(?))',
      )
      for (const at of INSTANTS) await client.execute(sql, [at, 'u', 'PENDING', Date.parse(at) / 1_000])
      const { rows } = await client.execute('SELECT id, UNIX_TIMESTAMP(expired_at) AS at FROM push_messages')
      expect(rows).toHaveLength(INSTANTS.length)
      for (const { id, at } of rows as { id: string; at: string }[]) {
        expect(Number(at), id).toBe(Date.parse(id) / 1_000)
      }
      await proxy.close()
      await server.stop()
    })
  },
)
