// RabbitMQ over its HTTP API: what is published, and what may be shown of it.
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { rejection } from '../support/events.ts'
import {
  answerOf,
  basic,
  brokerOver,
  COMMAND,
  DISPATCH,
  NO_LIMIT,
  password,
  QUEUE,
} from '../support/tamar-api.ts'
import { brokenOff, driven, type Given, redirect, refusedBy, status, turns } from '../support/tamar-http.ts'

describe('a message', () => {
  test('is published to exchange and routing key, persistent, as JSON', async () => {
    const b = brokerOver()
    await b.publish()
    expect(b.paths()).toEqual([
      'POST https://rabbit.test/api/exchanges/%2F/ws.message.direct.exchange/publish',
    ])
    expect(b.asked[0]).toMatchObject({
      redirect: 'manual',
      headers: { authorization: `Basic ${basic}`, 'content-type': 'application/json' },
    })
    expect(JSON.parse(b.asked[0]!.body)).toEqual({
      properties: { delivery_mode: 2, content_type: 'application/json' },
      routing_key: 'ws.message.direct',
      payload: '{"message_id": "m1"}',
      payload_encoding: 'string',
    })
    expect(b.clock.timers).toBe(0)
  })

  test('of a command names the queue for its answer, which is declared before', async () => {
    const b = brokerOver()
    await b.publish(COMMAND)
    expect(b.paths()).toEqual([
      `PUT ${QUEUE}`,
      'POST https://rabbit.test/api/exchanges/%2F/ws.message.direct.exchange/publish',
    ])
    expect(JSON.parse(b.asked[0]!.body)).toEqual({
      durable: false,
      auto_delete: false,
      arguments: { 'x-expires': 60_000 },
    })
    const queue = b.asked[0]!.url.split('/').at(-1)
    expect(JSON.parse(b.asked[1]!.body).properties).toEqual({
      delivery_mode: 2,
      content_type: 'application/json',
      correlation_id: 'c-1',
      reply_to: queue,
    })
  })

  test('goes to other names, which are escaped, and below a path', async () => {
    const b = brokerOver(
      {},
      { url: 'https://rabbit.test/mq/', vhost: 'a/b', exchange: 'x y/ü', routingKey: 'r/k' },
    )
    await b.publish()
    expect(b.asked[0]!.url).toBe('https://rabbit.test/mq/api/exchanges/a%2Fb/x%20y%2F%C3%BC/publish')
    expect(JSON.parse(b.asked[0]!.body).routing_key).toBe('r/k')
  })

  test.each<[string, Given]>([
    ['not told', {}],
    ['no content', status(204)],
    ['a text', { routed: 'true' }],
    ['null', status(200, 'null')],
    ['a list', []],
  ])('of which RabbitMQ does not say whether it was routed is an error: %s', async (_, publish) => {
    const b = brokerOver({ publish })
    expect(await rejection(b.publish())).toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringMatching(/check that the URL is that of its HTTP API/),
    })
    expect(b.asked).toHaveLength(1)
  })

  test('that is sent again is told to the logger', async () => {
    let asked = 0
    const b = brokerOver({ publish: () => (++asked === 1 ? status(503) : { routed: true }) })
    await b.publish()
    expect(b.records).toMatchObject([{ provider: 'tamar', event: 'retrying', service: 'broker', attempt: 1 }])
  })

  test('that is tried until its time is over tells what kept it', async () => {
    const b = brokerOver({ publish: status(503) })
    const failed = rejection(b.broker.publish(DISPATCH, { timeout: 400 }))
    await turns(50)
    await b.clock.advance(400)
    expect(await failed).toMatchObject({ code: 'TIMEOUT', cause: { code: 'HTTP', details: { status: 503 } } })
  })

  test('that was routed nowhere is an error', async () => {
    const b = brokerOver({ publish: { routed: false } })
    expect(await rejection(b.publish())).toMatchObject({
      code: 'PROVIDER',
      retryable: true,
      message: expect.stringMatching(/no queue is bound to the exchange "ws\.message\.direct\.exchange"/),
    })
    expect(b.asked).toHaveLength(1)
  })

  test.each(['https://rabbit.test/mq/api', 'https://rabbit.test/mq/api/', 'https://rabbit.test/mq//'])(
    'goes to the API below %s',
    async (url) => {
      const b = brokerOver({}, { url })
      await b.publish()
      expect(b.asked[0]!.url).toMatch(/^https:\/\/rabbit\.test\/mq\/api\/exchanges\//)
    },
  )

  test('that may not be sent says what was asked, and what to check', async () => {
    const b = brokerOver({ declare: status(401, { error: 'not_authorised', reason: 'Access refused.' }) })
    const error = await rejection(b.publish(COMMAND))
    expect(error).toMatchObject({ code: 'AUTH_REJECTED', details: { status: 401 } })
    expect(error.message).toMatch(
      /refused PUT queues\/%2F\/isomq\.replies\..*check user, password and vhost, and what/,
    )
  })

  test.each<[string, Given, object]>([
    ['401', status(401, { error: 'not_authorised', reason: 'Login failed' }), { code: 'AUTH_REJECTED' }],
    ['403 in HTML', status(403, '<html>'), { code: 'AUTH_REJECTED' }],
    ['404', status(404, { error: 'Object Not Found', reason: 'Not Found' }), { code: 'PROVIDER' }],
    [
      'no such exchange',
      status(400, { error: 'bad_request', reason: "no exchange 'x' in vhost '/'" }),
      { code: 'PROVIDER', message: expect.stringContaining('no exchange') },
    ],
    ['404 in HTML', status(404, '<html>'), { code: 'HTTP', details: { status: 404 } }],
    ['HTML', status(200, '<html>'), { code: 'PROTOCOL' }],
    ['half JSON', status(200, '{"routed":tr'), { code: 'PROTOCOL' }],
    ['a redirect', redirect(), { code: 'HTTP' }],
  ])('answered with %s fails at once', async (_, publish, expected) => {
    const b = brokerOver({ publish })
    expect(await rejection(b.publish())).toMatchObject({ name: 'IsomqError', provider: 'tamar', ...expected })
    expect(b.asked).toHaveLength(1)
  })

  test.each<[string, Given]>([
    ['500', status(500, { error: 'x', reason: 'y' })],
    ['503', status(503)],
    ['429', status(429)],
    ['a broken answer', brokenOff()],
    ['a broken connection', refusedBy('ECONNRESET')],
  ])('answered with %s is published again: twice is better than never', async (_, publish) => {
    let times = 0
    const b = brokerOver({
      publish: (asked) => (++times < 3 ? answerOf(publish, asked) : { routed: true }) as object,
    })
    await b.publish()
    expect(b.asked).toHaveLength(3)
    const failing = brokerOver({ publish }, { retries: 1 })
    await rejection(failing.publish())
    expect(failing.asked).toHaveLength(2)
  })

  test('is not waited for beyond limit and signal', async () => {
    const b = brokerOver({ publish: () => new Promise(() => {}) })
    const abort = new AbortController()
    const failed = rejection(b.broker.publish(DISPATCH, { timeout: 2_000 }))
    const left = rejection(b.broker.publish(DISPATCH, { signal: abort.signal }))
    await b.clock.advance(2_000)
    abort.abort()
    expect([(await failed).code, (await left).code]).toEqual(['TIMEOUT', 'ABORTED'])
    expect(b.asked.every(({ signal }) => signal.aborted)).toBe(true)
  })
})
describe('connect()', () => {
  test('asks for the exchange', async () => {
    const b = brokerOver({ declare: { name: 'ws.message.direct.exchange' } })
    await driven(b.clock, b.broker.connect!(NO_LIMIT))
    expect(b.paths()).toEqual(['GET https://rabbit.test/api/exchanges/%2F/ws.message.direct.exchange'])
  })

  test.each<[string, Given, object]>([
    ['401', status(401), { code: 'AUTH_REJECTED' }],
    [
      'no such exchange',
      status(404, { error: 'Object Not Found', reason: 'Not Found' }),
      { code: 'PROVIDER' },
    ],
    ['HTML', status(200, '<html>'), { code: 'PROTOCOL' }],
  ])('tells a mistake: %s', async (_, declare, expected) => {
    const b = brokerOver({ declare })
    expect(await rejection(driven(b.clock, b.broker.connect!(NO_LIMIT)))).toMatchObject(expected)
  })
})
test.each<[string, (text: string) => Response]>([
  ['200', (text) => status(200, text)],
  ['400 with a reason', (text) => status(400, { error: 'x', reason: text })],
  ['401', (text) => status(401, { reason: text })],
  ['404', (text) => status(404, text)],
  ['500', (text) => status(500, text)],
])('neither password nor what it is sent as stands in an error or a record: %s', async (_, answer) => {
  for (const quoted of [password, basic, `Authorization: Basic ${basic}`, encodeURIComponent(password)]) {
    const b = brokerOver({ publish: answer(quoted), get: answer(quoted) }, { retries: 0 })
    const error = await rejection(b.publish())
    b.api.publish = { routed: true }
    await b.publish(COMMAND)
    await b.pass(1_000)
    expect(b.records.length).toBeGreaterThan(0)
    const shown = everything([error, JSON.stringify(error), b.records])
    expect(shown).not.toMatch(/MARKER/)
    expect(shown).not.toContain(basic)
  }
})
