// What a caller is told when one of the three fails: whose fault it is, and whether a row exists.
import { createTamarClient } from 'isomq/tamar'
import { planetscaleStore } from 'isomq/tamar/planetscale'
import { managementBroker, stompBroker } from 'isomq/tamar/rabbitmq'
import { upstashRedis } from 'isomq/tamar/upstash'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { rejection } from '../support/events.ts'
import { freePorts } from './ports.ts'
import { GUEST } from './rabbitmq.ts'
import { lacking } from './services.ts'
import { BROKERS, openWorld, type World } from './world.ts'

const SECRET = 'hunter2-and-more'
const FAULTS = ['error', 'html', 'half', 'hang', 'cut'] as const
const STATUSES = [500, 502, 503, 504]
const statusesOf = (what: string, all = STATUSES): readonly (number | undefined)[] =>
  what === 'error' || what === 'html' ? all : [undefined]

/** All that an error says, its causes included. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? ''
  const { message, stack, cause, ...rest } = error
  return [message, stack, JSON.stringify(rest), told(cause)].join('\n')
}

describe.skipIf(lacking)('on real servers', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld()
  })
  afterEach(() => world.reset())
  afterAll(() => world.close())

  let users = 0
  const newUser = (): string => `failing-${++users}`
  const rowsOf = (user: string): Promise<unknown[]> => world.gateway.rows('target_user_id = ?', user)

  /**
   * Sends under faults; holds what the caller is told against what is there.
   *
   * @returns what the caller is told of the row, or that all went well
   */
  async function sendAndCompare(user: string): Promise<unknown> {
    const client = world.client('stomp', { stepTimeout: 1_000 })
    let outcome: unknown = 'sent'
    try {
      const id = await client.sendReliable(user, 1)
      await world.gateway.rabbit.settle()
      expect(world.gateway.rabbit.dispatches.map(({ body }) => body)).toContain(`{"message_id": "${id}"}`)
      expect(await rowsOf(user)).toMatchObject([{ id }])
    } catch (error) {
      const { code, details } = error as { code: string; details: Record<string, unknown> }
      expect({ code, details }).toMatchObject({ code: 'PROVIDER', details: { row: expect.anything() } })
      outcome = details.row
      const rows = await rowsOf(user)
      if (details.row !== false) expect(details.messageId).toEqual(expect.any(String))
      if (details.row === true) expect(rows).toMatchObject([{ id: details.messageId }])
      if (details.row === false) expect(rows).toEqual([])
      if (rows.length > 0) expect(rows).toMatchObject([{ id: details.messageId }])
    }
    return outcome
  }

  describe.each([1, 20])('faults that happen %i times', (times) => {
    describe.each(['before', 'after'] as const)('%s the work', (when) => {
      test.each(FAULTS)('Redis fails with: %s', async (what) => {
        for (const status of statusesOf(what, times === 1 ? STATUSES : [503])) {
          const user = newUser()
          world.redis.fault({ what, when, times, ...(status && { status }) })
          // Without a number nothing is begun.
          expect(await sendAndCompare(user)).toBeOneOf(['sent', false])
          world.redis.heal()
        }
      })

      test.each(FAULTS)('MySQL fails with: %s', async (what) => {
        for (const status of statusesOf(what, times === 1 ? STATUSES : [503])) {
          const user = newUser()
          world.store.fault({ what, when, times, ...(status && { status }) })
          await sendAndCompare(user)
          world.store.heal()
        }
      })
    })
  })

  test.each(FAULTS)('a realtime message is seen once at most, when Redis fails with: %s', async (what) => {
    const client = world.client('stomp', { stepTimeout: 1_000 })
    for (const status of statusesOf(what)) {
      world.redis.fault({ what, when: 'after', ...(status && { status }) })
      await rejection(client.sendRealtime('once', `${what} ${status}`))
      world.redis.heal()
      await client.sendRealtime('once', 'end')
      expect((await world.gateway.realtime.next()).value.toString()).toBe(JSON.stringify(`${what} ${status}`))
      expect((await world.gateway.realtime.next()).value.toString()).toBe('"end"')
    }
  })

  test('the row whose fate was not known can be dispatched when it exists', async () => {
    const client = world.client('stomp', { stepTimeout: 500 })
    world.store.fault({ what: 'hang', when: 'after', times: 20 })
    const error = await rejection(client.sendReliable('unsure', 1))
    expect(error).toMatchObject({ code: 'PROVIDER', details: { service: 'store', row: 'unknown' } })
    const { messageId } = error.details as { messageId: string }
    world.store.heal()
    await client.dispatch(messageId)
    expect((await world.gateway.next()).row).toMatchObject({ id: messageId, target_user_id: 'unsure' })
  })

  test('the database refuses the row: there is none', async () => {
    const client = world.client('stomp')
    await world.gateway.sql('RENAME TABLE push_messages TO elsewhere')
    try {
      const error = await rejection(client.sendReliable('u', 1))
      expect(error).toMatchObject({ code: 'PROVIDER', details: { service: 'store', row: false } })
      expect(told(error)).toMatch(/push_messages.*doesn't exist/)
    } finally {
      await world.gateway.sql('RENAME TABLE elsewhere TO push_messages')
    }
  })

  test.each(BROKERS)('%s: a row that does not exist is not dispatched', async (name) => {
    const error = await rejection(world.client(name).dispatch('11111111-1111-4111-8111-111111111111'))
    expect(error).toMatchObject({ code: 'PROVIDER', details: { service: 'store', row: false } })
    await world.gateway.rabbit.settle()
    expect(world.gateway.rabbit.dispatches).toEqual([])
  })

  test.each(BROKERS)('%s: a missing exchange is named, and the row can be dispatched later', async (name) => {
    const quick = name === 'stomp' ? { reconnect: { maxDelay: 500 } } : {}
    const broker = world.broker(name, { exchange: 'no.such.exchange', ...quick })
    const client = world.client(name, { broker })
    const error = await rejection(client.sendReliable('u', 1))
    const { messageId } = error.details as { messageId: string }
    expect(error).toMatchObject({ code: 'PROVIDER', details: { service: 'broker', row: true } })
    expect(told(error)).toMatch(/exchange/)
    const other = world.client(name)
    await other.dispatch(messageId)
    expect((await world.gateway.next()).row).toMatchObject({ id: messageId })
  })

  test.each(BROKERS)('%s: wrong credentials are a refused sign-in that tells no secret', async (name) => {
    for (const wrong of [
      { password: SECRET },
      { username: 'nobody', password: SECRET },
      { vhost: 'no/such' },
    ]) {
      const client = world.client(name, { broker: world.broker(name, wrong), stepTimeout: 10_000 })
      const error = await rejection(client.sendReliable('u', 1))
      expect(error).toMatchObject({
        code: 'PROVIDER',
        details: { service: 'broker', row: true, messageId: expect.any(String) },
      })
      if (!('vhost' in wrong)) expect(error.details).toMatchObject({ code: 'AUTH_REJECTED' })
      expect(told(error)).not.toContain(SECRET)
    }
  })

  test('wrong credentials of Redis and of MySQL leave no row and tell no secret', async () => {
    const redis = upstashRedis({ url: world.redis.url, token: world.redis.token })
    const { url, username, password } = world.store
    const store = planetscaleStore({ url, username, password })
    const cases = [
      { service: 'redis', drivers: { store, redis: upstashRedis({ url: world.redis.url, token: SECRET }) } },
      { service: 'store', drivers: { redis, store: planetscaleStore({ url, username, password: SECRET }) } },
    ]
    for (const { service, drivers } of cases) {
      const client = createTamarClient({ broker: world.broker('stomp'), ...drivers })
      const user = newUser()
      const error = await rejection(client.sendReliable(user, 1))
      expect(error).toMatchObject({
        code: 'PROVIDER',
        details: { service, code: 'AUTH_REJECTED', row: false },
      })
      expect(told(error)).not.toContain(SECRET)
      expect(await rowsOf(user)).toEqual([])
      await client.close()
    }
  })

  test('servers that are not there are named', async () => {
    const [port] = await freePorts(1)
    const nowhere = `http://127.0.0.1:${port}`
    const good = {
      redis: upstashRedis({ url: world.redis.url, token: world.redis.token }),
      store: planetscaleStore({
        url: world.store.url,
        username: world.store.username,
        password: world.store.password,
      }),
    }
    const cases = [
      { service: 'redis', row: false, redis: upstashRedis({ url: nowhere, token: 't', retries: 0 }) },
      {
        service: 'store',
        row: false,
        store: planetscaleStore({ url: nowhere, username: 'u', password: 'p', retries: 0 }),
      },
      { service: 'broker', row: true, broker: managementBroker({ url: nowhere, ...GUEST }) },
      { service: 'broker', row: true, broker: stompBroker({ url: `ws://127.0.0.1:${port}/ws`, ...GUEST }) },
    ]
    for (const { service, row, ...drivers } of cases) {
      const client = createTamarClient({
        broker: world.broker('stomp'),
        ...good,
        ...drivers,
        stepTimeout: 1_000,
      })
      const error = await rejection(client.sendReliable('u', 1))
      expect(error, service).toMatchObject({ code: 'PROVIDER', details: { service, row } })
      // Over a socket, too, it says why, and not only that nothing came.
      if (service === 'broker')
        expect(told(error)).toMatch(/ECONNREFUSED|opening the socket|did not get through/)
      await client.close()
    }
  })

  // Over STOMP some of what such a queue rejects is confirmed: RabbitMQ's plugin has no word for a rejection.
  test('over the HTTP API a queue that is full, and rejects, is an error', async () => {
    const { channel } = world.gateway.rabbit
    await channel.assertExchange('full', 'direct', { durable: true })
    await channel.assertQueue('full', {
      durable: true,
      arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
    })
    await channel.bindQueue('full', 'full', 'k')
    const broker = world.broker('management', { exchange: 'full', routingKey: 'k' })
    const client = world.client('management', { broker })
    await client.sendReliable('u', 1)
    const error = await rejection(client.sendReliable('u', 2))
    expect(error).toMatchObject({ code: 'PROVIDER', details: { service: 'broker', row: true } })
    expect(told(error)).toMatch(/reject/)
  })

  test('a network that goes silent is noticed, and sends go on when it is back', async () => {
    const client = world.client('stomp', {
      broker: world.broker('stomp', { heartBeat: 500 }),
      stepTimeout: 1_500,
    })
    await client.sendReliable('u', 'before')
    world.relays.stomp.pause()
    const error = await rejection(client.sendReliable('silent', 1))
    expect(error).toMatchObject({ code: 'PROVIDER', details: { service: 'broker', row: true } })
    world.relays.stomp.resume()
    const { messageId } = error.details as { messageId: string }
    const again = (): Promise<string> => client.dispatch(messageId).then(() => 'sent', String)
    await expect.poll(again, { timeout: 30_000 }).toBe('sent')
  })
})
