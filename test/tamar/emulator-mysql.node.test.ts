// PlanetScale's own client, and statements as clients write them, against the emulator's table.
import { connect } from '@planetscale/database'
import { describe, expect, test } from 'vitest'
import { TAMAR, tamarRoom } from '../support/emulator.ts'
import { rejection } from '../support/events.ts'
import type { TamarRoom } from '../support/room.ts'
import { database, insert } from '../support/tamar.ts'

const REQUIRED = 'id, target_user_id, push_type, status'
const PUT = `INSERT INTO push_messages (${REQUIRED}) VALUES ('a', 'ann', 1, 'PENDING')`

/** Columns of the row whose id is "a". */
const read = async (room: TamarRoom, columns: string): Promise<Record<string, unknown>> =>
  (await database(room).execute(`SELECT ${columns} FROM push_messages WHERE id = 'a'`)).rows[0] as Record<
    string,
    unknown
  >

describe('a row', () => {
  test('comes back as it was put, in the types of its columns', async () => {
    const room = tamarRoom()
    const db = database(room)
    const payload = { text: `'"\\\n\r\t\u001a%_ Grüße, 世界 😀`, n: 1.5, '': null, list: [1, 'a', {}] }
    const done = await db.execute(
      `INSERT INTO push_messages (id, sender_type, sender_id, target_user_id, push_type, seq, payload, status,
        command_request_id, nonce, expired_at, retry_interval)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, FROM_UNIXTIME(?), ?)`,
      [
        'a',
        'server',
        null,
        "o'neil\\",
        2,
        1n,
        JSON.stringify(payload),
        'PENDING',
        'r',
        'n',
        1_700_000_000.6,
        60_000,
      ],
    )
    expect(done).toMatchObject({ rowsAffected: 1, insertId: '0' })
    const { rows, types, headers } = await db.execute(
      'SELECT id, target_user_id, push_type, seq, payload, status, command_response, UNIX_TIMESTAMP(expired_at) AS expires, expired_at, retry_interval FROM push_messages WHERE id IN (?)',
      [['a', 'b']],
    )
    expect(types).toEqual({
      id: 'VARCHAR',
      target_user_id: 'VARCHAR',
      push_type: 'INT32',
      seq: 'INT64',
      payload: 'JSON',
      status: 'VARCHAR',
      command_response: 'JSON',
      expires: 'INT64',
      expired_at: 'TIMESTAMP',
      retry_interval: 'INT32',
    })
    expect(headers).toEqual(Object.keys(types))
    expect(rows).toEqual([
      {
        id: 'a',
        target_user_id: "o'neil\\",
        push_type: 2,
        seq: '1',
        payload,
        status: 'PENDING',
        command_response: null,
        expires: '1700000001',
        expired_at: '2023-11-14 22:13:21',
        retry_interval: 60_000,
      },
    ])
    expect(await room.stats()).toMatchObject({ rows: 1, inserted: 1, statements: 2 })
  })

  test.each(['9007199254740993', '9223372036854775807', '-9223372036854775808', '0'])(
    'keeps the number %s exactly',
    async (seq) => {
      const room = tamarRoom()
      await database(room).execute(
        `INSERT INTO push_messages (${REQUIRED}, seq) VALUES ('a', 'b', 1, 'c', ${seq})`,
      )
      expect(await read(room, 'seq')).toEqual({ seq })
    },
  )

  test('has the defaults of the database, and notes its changes', async () => {
    const room = tamarRoom()
    await room.control('skew', { ms: 1_700_000_000_000 - Date.now() })
    await database(room).execute(PUT)
    const row = await read(room, '*')
    expect(Object.keys(row)).toHaveLength(20)
    expect(row).toMatchObject({ created_at: row.updated_at, seq: null, deleted_at: null })
    expect(row.created_at).toMatch(/^2023-11-14 22:13:\d\d$/)
    await room.control('skew', { ms: 1_800_000_000_000 - Date.now() })
    const db = database(room)
    expect((await db.execute("UPDATE push_messages SET status = 'X' WHERE id = 'a'")).rowsAffected).toBe(1)
    const changed = await read(room, 'status, created_at, updated_at')
    expect(changed).toMatchObject({ status: 'X', created_at: row.created_at })
    expect(changed.updated_at).toMatch(/^2027-01-15 /)
  })

  test('has JSON as MySQL gives it back', async () => {
    const room = tamarRoom()
    const text = '{"bb":1,"a":[1.0,9007199254740993,"\\u00e4"],"a":[1.0,9007199254740993,"ä"],"c":{}}'
    const insert = `INSERT INTO push_messages (${REQUIRED}, payload) VALUES ('a', 'b', 1, 'c', ?)`
    await database(room).execute(insert, [text])
    const cast = (_: unknown, value: string | null) =>
      value === null ? null : new TextDecoder().decode(Uint8Array.from(value, (c) => c.charCodeAt(0)))
    const { rows } = await database(room).execute('SELECT payload FROM push_messages', null, { cast })
    expect(rows).toEqual([{ payload: '{"a": [1.0, 9007199254740993, "ä"], "c": {}, "bb": 1}' }])
  })

  test('is at the same instant whatever the time zone of the session', async () => {
    const room = tamarRoom()
    await room.control('settings', { timeZone: 120 })
    const db = database(room)
    await db.execute(`INSERT INTO push_messages (${REQUIRED}, expired_at, finished_at)
      VALUES ('a', 'b', 1, 'c', FROM_UNIXTIME(1700000000), '2023-11-14 22:13:20')`)
    expect(
      await read(room, 'UNIX_TIMESTAMP(expired_at) AS e, expired_at, UNIX_TIMESTAMP(finished_at) AS f'),
    ).toEqual({
      e: '1700000000',
      expired_at: '2023-11-15 00:13:20',
      // A literal is read in the zone of the session, and so means something else than in UTC.
      f: '1699992800',
    })
  })
})

