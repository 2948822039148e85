// The poller's calls on a fetch that the test answers.
import { createTmcPoller, signTop, type TmcPollerOptions } from 'isomq/tmc'
import { expect, test } from 'vitest'
import { FakeClock, flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'

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
const empty = () => json({ tmc_messages_consume_response: { messages: {} } })

/** Lets requests, which streams answer, come to their end. */
const settle = async () => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve))
  await flush()
}

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
  let next: () => Response = empty
  const { client, calls, clock } = poller(() => next())
  client.on('message', () => {})
  await settle()
  const pauses: number[] = []
  for (let i = 0; i < 7; i++) {
    pauses.push(clock.untilNext!)
    await clock.advance(clock.untilNext!)
    await settle()
  }
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 16000, 30000, 30000])
  next = () => {
    next = empty
    return json({
      tmc_messages_consume_response: { messages: { tmc_message: [{ id: 1, topic: 't', content: '{}' }] } },
    })
  }
  await clock.advance(30_000)
  await settle()
  expect(clock.untilNext).toBe(50)
  await clock.advance(0)
  await settle()
  expect(calls.filter(({ fields }) => fields.method === 'taobao.tmc.messages.consume')).toHaveLength(10)
  const closed = client.close()
  await settle()
  await clock.advance(1000)
  await closed
  expect(clock.timers).toBe(0)
})

test('a message that the gateway gives out again while its handler runs is not handed out twice', async () => {
  const message = { id: '7104300000000000001', topic: 't', content: '{}' }
  const { client, clock } = poller(({ fields }) =>
    fields.method === 'taobao.tmc.messages.consume'
      ? json({ tmc_messages_consume_response: { messages: { tmc_message: [message] } } })
      : json({ tmc_messages_confirm_response: { is_success: true } }),
  )
  let runs = 0
  client.on('message', () => {
    runs++
    return new Promise(() => {})
  })
  await settle()
  await clock.advance(5000)
  await settle()
  expect(runs).toBe(1)
  const closed = client.close({ timeout: 10 })
  await clock.advance(20)
  await settle()
  await closed
})

test('a confirm that fails is told, and its ack() rejects', async () => {
  const { client, clock } = poller(({ fields }) =>
    fields.method === 'taobao.tmc.messages.consume'
      ? json({
          tmc_messages_consume_response: {
            messages: { tmc_message: [{ id: 5, topic: 't', content: '{}' }] },
          },
        })
      : json({
          error_response: { code: 15, msg: 'Remote service error', sub_code: 'isp.top-remote-unknown-error' },
        }),
  )
  const errors: Error[] = []
  client.on('error', (error) => errors.push(error))
  const { value } = await client.messages().next()
  const ack = rejection(value!.ack())
  await clock.advance(50)
  await settle()
  expect(await ack).toMatchObject({ code: 'PROVIDER', retryable: true })
  expect(errors).toHaveLength(1)
  const closed = client.close()
  await clock.advance(20_000)
  await closed
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
  await settle()
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
