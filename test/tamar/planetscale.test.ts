// MySQL over HTTP by the real @planetscale/database: the requests, and what may be shown of them.
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { rejection } from '../support/events.ts'
import { brokenOff, refusedBy, status } from '../support/tamar-http.ts'
import {
  COLUMNS,
  DONE,
  errno,
  failed,
  password,
  ROW,
  rows,
  sqlOf,
  storeOver,
} from '../support/tamar-table.ts'

describe('an INSERT', () => {
  test('is one request with user and password', async () => {
    const { asked, insert, clock } = storeOver([DONE])
    await insert()
    expect(asked).toHaveLength(1)
    expect(asked[0]).toMatchObject({
      url: 'https://db.test/psdb.v1alpha1.Database/Execute',
      method: 'POST',
      redirect: 'manual',
    })
    const { authorization, 'content-type': type } = asked[0]!.headers
    expect([authorization, type]).toEqual([`Basic ${btoa(`me:${password}`)}`, 'application/json'])
    expect(JSON.parse(asked[0]!.body)).toEqual({
      query:
        `INSERT INTO push_messages ${COLUMNS} VALUES ('${ROW.id}', 'server', null, 'u1', 1, '7',` +
        ` '{\\"a\\":1}', 'PENDING', null, '${ROW.nonce}', FROM_UNIXTIME(null), null)`,
      session: null,
    })
    expect(clock.timers).toBe(0)
  })

  test('of a command has the instant, whatever the time zone, and the interval', async () => {
    const { asked, insert } = storeOver([DONE])
    await insert({
      pushType: 2,
      seq: '9223372036854775807',
      commandRequestId: 'c',
      senderType: 'client',
      senderId: 's',
      expiresAt: 1_700_001_800_123,
      retryInterval: 60_000,
    })
    expect(sqlOf(asked[0]!)).toContain(
      `VALUES ('${ROW.id}', 'client', 's', 'u1', 2, '9223372036854775807', '{\\"a\\":1}', 'PENDING', 'c',` +
        ` '${ROW.nonce}', FROM_UNIXTIME(1700001800.123), 60000)`,
    )
  })

  test.each([
    ["'; DROP TABLE push_messages; --", "'''; DROP TABLE push_messages; --'"],
    ['\\', "'\\\\'"],
    ["\\' OR 1=1", "'\\\\'' OR 1=1'"],
    ['"a"', '\'\\"a\\"\''],
    ['a\nb\r\t', "'a\\nb\\r\\t'"],
    ['\0\x1a\b', "'\\0\\Z\\b'"],
    ['?', "'?'"],
    ['é 王 😀', "'é 王 😀'"],
    ['*', "'*'"],
  ])('has the user id %j in quotes', async (targetUserId, literal) => {
    const { asked, insert } = storeOver([DONE])
    await insert({ targetUserId })
    expect(sqlOf(asked[0]!)).toContain(`null, ${literal}, 1, '7'`)
  })

  test.each(['https://db.test/base/', 'https://db.test/base'])('goes below the path of %s', async (url) => {
    const { asked, insert } = storeOver([DONE], { url })
    await insert()
    expect(asked[0]!.url).toBe('https://db.test/base/psdb.v1alpha1.Database/Execute')
  })

  test('goes to a host over TLS, and to a URL as it says', async () => {
    const host = storeOver([DONE], { url: undefined, host: 'aws.connect.psdb.cloud' })
    await host.insert()
    expect(host.asked[0]!.url).toBe('https://aws.connect.psdb.cloud/psdb.v1alpha1.Database/Execute')
    const url = storeOver([DONE], { url: 'http://127.0.0.1:4000' })
    await url.insert()
    expect(url.asked[0]!.url).toBe('http://127.0.0.1:4000/psdb.v1alpha1.Database/Execute')
  })

  test.each(['p:a:s', 'p@/?#%', '"\\', 'ümläut', '密码😀'])(
    'signs in with the password %j in UTF-8',
    async (given) => {
      const { asked, insert } = storeOver([DONE], { password: given })
      await insert()
      const bytes = Uint8Array.from(atob(asked[0]!.headers.authorization!.slice(6)), (unit) =>
        unit.charCodeAt(0),
      )
      expect(new TextDecoder().decode(bytes)).toBe(`me:${given}`)
    },
  )

  test('does not wait for another: each has a session of its own', async () => {
    const { asked, insert } = storeOver([DONE])
    await insert()
    await Promise.all([insert(), insert()])
    expect(asked.map(({ body }) => JSON.parse(body).session)).toEqual([null, null, null])
  })
})
describe('a SELECT', () => {
  test('asks for all ids at once', async () => {
    const { asked, select } = storeOver([rows()])
    expect(await select('a', "b'", 'c\\')).toEqual([])
    expect(sqlOf(asked[0]!)).toBe(
      "SELECT id, status, command_request_id, command_response FROM push_messages WHERE id IN ('a', 'b''', 'c\\\\')",
    )
  })

  test('gives what the table holds, JSON as text with all its digits', async () => {
    const response = '{"n": 9007199254740993, "t": "é 王 😀 \\"q\\""}'
    const { select } = storeOver([rows(['a', 'FINISHED', 'c', response], ['b', 'PENDING', null, null])])
    expect(await select('a', 'b')).toEqual([
      { id: 'a', status: 'FINISHED', commandRequestId: 'c', commandResponse: response },
      { id: 'b', status: 'PENDING', commandRequestId: null, commandResponse: null },
    ])
  })

  test('of nothing that is there, in any of the ways to say so', async () => {
    const { fields } = rows().result
    for (const answer of [rows(), { result: { fields } }]) {
      expect(await storeOver([answer]).select('a')).toEqual([])
    }
  })

  test('is tried again, whatever happened', async () => {
    for (const first of [
      status(500),
      status(503),
      brokenOff(),
      refusedBy('ECONNRESET'),
      errno(2013),
      errno(1213),
    ]) {
      const { asked, select } = storeOver([first, rows(['a', 'PENDING', null, null])])
      expect(await select('a')).toHaveLength(1)
      expect(asked).toHaveLength(2)
    }
  })

  test.each<[string, object]>([
    ['rows without fields', { result: { rows: [{ lengths: ['1'], values: btoa('a') }] } }],
    [
      'other columns',
      { result: { fields: [{ name: 'x', type: 'INT64' }], rows: [{ lengths: ['1'], values: btoa('1') }] } },
    ],
    ['nothing', { result: {} }],
    ['a list', { result: [] }],
    ['no columns', { result: { fields: [], rows: [] } }],
    ['what an INSERT is answered with', DONE],
    ['rows that are a text', { result: { fields: [], rows: 'many' } }],
    [
      'values that are no base64',
      { result: { fields: [{ name: 'id' }], rows: [{ lengths: ['1'], values: '%%%' }] } },
    ],
    ['a row that is null', { result: { fields: [{ name: 'id' }], rows: [null] } }],
    ['no lengths', { result: { fields: [{ name: 'id' }], rows: [{ values: '' }] } }],
    ['an id that is null', rows([null, 'PENDING', null, null])],
  ])('answered with %s is an error of ours', async (_, answer) => {
    expect(await rejection(storeOver([answer]).select('a'))).toMatchObject({
      name: 'IsomqError',
      code: 'PROTOCOL',
    })
  })
})
test.each<[string, (text: string) => Response]>([
  ['200', (text) => status(200, text)],
  ['200 in half JSON', (text) => status(200, `{"${text}`)],
  ['200 with an error', (text) => status(200, failed(text))],
  ['400 with an error', (text) => status(400, failed(`${text} (errno 1045)`))],
  ['an error whose code it is', (text) => status(400, { error: { code: text, message: 'x' } })],
  ['an error without a message', (text) => status(400, { error: { [text]: 1 } })],
  ['401', (text) => status(401, text)],
  ['500', (text) => status(500, text)],
])('neither password nor what it is sent as stands in an error: %s', async (_, answer) => {
  const basic = btoa(`me:${password}`)
  for (const quoted of [password, basic, `Authorization: Basic ${basic}`, encodeURIComponent(password)]) {
    const { insert, select } = storeOver([answer(quoted)], { retries: 0 })
    for (const error of [await rejection(insert()), await rejection(select('a'))]) {
      const shown = everything([error, JSON.stringify(error)])
      expect(shown).not.toMatch(/MARKER/)
      expect(shown).not.toContain(basic)
    }
  }
})
