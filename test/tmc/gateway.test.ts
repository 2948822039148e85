// The poller's calls on a fetch that the test answers.
import { createTmcPoller, signTop, type TmcPollerOptions } from 'isomq/tmc'
import { describe, expect, test } from 'vitest'
import { FakeClock } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'

interface Call {
  readonly url: string
  readonly init: RequestInit
  readonly fields: Record<string, string>
}

/** A poller whose requests `answer` answers, and the list of them. */
function poller(
  answer: (call: Call) => Response | Promise<Response>,
  options: Partial<TmcPollerOptions> = {},
) {
  const calls: Call[] = []
  const clock = new FakeClock()
  const client = createTmcPoller({
    appKey: 'key',
    appSecret: 'marker-secret',
    clock,
    fetch: async (url, init = {}) => {
      const call = { url, init, fields: Object.fromEntries(new URLSearchParams(String(init.body))) }
      calls.push(call)
      return answer(call)
    },
    ...options,
  })
  return { client, calls, clock }
}

const json = (value: unknown) => Response.json(value)
const messages = (list: object[]) =>
  json({ tmc_messages_consume_response: { messages: { tmc_message: list } } })
const empty = () => json({ tmc_messages_consume_response: { messages: {} } })

/** What the clock waits for: asked again until it is what it should be, since streams answer in their own time. */
const timer = (clock: FakeClock, ms: number) => until(() => clock.untilNext === ms)

test('a call is a signed form, with the time of China and nothing in its URL', async () => {
  const { client, calls, clock } = poller(() => json({ tmc_groups_get_response: {} }))
  await client.groups()
  const { url, init, fields } = calls[0]!
  expect([url, init.method, init.redirect]).toEqual(['https://eco.taobao.com/router/rest', 'POST', 'manual'])
  const { sign, ...rest } = fields
  expect(rest).toEqual({
    method: 'taobao.tmc.groups.get',
    app_key: 'key',
    format: 'json',
    v: '2.0',
    sign_method: 'md5',
    timestamp: '2023-11-15 06:13:20',
  })
  expect(sign).toBe(await signTop(rest, 'marker-secret'))
  expect(clock.timers).toBe(0)
})

test('a sign callback replaces the secret, and gets all fields', async () => {
  const { client, calls } = poller(() => json({ tmc_groups_get_response: {} }), {
    appSecret: undefined,
    sign: ({ method }) => `signed ${method}`,
  })
  await client.groups()
  expect(calls[0]!.fields.sign).toBe('signed taobao.tmc.groups.get')
})

test('empty answers are asked for ever more rarely; a message makes it eager again', async () => {
  const answers: Response[] = []
  const { client, calls, clock } = poller(() => answers.shift() ?? empty())
  client.on('message', () => {})
  for (const pause of [1000, 2000, 4000, 8000, 16000, 30000, 30000]) {
    await timer(clock, pause)
    await clock.advance(pause)
  }
  await timer(clock, 30_000)
  const { length } = calls
  answers.push(messages([{ id: 1, topic: 't', content: '{}' }]))
  await clock.advance(30_000)
  // It asks again at once, and finds nothing.
  await until(() => calls.length === length + 2 || clock.untilNext === 0)
  await clock.advance(0)
  await until(() => calls.length === length + 2)
  await client.close()
  expect(calls.filter(({ fields }) => fields.method === 'taobao.tmc.messages.confirm')).toHaveLength(1)
  expect(clock.timers).toBe(0)
})

test('a message that the gateway gives out again while its handler runs is not handed out twice', async () => {
  const { client, calls, clock } = poller(() =>
    messages([{ id: '7104300000000000001', topic: 't', content: '{}' }]),
  )
  let runs = 0
  client.on('message', () => {
    runs++
    return new Promise(() => {})
  })
  await until(() => clock.untilNext === 0)
  await clock.advance(0)
  await timer(clock, 1000)
  expect([runs, calls.length]).toEqual([1, 2])
  const closed = client.close({ timeout: 10 })
  await clock.advance(10)
  await closed
  expect(clock.timers).toBe(0)
})

test('a confirm that fails is told, and its ack() rejects', async () => {
  const { client, clock } = poller(({ fields }) =>
    fields.method === 'taobao.tmc.messages.consume'
      ? messages([{ id: 5, topic: 't', content: '{}' }])
      : json({
          error_response: { code: 15, msg: 'Remote service error', sub_code: 'isp.top-remote-unknown-error' },
        }),
  )
  const errors: Error[] = []
  client.on('error', (error) => errors.push(error))
  const { value } = await client.messages().next()
  const ack = rejection(value!.ack())
  await clock.advance(50)
  expect(await ack).toMatchObject({ code: 'PROVIDER', retryable: true })
  expect(errors).toHaveLength(1)
  await client.close()
})

