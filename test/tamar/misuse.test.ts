// What goes wrong in a program: user ids, payloads, commands, limits.
import type { TamarCommand } from 'isomq/tamar'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, CONFIG, UUID } from '../support/tamar-ports.ts'

const LONE = ['\ud800', 'a\udc00b', '\udc00\ud800', `${'a'.repeat(254)}\ud83d`]
const BAD_IDS: readonly unknown[] = [
  ...['', undefined, null, 5, 5n, {}, [], ['a'], true, Symbol('u'), new String('u')],
  ...['a'.repeat(256), ...LONE],
]
describe('a user id', () => {
  test.each(BAD_IDS.map((id) => [id]))('%# that is none is refused, and nothing is done', async (id) => {
    const b = bench()
    for (const call of [
      b.client.sendRealtime(id as string, 1),
      b.client.sendReliable(id as string, 1),
      b.client.sendCommand(id as string, { type: 'x' }),
    ]) {
      const error = await rejection(call)
      expect(error).toEqual(CONFIG)
      expect(error.message).toContain('"userId"')
    }
    expect(b.asked).toEqual([])
  })

  test.each([
    '*',
    'user:*',
    '[a-z]?',
    'a b',
    ' ',
    'a\nb\r\n',
    '\0',
    "'; DROP TABLE push_messages; --",
    '"quoted"',
    '\\',
    '../../etc',
    '😀',
    'é',
    'e\u0301',
    '\u202e',
    'a'.repeat(255),
    '😀'.repeat(127),
    '__proto__',
  ])('%j is taken as it is', async (id) => {
    const b = bench()
    await b.client.sendRealtime(id, 1)
    await b.client.sendReliable(id, 1)
    expect(b.realtime[0]![0]).toBe(`realtime:user:${id}`)
    expect(b.keys[0]).toBe(`seq:user:${id}`)
    expect(b.rows[0]!.targetUserId).toBe(id)
  })
})

const circular: Record<string, unknown> = {}
circular.self = circular

