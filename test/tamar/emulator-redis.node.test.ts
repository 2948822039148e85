// Upstash's own client, and bare requests, against the emulator's Redis.
import { describe, expect, test } from 'vitest'
import { globMatches } from '../../playground/emulators/tamar-glob.ts'
import { TAMAR, tamarRoom } from '../support/emulator.ts'
import { rejection } from '../support/events.ts'
import { Inbox } from '../support/inbox.ts'
import type { TamarRoom } from '../support/room.ts'
import { redisOf } from '../support/tamar.ts'

const ask = (room: TamarRoom, path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(room.redis + path, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { authorization: `Bearer ${TAMAR.token}`, ...headers },
  })

const answered = async (response: Promise<Response>): Promise<[status: number, body: unknown]> => {
  const { status, body } = await response.then(async (one) => ({
    status: one.status,
    body: await one.json(),
  }))
  return [status, body]
}

describe("Upstash's client", () => {
  test('counts, keeps and deletes, each call for itself and in pipelines', async () => {
    const room = tamarRoom()
    for (const redis of [redisOf(room), redisOf(room, { enableAutoPipelining: false })]) {
      await redis.del('n', 'text')
      expect([await redis.incr('n'), await redis.incr('n')]).toEqual([1, 2])
      expect(await redis.set('text', 'Grüße, 世界 😀')).toBe('OK')
      expect([await redis.get('text'), await redis.get('n'), await redis.get('none')]).toEqual([
        'Grüße, 世界 😀',
        2,
        null,
      ])
      expect(await redis.ping()).toBe('PONG')
      expect(await Promise.all([redis.incr('n'), redis.incr('n'), redis.publish('x', 'y')])).toEqual([
        3, 4, 0,
      ])
      expect(await redis.multi().incr('n').set('a', '1').exec()).toEqual([5, 'OK'])
    }
  })

  test('hears what is published to a channel, and to all that fit a pattern', async () => {
    const room = tamarRoom()
    const redis = redisOf(room)
    const [exact, fitting] = [new Inbox<unknown>(), new Inbox<unknown>()]
    const channel = redis.subscribe<unknown>('realtime:user:ann')
    const pattern = redis.psubscribe<unknown>('realtime:user:*')
    const ready = [channel, pattern].map(
      (one) =>
        new Promise((resolve) => {
          one.on('subscribe', resolve)
          one.on('psubscribe' as never, resolve)
        }),
    )
    channel.on('message', ({ message }) => exact.push(message))
    pattern.on('pmessage', (event) => fitting.push(event))
    await Promise.all(ready)
    // The gateway of the room listens, too.
    expect(await redis.publish('realtime:user:ann', JSON.stringify({ a: 'ä, b' }))).toBe(3)
    expect(await exact.next()).toEqual({ a: 'ä, b' })
    expect(await fitting.next()).toMatchObject({ channel: 'realtime:user:ann', message: { a: 'ä, b' } })
    expect(await redis.publish('realtime:user:bob', '1')).toBe(2)
    expect(await fitting.next()).toMatchObject({ channel: 'realtime:user:bob', message: 1 })
    await Promise.all([channel.unsubscribe(), pattern.unsubscribe()])
  })

  test('is refused with a wrong token, and told what a command lacks', async () => {
    const room = tamarRoom()
    expect((await rejection(redisOf(room, { token: 'wrong' }).incr('a'))).message).toContain('WRONGPASS')
    const redis = redisOf(room)
    await redis.set('text', 'no number')
    expect((await rejection(redis.incr('text'))).message).toContain('not an integer')
    expect((await rejection(redis.lpush('list', 1))).message).toContain("unknown command 'lpush'")
    expect(await room.stats()).toMatchObject({ refused: 1 })
  })
})