test.each([
  [
    'a redirect',
    () => new Response(null, { status: 302, headers: { location: 'https://elsewhere.test/' } }),
    'HTTP',
  ],
  ['an HTML error page', () => new Response('<html>', { status: 503 }), 'HTTP'],
  ['half JSON', () => new Response('{"tmc_groups_get_resp'), 'PROTOCOL'],
  ['another method’s answer', () => json({ time_get_response: {} }), 'PROTOCOL'],
  ['an answer of 17 MiB', () => new Response(new Uint8Array(17 * 1024 * 1024)), 'LIMIT'],
  ['a network that is down', () => Promise.reject(new TypeError('fetch failed')), 'CONNECT_FAILED'],
] as const)('%s is an error of its own', async (_, answer, code) => {
  const { client } = poller(answer as () => Response)
  const error = await rejection(client.groups())
  expect(error).toMatchObject({ code })
  expect(JSON.stringify([error.message, error.details, String(error.cause)])).not.toContain('marker-secret')
})

test('a call ends with its signal, or with its time', async () => {
  const { client, clock } = poller(() => new Promise(() => {}))
  const abort = new AbortController()
  const aborted = rejection(client.groups({}, { signal: abort.signal }))
  const late = rejection(client.groups({}, { timeout: 300 }))
  await until(() => clock.timers === 2)
  abort.abort(new Error('enough'))
  await clock.advance(300)
  expect(await aborted).toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } })
  expect(await late).toMatchObject({ code: 'TIMEOUT' })
  expect(clock.timers).toBe(0)
})

test.each([
  [{ quantity: 9 }, 'quantity'],
  [{ quantity: 201 }, 'quantity'],
  [{ signMethod: 'sha1' }, 'signMethod'],
  [{ url: 'ws://127.0.0.1/' }, 'url'],
  [{ appKey: '' }, 'appKey'],
  [{ appSecret: undefined }, 'appSecret'],
  [{ maxwait: 1 }, 'maxwait'],
])('the options %j are refused by name', (options, name) => {
  expect(() => poller(empty, options as object)).toThrow(
    expect.objectContaining({ code: 'CONFIG', details: { option: name } }),
  )
})

describe('closing', () => {
  const always = () =>
    messages(Array.from({ length: 100 }, () => ({ id: String(++lastId), topic: 't', content: '{}' })))
  let lastId = 0

  test('takes nothing more while handlers run', async () => {
    const { client, calls, clock } = poller(always)
    client.on('message', () => new Promise(() => {}))
    await until(() => client.stats().received > 0)
    const closed = client.close({ timeout: 20_000 })
    const { length } = calls
    await clock.advance(10_000)
    expect(calls.length).toBeLessThanOrEqual(length + 1)
    await clock.advance(10_000)
    await closed
    expect(client.stats().overflowed).toBeLessThanOrEqual(100)
  })

  test('settles the calls that are under way, and is not held up by a confirm', async () => {
    const { client, clock } = poller(({ fields }) =>
      fields.method === 'taobao.tmc.messages.consume' && lastId < 1000
        ? always()
        : new Promise<Response>(() => {}),
    )
    lastId = 900
    client.on('message', () => {})
    client.on('error', () => {})
    await until(() => client.stats().acked > 0)
    await clock.advance(50)
    const groups = rejection(client.groups())
    const closed = client.close({ timeout: 100 })
    await clock.advance(100)
    await closed
    expect(await groups).toMatchObject({ code: 'CLOSED' })
    expect(clock.timers).toBe(0)
  })
})

test('a sign that hangs is ended by the call’s own time', async () => {
  const { client, clock } = poller(empty, { appSecret: undefined, sign: () => new Promise(() => {}) })
  const error = rejection(client.groups({}, { timeout: 50 }))
  await clock.advance(50)
  expect(await error).toMatchObject({ code: 'TIMEOUT' })
})

test('a sign that throws is the cause that the caller sees', async () => {
  const sign = () => {
    throw new Error('hsm down')
  }
  const { client } = poller(empty, { appSecret: undefined, sign, reconnect: false })
  const error = await rejection(client.connect())
  expect(error).toMatchObject({ code: 'CONNECT_FAILED', cause: { message: 'hsm down' } })
})

test('an answer that breaks off is CONNECTION_LOST', async () => {
  const broken = () =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('{"tmc'))
          controller.error(new TypeError('terminated'))
        },
      }),
    )
  expect(await rejection(poller(broken).client.groups())).toMatchObject({ code: 'CONNECTION_LOST' })
})

test('a list of topics that is empty is refused: the gateway would take it for all', async () => {
  const { client, calls } = poller(empty)
  expect(await rejection(client.permit({ session: 's', topics: [] }))).toMatchObject({ code: 'CONFIG' })
  expect(calls).toHaveLength(0)
})

test('a message without an id is reported and not handed out', async () => {
  const answers = [messages([{ topic: 't', content: '{}' }])]
  const { client } = poller(() => answers.shift() ?? empty())
  const errors: Error[] = []
  client.on('error', (error) => errors.push(error))
  client.on('message', () => {})
  await until(() => errors.length > 0)
  expect([errors[0], client.stats().received]).toEqual([expect.objectContaining({ code: 'PROTOCOL' }), 0])
  await client.close()
})
