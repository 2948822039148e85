// Redis over HTTP by the real @upstash/redis: what is asked, what an answer means, and what is not asked twice.
import { type UpstashRedisOptions, upstashRedis } from 'isomq/tamar/upstash'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { FakeClock } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { seeded } from '../support/random.ts'
import {
  brokenOff,
  driven,
  fakeFetch,
  type Given,
  redirect,
  refusedBy,
  status,
} from '../support/tamar-http.ts'

const NO_LIMIT = { timeout: 0 }
const token = 'MARKER/token+="x"'

function redisOver(answers: Given[], options: Partial<UpstashRedisOptions> = {}) {
  const clock = new FakeClock()
  const net = fakeFetch(...answers)
  const redis = upstashRedis({
    url: 'https://redis.test',
    token,
    clock,
    random: seeded(1),
    fetch: net.fetch,
    ...options,
  })
  const publish = () => driven(clock, redis.publish('realtime:user:u', '{"a":1}', NO_LIMIT))
  const incr = () => driven(clock, redis.incr('seq:user:u', NO_LIMIT))
  return { clock, redis, asked: net.asked, publish, incr }
}

describe('a request', () => {
  test('is one command, with the token', async () => {
    const { asked, publish, incr } = redisOver([{ result: 3 }])
    expect([await publish(), await incr()]).toEqual([3, 3])
    const same = {
      url: 'https://redis.test',
      method: 'POST',
      redirect: 'manual',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    }
    expect(asked).toMatchObject([
      { ...same, body: '["publish","realtime:user:u","{\\"a\\":1}"]' },
      { ...same, body: '["incr","seq:user:u"]' },
    ])
    expect(Object.keys(asked[0]!.headers).sort()).toEqual(['authorization', 'content-type'])
  })

  test.each(['https://redis.test/path/', 'https://redis.test/path'])(
    'goes to the path of %s',
    async (url) => {
      const { asked, incr } = redisOver([{ result: 1 }], { url })
      await incr()
      expect(asked[0]!.url).toBe('https://redis.test/path')
    },
  )

  test.each(['5', 'null', '"a"', '"\\ud83d"', '{"n":9007199254740993}', '"é 王 😀"', '"\\u2028"'])(
    'carries the message %s as it is',
    async (message) => {
      const { asked, clock, redis } = redisOver([{ result: 0 }])
      await driven(clock, redis.publish('c', message, NO_LIMIT))
      expect(JSON.parse(asked[0]!.body)).toEqual(['publish', 'c', message])
    },
  )

  test.each(['*', 'a b', '"', '\n', '\0', '5', 'null', '😀', '__proto__'])(
    'carries the key %j as it is',
    async (key) => {
      const { asked, clock, redis } = redisOver([{ result: 1 }])
      await driven(clock, redis.incr(key, NO_LIMIT))
      expect(JSON.parse(asked[0]!.body)).toEqual(['incr', key])
    },
  )
})