const NOT_JSON: readonly (readonly [string, unknown])[] = [
  ['undefined', undefined],
  ['a function', () => 1],
  ['a symbol', Symbol('s')],
  ['a bigint', 5n],
  ['a bigint inside', { a: [5n] }],
  ['a circle', circular],
  ['NaN', Number.NaN],
  ['infinity inside', [Number.POSITIVE_INFINITY]],
  ['a Map', new Map([[1, 2]])],
  ['a Set inside', { a: new Set([1]) }],
  ['a promise that nobody awaited', Promise.resolve(1)],
  ['bytes', { a: new Uint8Array(2) }],
  ['an ArrayBuffer', new ArrayBuffer(2)],
  ['a WeakMap inside', [new WeakMap()]],
  ['an error', new Error('no')],
  ['a date that is none', { at: new Date(Number.NaN) }],
  [
    'a getter that throws',
    {
      get a() {
        throw new Error('no')
      },
    },
  ],
  [
    'a toJSON that throws',
    {
      toJSON() {
        throw 'no'
      },
    },
  ],
  ['a toJSON that gives nothing', { toJSON: () => undefined }],
]
describe('a payload', () => {
  test.each(NOT_JSON)('that is %s is refused, and nothing is done', async (_, payload) => {
    const b = bench()
    for (const call of [b.client.sendRealtime('u', payload), b.client.sendReliable('u', payload)]) {
      const error = await rejection(call)
      expect(error).toEqual(CONFIG)
      expect(error.message).toContain('JSON')
    }
    expect(b.asked).toEqual([])
  })

  test.each(NOT_JSON.filter(([name]) => name !== 'undefined'))(
    'of a command that is %s, too',
    async (_, data) => {
      const b = bench()
      expect(await rejection(b.client.sendCommand('u', { type: 'x', data }))).toEqual(CONFIG)
      expect(b.asked).toEqual([])
    },
  )

  test('with half characters goes out as escapes, which are JSON', async () => {
    const b = bench()
    await b.client.sendReliable('u', '\ud800')
    expect(b.rows[0]!.payload).toBe('"\\ud800"')
  })

  test('may have so many bytes of JSON, and no more', async () => {
    const b = bench({ maxPayload: 100 })
    // Each has 98 bytes, and two quotes.
    for (const fits of ['a'.repeat(98), 'é'.repeat(49), `${'王'.repeat(32)}aa`, `${'😀'.repeat(24)}aa`]) {
      await b.client.sendRealtime('u', fits)
      for (const call of [
        b.client.sendRealtime('u', `${fits}a`),
        b.client.sendReliable('u', `${fits}a`),
        b.client.sendCommand('u', { type: 'x', data: fits }),
      ]) {
        expect(await rejection(call)).toMatchObject({
          code: 'LIMIT',
          message: expect.stringContaining('maxPayload'),
        })
      }
    }
    expect(b.realtime).toHaveLength(4)
    expect(b.rows).toEqual([])
  })

  test('changed after the call changes nothing', async () => {
    const b = bench()
    const payload = { a: 1 }
    const sent = b.client.sendReliable('u', payload)
    payload.a = 2
    await sent
    expect(b.rows[0]!.payload).toBe('{"a":1}')
  })
})
describe('a command', () => {
  test.each<[string, object]>([
    ['"timeout"', { timeout: 0 }],
    ['"timeout"', { timeout: -1 }],
    ['"timeout"', { timeout: Number.NaN }],
    ['"timeout"', { timeout: 1.5 }],
    ['"timeout"', { timeout: '5' }],
    ['"timeout"', { timeout: 1e15 }],
    ['"timeout"', { timeout: Number.POSITIVE_INFINITY }],
    ['"retryInterval"', { retryInterval: 0 }],
    ['"retryInterval"', { retryInterval: -60_000 }],
    ['"retryInterval"', { retryInterval: 2 ** 31 }],
    ['"type"', { type: '' }],
    ['"type"', { type: undefined }],
    ['"type"', { type: 5 }],
    ['"senderType"', { senderType: 'admin' }],
    ['"senderId"', { senderId: '' }],
    ['"senderId"', { senderId: 5 }],
    ['"senderId"', { senderId: 'a'.repeat(256) }],
    ['"retry_interval"', { retry_interval: 5 }],
    ['"expires"', { expires: 5 }],
    ['"wait"', { wait: null }],
    ['"wait"', { wait: 0 }],
    ['"signal"', { signal: {} }],
  ])('with a wrong %s is refused', async (name, more) => {
    const b = bench()
    const error = await rejection(b.client.sendCommand('u', { type: 'x', ...more } as TamarCommand))
    expect(error).toEqual(CONFIG)
    expect(error.message).toContain(name)
    expect([b.asked, b.client.stats().waiting]).toEqual([[], 0])
  })

  test.each([undefined, null, 'reboot', 5])('that is %j is refused', async (command) => {
    expect(await rejection(bench().client.sendCommand('u', command as never))).toEqual(CONFIG)
  })

  test('may expire as late as the column can say, and the wait with it', async () => {
    const b = bench()
    const most = 2_147_483_647_000 - b.clock.now()
    expect(await rejection(b.client.sendCommand('u', { type: 'x', timeout: most + 1 }))).toEqual(CONFIG)
    const answer = b.client.sendCommand('u', { type: 'x', timeout: most })
    await flush()
    expect(b.rows[0]!.expiresAt).toBe(2_147_483_647_000)
    await b.clock.advance(100_000)
    b.replies.reply(b.rows[0]!.commandRequestId!, '1')
    expect(await answer).toBe(1)
  })
})
describe('a reliable message', () => {
  test.each<[string, object]>([
    ['"timeout"', { timeout: -1 }],
    ['"signal"', { signal: {} }],
    ['"signal"', { signal: 'now' }],
    ['"sender_type"', { sender_type: 'client' }],
    ['"senderType"', { senderType: 'SERVER' }],
    ['"senderType"', { senderType: null }],
    ['"senderId"', { senderId: {} }],
  ])('with a wrong %s is refused', async (name, options) => {
    const b = bench()
    const error = await rejection(b.client.sendReliable('u', 1, options as never))
    expect(error).toEqual(CONFIG)
    expect(error.message).toContain(name)
    expect(b.asked).toEqual([])
  })
})
describe('a limit', () => {
  test('that is null is none', async () => {
    const b = bench()
    await b.client.sendRealtime('u', 1, null as never)
    const id = await b.client.sendReliable('u', 1, null as never)
    await b.client.dispatch(id, null as never)
    expect(await b.client.result(id, null as never)).toMatchObject({ messageId: id })
    await b.client.connect(null as never)
  })

  test.each([-1, Number.NaN])('of %j is refused', async (timeout) => {
    const b = bench()
    const limits = { timeout }
    for (const call of [
      b.client.sendRealtime('u', 1, limits),
      b.client.dispatch('id', limits),
      b.client.result('id', limits),
      b.client.connect(limits),
    ]) {
      expect(await rejection(call)).toMatchObject({
        code: 'CONFIG',
        message: expect.stringContaining('timeout'),
      })
    }
    expect(b.asked).toEqual([])
  })

  test.each([0, 1e15, Number.POSITIVE_INFINITY])('of %j is none', async (timeout) => {
    const b = bench()
    await b.client.sendRealtime('u', 1, { timeout })
    await b.client.connect({ timeout })
    expect(b.clock.timers).toBe(0)
  })
})
describe('a message id', () => {
  test.each(['', undefined, null, 5, 'a'.repeat(256), '\ud800'])('%j is refused', async (id) => {
    const b = bench()
    expect(await rejection(b.client.dispatch(id as string))).toEqual(CONFIG)
    expect(await rejection(b.client.result(id as string))).toEqual(CONFIG)
    expect(b.asked).toEqual([])
  })

  test('is dispatched as it stands in the table, whatever was asked for', async () => {
    const b = bench()
    const id = await b.client.sendReliable('u', 1)
    expect(id).toMatch(UUID)
    // MySQL compares without regard to upper and lower case.
    b.acts.select = () => Promise.resolve([b.table.get(id)])
    await b.client.dispatch(id.toUpperCase())
    expect(b.out[1]!.body).toBe(`{"message_id": "${id}"}`)
  })
})
