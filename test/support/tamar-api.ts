import { type ManagementBrokerOptions, managementBroker } from 'isomq/tamar/rabbitmq'
import { afterEach, expect } from 'vitest'
import { FakeClock } from './clock.ts'
import { seeded } from './random.ts'
import { type AskedOver, driven, fakeFetch, type Given, status, turns } from './tamar-http.ts'

// RabbitMQ over its HTTP API, as far as a test sees it: the broker over a fake fetch.
export const NO_LIMIT = { timeout: 0 }
export const DISPATCH = { body: '{"message_id": "m1"}' }
export const COMMAND = { ...DISPATCH, correlationId: 'c-1' }
export const password = 'MARKER:p@ss/"w\\ö'
export const basic = btoa(String.fromCharCode(...new TextEncoder().encode(`me:${password}`)))

export interface Api {
  publish?: Given
  declare?: Given
  get?: Given
}

export const answerOf = (given: Given, asked: AskedOver) =>
  typeof given === 'function' ? given(asked) : given

export const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

export function brokerOver(api: Api = {}, options: Partial<ManagementBrokerOptions> = {}) {
  const clock = new FakeClock()
  const net = fakeFetch((asked) => {
    if (asked.url.endsWith('/publish')) return answerOf(api.publish ?? { routed: true }, asked)
    if (asked.url.endsWith('/get')) return answerOf(api.get ?? [], asked)
    return answerOf(api.declare ?? status(201), asked)
  })
  const records: Record<string, unknown>[] = []
  const broker = managementBroker({
    url: 'https://rabbit.test',
    username: 'me',
    password,
    clock,
    random: seeded(1),
    fetch: net.fetch,
    logger: (record) => void records.push(record),
    ...options,
  })
  const replies: (readonly [string, string])[] = []
  const told = { lost: 0, waiting: true }
  broker.listen({
    get waiting() {
      return told.waiting
    },
    reply: (...given) => replies.push(given),
    lost: () => {
      told.lost++
    },
  })
  closing.push(async () => {
    await broker.close()
    await turns()
    expect(clock.timers, 'timers left after close()').toBe(0)
  })
  const paths = () =>
    net.asked.map(({ method, url }) => `${method} ${url.replace(/isomq\.replies\.[\da-f-]+/, 'Q')}`)
  return {
    broker,
    clock,
    records,
    replies,
    told,
    api,
    asked: net.asked,
    paths,
    publish: (dispatch = DISPATCH) => driven(clock, broker.publish(dispatch, NO_LIMIT)),
    /** Lets time go by, and what comes of it end. */
    async pass(ms: number) {
      await clock.advance(ms)
      await turns()
    },
    polls: () => net.asked.filter(({ url }) => url.endsWith('/get')).length,
  }
}

export const QUEUE = 'https://rabbit.test/api/queues/%2F/Q'
export const message = (correlationId: string | undefined, payload: string, encoding = 'string') => ({
  payload,
  payload_encoding: encoding,
  properties: correlationId === undefined ? [] : { correlation_id: correlationId },
  redelivered: false,
})