describe('many commands in one go', () => {
  test('are one request, whose answers go where they belong', async () => {
    const { asked, clock, redis, incr } = redisOver([
      { result: 1 },
      [{ result: 2 }, { error: 'ERR no' }, { result: '9007199254740993' }],
    ])
    await incr()
    const all = [redis.incr('a', NO_LIMIT), redis.publish('b', 'c', NO_LIMIT), redis.incr('d', NO_LIMIT)]
    const [one, two, three] = await driven(clock, Promise.allSettled(all))
    expect(asked[1]).toMatchObject({
      url: 'https://redis.test/pipeline',
      body: '[["incr","a"],["publish","b","c"],["incr","d"]]',
    })
    expect([one, three]).toMatchObject([{ value: 2 }, { value: 9007199254740993n }])
    expect(two).toMatchObject({ reason: { code: 'PROVIDER', details: { error: 'ERR no' } } })
  })

  test.each<[string, Response | object | string, string]>([
    ['too few', [{ result: 1 }], 'PROTOCOL'],
    ['one', { result: 1 }, 'PROTOCOL'],
    ['HTML', '<html>', 'PROTOCOL'],
    ['an error', status(400, { error: 'ERR' }), 'PROVIDER'],
    ['401', status(401), 'AUTH_REJECTED'],
    ['503', status(503), 'HTTP'],
  ])('all fail when the answer is %s', async (_, answer, code) => {
    const { clock, redis, incr } = redisOver([{ result: 1 }, answer])
    await incr()
    const all = await driven(
      clock,
      Promise.allSettled([redis.incr('a', NO_LIMIT), redis.incr('b', NO_LIMIT)]),
    )
    expect(all).toMatchObject([{ reason: { code } }, { reason: { code } }])
    expect(clock.timers).toBe(0)
  })

  test('are a hundred to a request at the most', async () => {
    const { asked, clock, redis, incr } = redisOver([
      { result: 1 },
      ({ body }) => {
        const commands = JSON.parse(body)
        return Array.isArray(commands[0]) ? commands.map(() => ({ result: 7 })) : { result: 7 }
      },
    ])
    await incr()
    const all = Promise.all(Array.from({ length: 201 }, () => redis.incr('a', NO_LIMIT)))
    expect(await driven(clock, all)).toEqual(new Array(201).fill(7))
    expect(asked.map(({ body }) => JSON.parse(body).length).slice(1)).toEqual([100, 100, 2])
  })
})

describe('an answer', () => {
  test.each([
    ['{"result":0}', '0'],
    ['{"result":9007199254740991}', '9007199254740991'],
    ['{"result":9007199254740993}', '9007199254740993'],
    ['{"result":9007199254740992}', '9007199254740992'],
    ['{"result":9223372036854775807}', '9223372036854775807'],
    ['{"result":"9007199254740993"}', '9007199254740993'],
    ['{"result":"12"}', '12'],
  ])('%s keeps all digits', async (text, expected) => {
    const { incr } = redisOver([text])
    const given = await incr()
    expect(String(given)).toBe(expected)
    // A number that may be rounded is not to be told from one that is exact.
    if (typeof given === 'number') expect(given).toSatisfy(Number.isSafeInteger)
  })

  test.each<[string, Response | object, object]>([
    ['HTML', status(200, '<html>hi</html>'), { code: 'PROTOCOL' }],
    ['nothing', status(200, ''), { code: 'PROTOCOL' }],
    ['no content', status(204), { code: 'PROTOCOL' }],
    ['half JSON', status(200, '{"resu'), { code: 'PROTOCOL' }],
    ['null', status(200, 'null'), { code: 'PROTOCOL' }],
    ['a list, as of a pipeline', [{ result: 1 }], { code: 'PROTOCOL' }],
    ['no result', {}, { code: 'PROTOCOL' }],
    ['a result that is null', { result: null }, { code: 'PROTOCOL' }],
    ['a result that is a list', { result: [1] }, { code: 'PROTOCOL' }],
    ['a result of 1.5', { result: 1.5 }, { code: 'PROTOCOL' }],
    ['an error in a good answer', { error: 'WRONGTYPE Operation' }, { code: 'PROVIDER' }],
    ['an error', status(400, { error: 'ERR wrong number' }), { code: 'PROVIDER', details: { status: 400 } }],
    ['401', status(401, { error: 'Unauthorized' }), { code: 'AUTH_REJECTED' }],
    ['401 without a word', status(401), { code: 'AUTH_REJECTED' }],
    ['403 in HTML', status(403, '<h1>no</h1>'), { code: 'AUTH_REJECTED' }],
    ['404', status(404, 'not found'), { code: 'HTTP', details: { status: 404 } }],
    ['500', status(500, 'oops'), { code: 'HTTP', retryable: true, details: { status: 500 } }],
    ['502 in HTML', status(502, '<html>'), { code: 'HTTP', details: { status: 502 } }],
    ['500 with a result', status(500, { result: 1 }), { code: 'HTTP', details: { status: 500 } }],
    ['a redirect', redirect(), { code: 'HTTP', message: expect.stringContaining('redirect') }],
    ['one that breaks off', brokenOff(), { code: 'CONNECTION_LOST' }],
  ])('that is %s is an error, and nothing is asked twice', async (_, answer, expected) => {
    const { asked, publish } = redisOver([answer])
    expect(await rejection(publish())).toMatchObject({ name: 'IsomqError', provider: 'tamar', ...expected })
    expect(asked).toHaveLength(1)
  })
})

