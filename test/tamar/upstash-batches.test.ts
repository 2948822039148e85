// Commands for Redis that are asked for in one go: one request, which each of them may leave.
import { createTamarClient, type TamarRow } from 'isomq/tamar'
import { upstashRedis } from 'isomq/tamar/upstash'
import { describe, expect, test } from 'vitest'
import { FakeClock } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { seeded } from '../support/random.ts'
import { type AskedOver, driven, fakeFetch, type Given, status } from '../support/tamar-http.ts'

const NO_LIMIT = { timeout: 0 }
const never = (): Promise<never> => new Promise(() => {})

function redisOver(...answers: Given[]) {
  const clock = new FakeClock()
  const net = fakeFetch(...answers)
  const redis = upstashRedis({
    url: 'https://redis.test',
    token: 'token',
    clock,
    random: seeded(1),
    fetch: net.fetch,
  })
  return { clock, redis, asked: net.asked }
}

/** With the library loaded, so that a command is asked for at once. */
async function warm(...answers: Given[]) {
  const made = redisOver({ result: 0 }, ...answers)
  await driven(made.clock, made.redis.incr('first', NO_LIMIT))
  return { ...made, sent: () => made.asked.slice(1) }
}

const commandsOf = ({ body }: AskedOver): string[][] => JSON.parse(body)

describe('a client', () => {
  test('that sends fifty messages at once takes their numbers in one request', async () => {
    const { clock, redis, asked } = redisOver((one: AskedOver) =>
      // Counters of users, each far from those of the others.
      commandsOf(one).map(([, key]) => ({ result: Number(/\d+$/.exec(key!)![0]) * 1_000 })),
    )
    const rows: TamarRow[] = []
    const client = createTamarClient({
      clock,
      redis,
      store: { insert: async (row) => rows.push(row), select: async () => [] },
      broker: { publish: async () => {}, listen() {}, close: async () => {} },
    })
    const users = Array.from({ length: 50 }, (_, i) => `u${i + 1}`)
    const { signal } = new AbortController()
    await Promise.all(users.map((user) => client.sendReliable(user, 1, { signal })))
    expect(asked.map(({ url }) => url)).toEqual(['https://redis.test/pipeline'])
    expect(commandsOf(asked[0]!)).toEqual(users.map((user) => ['incr', `seq:user:${user}`]))
    expect(rows.map(({ targetUserId, seq }) => [targetUserId, seq])).toEqual(
      users.map((user, i) => [user, `${(i + 1) * 1_000}`]),
    )
    await client.close()
    expect(clock.timers).toBe(0)
  })
})

describe('one that leaves', () => {
  test('takes only its own command out of the wait', async () => {
    const answers: ((answer: object) => void)[] = []
    const { clock, redis, sent } = await warm(() => new Promise((resolve) => answers.push(resolve)))
    const abort = new AbortController()
    const [one, two, three] = [
      redis.incr('a', { signal: abort.signal }),
      redis.incr('b', { signal: new AbortController().signal, timeout: 5_000 }),
      redis.publish('c', 'm', NO_LIMIT),
    ]
    const left = rejection(one)
    await until(() => answers.length === 1)
    abort.abort(new Error('enough'))
    expect(await left).toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } })
    expect(sent()[0]!.signal.aborted).toBe(false)
    answers[0]!([{ result: 1 }, { result: 2 }, { result: 3 }])
    expect(await Promise.all([two, three])).toEqual([2, 3])
    expect([sent().length, clock.timers]).toEqual([1, 0])
  })

  test('after its own time does not end what others wait for longer', async () => {
    const { clock, redis, sent } = await warm(never)
    const [soon, late] = [1_000, 5_000].map((timeout) => rejection(redis.incr('a', { timeout })))
    await until(() => sent().length === 1)
    await clock.advance(1_000)
    expect(await soon).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('1000 ms') })
    expect(sent()[0]!.signal.aborted).toBe(false)
    await clock.advance(4_000)
    expect(await late).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('5000 ms') })
    expect([sent()[0]!.signal.aborted, sent().length, clock.timers]).toEqual([true, 1, 0])
  })

  test('as the last ends the request', async () => {
    const { redis, sent } = await warm(never)
    const aborts = [new AbortController(), new AbortController()]
    const failed = aborts.map(({ signal }, i) => rejection(redis.incr(`${i}`, { signal })))
    await until(() => sent().length === 1)
    aborts[0]!.abort()
    expect(sent()[0]!.signal.aborted).toBe(false)
    aborts[1]!.abort()
    expect(sent()[0]!.signal.aborted).toBe(true)
    expect(await Promise.all(failed)).toMatchObject([{ code: 'ABORTED' }, { code: 'ABORTED' }])
  })

  test('before the request goes out is not in it', async () => {
    const { clock, redis, sent } = await warm({ result: 2 })
    const [before, alone] = [new AbortController(), new AbortController()]
    const failed = [
      rejection(redis.incr('over', { signal: AbortSignal.abort() })),
      rejection(redis.incr('alone', { signal: alone.signal })),
    ]
    alone.abort()
    failed.push(rejection(redis.incr('before', { signal: before.signal })))
    const stays = redis.incr('stays', NO_LIMIT)
    before.abort()
    expect(await driven(clock, stays)).toBe(2)
    expect(sent().map(({ body }) => JSON.parse(body))).toEqual([['incr', 'stays']])
    const code = 'ABORTED'
    expect(await Promise.all(failed)).toMatchObject([{ code }, { code }, { code }])
  })

  test('between two attempts is not in the next', async () => {
    const { clock, redis, sent } = await warm(status(429), { result: 2 })
    const abort = new AbortController()
    const failed = rejection(redis.publish('gone', 'm', { signal: abort.signal }))
    const stays = redis.incr('stays', NO_LIMIT)
    await until(() => clock.timers === 1)
    abort.abort()
    expect(await failed).toMatchObject({ code: 'ABORTED' })
    expect(await driven(clock, stays)).toBe(2)
    expect(sent().map(({ body }) => JSON.parse(body))).toEqual([
      [
        ['publish', 'gone', 'm'],
        ['incr', 'stays'],
      ],
      ['incr', 'stays'],
    ])
  })
})

test('large messages are not gathered until a server would refuse them', async () => {
  const { clock, redis, sent } = await warm((one: AskedOver) =>
    Array.isArray(commandsOf(one)[0]) ? commandsOf(one).map(() => ({ result: 1 })) : { result: 1 },
  )
  const message = JSON.stringify('x'.repeat(60_000))
  const all = Promise.all(Array.from({ length: 5 }, () => redis.publish('c', message, NO_LIMIT)))
  expect(await driven(clock, all)).toEqual([1, 1, 1, 1, 1])
  expect(sent().map(({ url }) => url)).toEqual([
    'https://redis.test/pipeline',
    'https://redis.test/pipeline',
    'https://redis.test',
  ])
})