describe('over bare HTTP', () => {
  test('numbers of 64 bits stay exact, and end where Redis ends them', async () => {
    const room = tamarRoom()
    await ask(room, '', ['SET', 'n', '9007199254740992'])
    expect(await (await ask(room, '/', ['incr', 'n'])).text()).toBe('{"result":9007199254740993}')
    await ask(room, '', ['SET', 'n', '9223372036854775807'])
    expect(await answered(ask(room, '', ['INCR', 'n']))).toEqual([
      400,
      { error: 'ERR increment or decrement would overflow' },
    ])
  })

  test('an error of one command of a pipeline is an item of a good answer', async () => {
    const room = tamarRoom()
    const commands = [['SET', 'a', 'x'], ['INCR', 'a'], ['GET'], ['NOPE', 'y'], ['GET', 'a']]
    expect(await answered(ask(room, '/pipeline', commands))).toEqual([
      200,
      [
        { result: 'OK' },
        { error: 'ERR value is not an integer or out of range' },
        { error: "ERR wrong number of arguments for 'get' command" },
        { error: "ERR unknown command 'NOPE', with args beginning with: 'y' " },
        { result: 'x' },
      ],
    ])
  })

  test('a transaction with a command that is none is discarded as a whole', async () => {
    const room = tamarRoom()
    const [status, body] = await answered(ask(room, '/multi-exec', [['INCR', 'n'], ['NOPE']]))
    expect([status, body]).toEqual([400, { error: expect.stringContaining('EXECABORT') }])
    expect(await answered(ask(room, '', ['GET', 'n']))).toEqual([200, { result: null }])
  })

  test('texts go out in Base64 when that is asked for, except OK', async () => {
    const room = tamarRoom()
    const headers = { 'upstash-encoding': 'base64' }
    expect(await answered(ask(room, '', ['SET', 'a', 'ä'], headers))).toEqual([200, { result: 'OK' }])
    expect(await answered(ask(room, '', ['GET', 'a'], headers))).toEqual([200, { result: 'w6Q=' }])
    expect(await answered(ask(room, '', ['INCR', 'n'], headers))).toEqual([200, { result: 1 }])
  })

  test('SET takes a time to live, and NX or XX', async () => {
    const room = tamarRoom()
    const run = async (...command: string[]) => (await answered(ask(room, '', command)))[1]
    expect(await run('SET', 'a', '1', 'XX')).toEqual({ result: null })
    expect(await run('SET', 'a', '1', 'NX', 'EX', '10')).toEqual({ result: 'OK' })
    expect(await run('SET', 'a', '2', 'NX')).toEqual({ result: null })
    expect(await run('SET', 'a', '2', 'EX')).toEqual({ error: 'ERR syntax error' })
    await room.control('skew', { ms: 11_000 })
    expect(await run('GET', 'a')).toEqual({ result: null })
  })

  test.each(['{', '', '[]', '[[]]', '{"a":1}', '[1,null]'])('the body %s is no command', async (body) => {
    const [status] = await answered(ask(tamarRoom(), '', body))
    expect(status).toBe(400)
  })
})

test.each<[string, string, boolean]>([
  ['realtime:user:*', 'realtime:user:', true],
  ['realtime:user:*', 'realtime:user:a:b', true],
  ['realtime:user:*', 'realtime:users:a', false],
  ['*', '', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-b-b-cd', false],
  ['h?llo', 'hello', true],
  ['h?llo', 'hllo', false],
  ['h[ae]llo', 'hallo', true],
  ['h[ae]llo', 'hillo', false],
  ['h[^e]llo', 'hallo', true],
  ['h[^e]llo', 'hello', false],
  ['h[a-c]llo', 'hbllo', true],
  ['h[c-a]llo', 'hbllo', true],
  ['h[a-c]llo', 'hdllo', false],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'axb', false],
  ['[\\]]', ']', true],
  ['a[b', 'ab', true],
  ['**a', 'ba', true],
  ['', '', true],
  ['', 'a', false],
  // Bytes, as in Redis: this letter has two.
  ['??', 'ä', true],
])('the pattern %s and the channel %s: %s', (pattern, channel, fits) => {
  expect(globMatches(pattern, channel)).toBe(fits)
})