describe('statements', () => {
  test('choose, sort, count, change and delete', async () => {
    const room = tamarRoom()
    const db = database(room)
    const values = [3, 1, 2].map((seq) => `('m${seq}', 'ann', 1, 'PENDING', ${seq})`)
    await db.execute(`insert into \`push_messages\` (${REQUIRED}, seq) values ${values.join(', ')};`)
    const ids = async (rest: string) =>
      (await db.execute(`SELECT id FROM push_messages ${rest}`, null, { as: 'array' })).rows.flat()
    expect(await ids('ORDER BY seq')).toEqual(['m1', 'm2', 'm3'])
    expect(await ids('ORDER BY seq DESC LIMIT 1, 5')).toEqual(['m2', 'm1'])
    expect(await ids('WHERE seq BETWEEN 2 AND 3 AND NOT id = "m3"')).toEqual(['m2'])
    expect(await ids("WHERE id LIKE 'm%' AND (seq < 2 OR seq IS NULL) LIMIT 10 OFFSET 0")).toEqual(['m1'])
    expect(await ids("WHERE id NOT IN ('m1', 'M2') AND deleted_at IS NULL")).toEqual(['m3'])
    expect(await ids('WHERE created_at > NOW() - INTERVAL 1 HOUR AND seq <> 1 ORDER BY id')).toEqual([
      'm2',
      'm3',
    ])
    expect((await db.execute('SELECT COUNT(*) AS n, MAX(seq) FROM push_messages p')).rows).toEqual([
      { n: '3', 'MAX(seq)': '3' },
    ])
    expect(
      (
        await db.execute(
          'SELECT status, COUNT(*) AS n FROM push_messages WHERE seq < 3 GROUP BY status ORDER BY status',
        )
      ).rows,
    ).toEqual([{ status: 'PENDING', n: '2' }])
    expect((await db.execute('DELETE FROM push_messages WHERE seq >= 2')).rowsAffected).toBe(2)
    expect(await ids('')).toEqual(['m1'])
    expect((await db.execute("SELECT 1, 'a' AS b, NULL")).rows).toEqual([{ '1': '1', b: 'a', NULL: null }])
  })

  test('name a thousand rows at once', async () => {
    const room = tamarRoom()
    const id = await insert(room)
    const ids = Array.from({ length: 1000 }, () => crypto.randomUUID())
    const found = await database(room).execute('SELECT id FROM push_messages WHERE id IN (?)', [[...ids, id]])
    expect(found.rows).toEqual([{ id }])
  })

  test.each([
    ["x' OR '1'='1", 'a quote that is escaped'],
    ["\\' OR 1=1 -- ", 'a comment within a text'],
    ['a\0b', 'a NUL'],
    ['"; DROP TABLE push_messages; --', 'a statement within a text'],
    ['%_*', 'wildcards'],
    ['`', 'a backtick'],
  ])('keep the hostile user id %j', async (userId) => {
    const room = tamarRoom()
    await insert(room, { userId })
    await insert(room, { userId: 'other' })
    const found = await database(room).execute(
      'SELECT target_user_id AS user FROM push_messages WHERE target_user_id = ?',
      [userId],
    )
    expect(found.rows).toEqual([{ user: userId }])
  })
})