describe('what is tried again', () => {
  test.each<[string, Response | Error]>([
    ['429', status(429, 'slow down')],
    ['429 with an error', status(429, { error: 'ERR max requests limit exceeded' })],
    ['a refused connection', refusedBy()],
    ['an unknown host', refusedBy('ENOTFOUND')],
  ])('is %s, which was not taken', async (_, answer) => {
    const { asked, publish, clock } = redisOver([answer, answer, { result: 1 }])
    expect(await publish()).toBe(1)
    expect(asked).toHaveLength(3)
    expect(clock.timers).toBe(0)
  })

  test('ends after so many times', async () => {
    const { asked, publish } = redisOver([status(429)], { retries: 4 })
    expect(await rejection(publish())).toMatchObject({ code: 'HTTP', retryable: true })
    expect(asked).toHaveLength(5)
  })

  test('is nothing with 0 retries', async () => {
    const { asked, publish } = redisOver([refusedBy()], { retries: 0 })
    expect(await rejection(publish())).toMatchObject({ code: 'CONNECT_FAILED', retryable: true })
    expect(asked).toHaveLength(1)
  })

  test.each<[string, Response | Error]>([
    ['500', status(500)],
    ['503, which a proxy says when it lost the server in the middle', status(503, '<html>busy</html>')],
    ['a broken answer', brokenOff()],
    ['a broken connection', refusedBy('ECONNRESET')],
    ['a failure without a reason', new TypeError('Failed to fetch')],
  ])('is not %s, which may have been taken: a user would see it twice', async (_, answer) => {
    const { asked, publish, incr } = redisOver([answer])
    await rejection(publish())
    await rejection(incr())
    expect(asked).toHaveLength(2)
  })
})

test('a hanging request ends with the limit, and is called off', async () => {
  const { asked, clock, redis, incr } = redisOver([{ result: 1 }, () => new Promise(() => {})])
  await incr()
  const failed = rejection(redis.incr('k', { timeout: 2_000 }))
  await clock.advance(2_000)
  expect(await failed).toMatchObject({ code: 'TIMEOUT' })
  expect([asked[1]!.signal.aborted, clock.timers]).toEqual([true, 0])
})

test.each<[string, (text: string) => Response]>([
  ['200', (text) => status(200, text)],
  ['200 in half JSON', (text) => status(200, `{"${text}`)],
  ['400 with an error', (text) => status(400, { error: text })],
  ['401', (text) => status(401, { error: text })],
  ['429', (text) => status(429, text)],
  ['429 with an error', (text) => status(429, { error: text })],
  ['500', (text) => status(500, text)],
  ['502 in JSON', (text) => status(502, { result: text })],
])('the token stands in no error, though the server quotes it: %s', async (_, answer) => {
  for (const quoted of [token, `Bearer ${token}`, encodeURIComponent(token), JSON.stringify(token)]) {
    const { publish } = redisOver([answer(quoted)], { retries: 0 })
    const error = await rejection(publish())
    expect(everything([error, JSON.stringify(error)])).not.toMatch(/MARKER/)
  }
})

test.each(['MARKER\n', 'MAR\r\nKER', '\0MARKER', 'MARKERé', 'MARKER密', 'MARKER\x7f'])(
  'a token that no header can hold is refused at once, and not shown: %j',
  (given) => {
    let error: unknown
    try {
      redisOver([], { token: given })
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ name: 'IsomqError', code: 'CONFIG', details: { option: 'token' } })
    expect((error as Error).message).toContain('"token"')
    expect(everything([error])).not.toContain(given)
    expect(everything([error])).not.toMatch(/MAR|KER/)
  },
)