describe('what MySQL refuses', () => {
  const values = (over: Record<string, string>): string => {
    const all = { id: "'b'", target_user_id: "'u'", push_type: '1', status: "'S'", ...over }
    return `INSERT INTO push_messages (${Object.keys(all)}) VALUES (${Object.values(all)})`
  }
  test.each([
    [
      PUT,
      'ALREADY_EXISTS',
      "Duplicate entry 'a' for key 'push_messages.PRIMARY' (errno 1062) (sqlstate 23000)",
    ],
    [PUT.replace("'a'", "'A'"), 'ALREADY_EXISTS', "Duplicate entry 'A'"],
    [values({ status: 'NULL' }), 'INVALID_ARGUMENT', "Column 'status' cannot be null (errno 1048)"],
    [
      "INSERT INTO push_messages (id) VALUES ('b')",
      'INVALID_ARGUMENT',
      "Field 'target_user_id' doesn't have a default",
    ],
    [
      values({ payload: '\'{"a":\'' }),
      'INVALID_ARGUMENT',
      'Invalid JSON text: "The document is empty." at position 5',
    ],
    [values({ payload: "'[object Object]'" }), 'INVALID_ARGUMENT', '(errno 3140) (sqlstate 22032)'],
    [values({ payload: "''" }), 'INVALID_ARGUMENT', '(errno 3140)'],
    [
      values({ id: `'${'x'.repeat(37)}'` }),
      'INVALID_ARGUMENT',
      "Data too long for column 'id' at row 1 (errno 1406)",
    ],
    [values({ push_type: "'x'" }), 'INVALID_ARGUMENT', "Incorrect integer value: 'x' for column 'push_type'"],
    [values({ push_type: '2147483648' }), 'INVALID_ARGUMENT', "Out of range value for column 'push_type'"],
    [values({ seq: '9223372036854775808' }), 'INVALID_ARGUMENT', "Out of range value for column 'seq'"],
    [values({ expired_at: "'soon'" }), 'INVALID_ARGUMENT', "Incorrect datetime value: 'soon'"],
    [values({ expired_at: "'2024-02-30 00:00:00'" }), 'INVALID_ARGUMENT', '(errno 1292) (sqlstate 22007)'],
    [values({ expired_at: 'FROM_UNIXTIME(2147483648)' }), 'INVALID_ARGUMENT', 'Incorrect datetime value'],
    [values({ nope: '1' }), 'INVALID_ARGUMENT', "Unknown column 'nope' in 'field list' (errno 1054)"],
    [
      'SELECT id FROM push_messages WHERE nope = 1',
      'INVALID_ARGUMENT',
      "Unknown column 'nope' in 'where clause'",
    ],
    ['SELECT * FROM users', 'NOT_FOUND', "Table 'isomq.users' doesn't exist (errno 1146) (sqlstate 42S02)"],
    [
      'INSERT INTO push_messages (id) VALUES (1, 2)',
      'INVALID_ARGUMENT',
      "Column count doesn't match value count",
    ],
    ['SELEC 1', 'INVALID_ARGUMENT', "syntax error at position 1 near 'SELEC'"],
    ['SELECT 1 -- all', 'INVALID_ARGUMENT', "syntax error at position 10 near '-- all'"],
    ['SELECT 1 /* all */', 'INVALID_ARGUMENT', 'syntax error'],
    ['SELECT 1; SELECT 2', 'INVALID_ARGUMENT', "syntax error at position 11 near 'SELECT'"],
    ["SELECT 'open", 'INVALID_ARGUMENT', 'syntax error'],
    ['SELECT id FROM push_messages WHERE id = ?', 'INVALID_ARGUMENT', "near '?'"],
    ['DROP TABLE push_messages', 'UNIMPLEMENTED', 'DROP'],
    ['SELECT SLEEP(5)', 'UNIMPLEMENTED', 'SLEEP'],
  ])('%s', async (sql, code, message) => {
    const room = tamarRoom()
    await database(room).execute(PUT)
    const error = await rejection(database(room).execute(sql))
    expect(error).toMatchObject({ name: 'DatabaseError', status: 400, body: { code } })
    expect(error.message).toContain(message)
    expect(await room.stats()).toMatchObject({ rows: 1 })
  })

  test('a wrong password', async () => {
    const { mysql } = tamarRoom()
    const url = mysql.replace(TAMAR.mysqlPassword, 'wrong')
    const error = await rejection(connect({ url }).execute('SELECT 1'))
    expect(error).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } })
    expect(error.message).not.toContain('wrong')
  })
})

test('the user names the room', async () => {
  const [one, other] = [tamarRoom(), tamarRoom()]
  await insert(one)
  expect(await one.stats()).toMatchObject({ rows: 1 })
  expect(await other.stats()).toMatchObject({ rows: 0 })
  const session = await fetch(`${new URL(one.site).origin}/psdb.v1alpha1.Database/CreateSession`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${one.name}:${TAMAR.mysqlPassword}`)}` },
    body: '{}',
  })
  expect(await session.json()).toHaveProperty('session.signature')
})
