// The playground's gateway on real servers: what isomq sends reaches its users, and what they answer comes back.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Playground, startPlayground } from '../../playground/host.mjs'
import { rejection, until } from '../support/events.ts'
import { UserPeer } from '../support/tamar.ts'
import { EXCHANGE } from './amqp.ts'
import type { Row } from './gateway.ts'
import { GUEST } from './rabbitmq.ts'
import { openRelay, type Relay } from './relay.ts'
import { lacking, servers } from './services.ts'
import { BROKERS, openWorld, type World } from './world.ts'

const QUEUE = 'ws.message.direct.queue'

describe.skipIf(lacking)('the gateway on real servers', () => {
  let world: World
  let playground: Playground
  /** The gateway's own way to RabbitMQ. */
  let relay: Relay
  const users = new Set<UserPeer>()

  beforeAll(async () => {
    world = await openWorld()
    await world.gateway.sql('DELETE FROM push_messages')
    relay = await openRelay(servers().rabbit.ports.stomp)
    playground = await startPlayground({ env: variables() })
    await ready()
  })
  afterEach(async () => {
    for (const peer of users) peer.close()
    users.clear()
    await control('skew')
    await world.reset()
  })
  afterAll(async () => {
    await playground?.stop()
    await relay?.close()
    await dropQueue()
    await world.close()
  })

  const variables = () => ({
    MSG_REDIS_URL: world.redis.url,
    MSG_REDIS_TOKEN: world.redis.token,
    MSG_MYSQL_URL: world.store.url,
    MSG_MYSQL_USER: world.store.username,
    MSG_MYSQL_PASSWORD: world.store.password,
    MSG_RABBITMQ_URL: `ws://127.0.0.1:${relay.port}/ws`,
    MSG_RABBITMQ_USERNAME: GUEST.username,
    MSG_RABBITMQ_PASSWORD: GUEST.password,
  })

  async function control(
    op: string,
    args: object = {},
    { url } = playground,
  ): Promise<Readonly<Record<string, unknown>>> {
    const body = JSON.stringify({ op, ...args })
    const response = await fetch(`${url}/tamar/real/control`, { method: 'POST', body })
    return (await response.json()) as Readonly<Record<string, unknown>>
  }

  /** Resolves when the gateway has its servers. */
  const ready = (at?: Playground): Promise<void> =>
    until(async () => {
      const { links } = await control('stats', {}, at)
      return Object.values(Object(links)).every((state) => state === 'open')
    })

  /** Resolves when the gateway has taken the name of each row from its queue. */
  async function taken(...ids: readonly string[]): Promise<void> {
    for (const id of ids) await until(async () => (await timesTaken(id)) > 0)
  }

  async function timesTaken(id: string): Promise<number> {
    const { tally } = await control('tally', { id })
    return (tally as Record<string, { dispatched: number }>)[id]?.dispatched ?? 0
  }

  async function user(id: string): Promise<UserPeer> {
    const url = `${playground.url.replace('http', 'ws')}/tamar/real/user?id=${encodeURIComponent(id)}`
    const peer = new UserPeer(url)
    users.add(peer)
    await peer.opened
    return peer
  }

  /** The row, as soon as its status is as wanted. */
  async function settled(id: string, status: string): Promise<Row> {
    await until(async () => (await world.gateway.row(id)).status === status)
    return world.gateway.row(id)
  }

  /** It would keep for ever what later tests send. */
  async function dropQueue(): Promise<void> {
    await rabbit('DELETE', `queues/%2F/${QUEUE}`)
  }

  async function rabbit(method: string, path: string, body?: object): Promise<void> {
    const url = `http://127.0.0.1:${servers().rabbit.ports.management}/api/${path}`
    const authorization = `Basic ${btoa(`${GUEST.username}:${GUEST.password}`)}`
    const headers = { authorization, 'content-type': 'application/json' }
    await fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  }

  test.each(['ann', 'a,b', ',', "'中*?", '{"a":1},2'])(
    'a realtime message is seen by %s online',
    async (id) => {
      const client = world.client('stomp')
      const [one, two, other] = [await user(id), await user(id), await user('other')]
      for (const payload of [{ n: 1, t: 'ä,\n\u2028' }, null, 'a,b', [1, 2], 0]) {
        await client.sendRealtime(id, payload)
        expect(await one.frames.next()).toEqual({ type: 'realtime', payload })
        expect(await two.frames.next()).toEqual({ type: 'realtime', payload })
      }
      await client.sendRealtime('other', 'mine')
      expect(await other.frames.next()).toEqual({ type: 'realtime', payload: 'mine' })
    },
  )

  test('a reliable message is delivered, and finished when it is acknowledged', async () => {
    const ann = await user('reliable')
    const id = await world.client('stomp').sendReliable('reliable', { a: [1, 'ä'] })
    const frame = await ann.frames.next()
    expect(frame).toEqual({ type: 'reliable', id, seq: 1, payload: { a: [1, 'ä'] } })
    expect(await world.gateway.row(id)).toMatchObject({
      status: 'DELIVERING',
      delivering_at: expect.any(String),
      request_delivered_at: null,
    })
    ann.ack(id)
    expect(await settled(id, 'FINISHED')).toMatchObject({
      request_delivered_at: expect.any(String),
      finished_at: expect.any(String),
    })
  })

  test('what was sent to a user who was away comes in order, and to nobody of a like name', async () => {
    const client = world.client('stomp')
    const ids = await Promise.all(Array.from({ length: 12 }, (_, n) => client.sendReliable('away', { n })))
    const foreign = await client.sendReliable('AWAY', 'not yours')
    await taken(...ids, foreign)
    const rows = await world.gateway.rows('target_user_id = "away"')
    expect(new Set(rows.map(({ status }) => status))).toEqual(new Set(['PENDING']))
    const peer = await user('away')
    for (let seq = 1; seq <= 12; seq++) {
      const frame = await peer.frames.next()
      expect(frame).toMatchObject({ type: 'reliable', seq })
      peer.ack(frame.id)
    }
    for (const id of ids) await settled(id, 'FINISHED')
    expect(await world.gateway.row(foreign)).toMatchObject({ status: 'PENDING' })
  })

  test.each(BROKERS)('a command by %s is answered through RabbitMQ', async (broker) => {
    const client = world.client(broker)
    const id = `commanded-${broker}`
    const peer = await user(id)
    const answer = client.sendCommand(id, { type: 'ask', data: { q: '中' } })
    const frame = await peer.frames.next()
    expect(frame).toMatchObject({ type: 'command', command: 'ask', data: { q: '中' }, seq: 1 })
    peer.ack(frame.id)
    await settled(frame.id, 'REQUEST_DELIVERED')
    peer.respond(frame.id, { a: ['ä', 1] })
    expect(await answer).toEqual({ a: ['ä', 1] })
    expect(client.stats()).toMatchObject({ answered: 1, found: 0 })
    const row = await settled(frame.id, 'FINISHED')
    expect(row).toMatchObject({
      command_response: '{"a":["ä",1]}',
      command_response_queue: expect.any(String),
    })
  })

  test('fifty commands at once get their own answers', async () => {
    const client = world.client('stomp')
    const peer = await user('many')
    const numbers = Array.from({ length: 50 }, (_, n) => n)
    const answers = Promise.all(
      numbers.map((n) => client.sendCommand<number>('many', { type: 'double', data: n })),
    )
    for (const _ of numbers) {
      const { id, data } = await peer.frames.next()
      peer.respond(id, (data as number) * 2)
    }
    expect(await answers).toEqual(numbers.map((n) => n * 2))
  })

  test('a command that nobody answers in time is TIMED_OUT, and comes no more', async () => {
    const client = world.client('stomp')
    const late = await rejection(client.sendCommand('late', { type: 'ask', timeout: 1000 }))
    expect(late).toMatchObject({ code: 'TIMEOUT' })
    const { messageId } = late.details as { messageId: string }
    await settled(messageId, 'TIMED_OUT')
    const peer = await user('late')
    const id = await client.sendReliable('late', 'next')
    expect(await peer.frames.next()).toMatchObject({ type: 'reliable', id })
  })

  test('what is not acknowledged comes again', async () => {
    const peer = await user('again')
    const id = await world.client('stomp').sendReliable('again', 1)
    expect(await peer.frames.next()).toMatchObject({ id })
    await control('skew', { ms: 60_000 })
    expect(await peer.frames.next()).toMatchObject({ id })
    peer.ack(id)
    await settled(id, 'FINISHED')
  })

  test('the lines to RabbitMQ and Redis break, and all goes on', async () => {
    const client = world.client('stomp')
    const peer = await user('broken')
    const { connections } = relay
    relay.cut()
    await until(() => relay.connections > connections)
    await servers().redis.kill()
    await servers().redis.restart()
    const send = (): Promise<string | undefined> => client.sendReliable('broken', 1).catch(() => undefined)
    let id = await send()
    while (id === undefined) id = await send()
    expect(await peer.frames.next()).toMatchObject({ type: 'reliable', id })
    await ready()
    // A Redis that has just come back may not have all of its subscribers yet.
    const heard = peer.frames.next()
    let isHeard = false
    void heard.then(() => {
      isHeard = true
    })
    await until(async () => {
      await client.sendRealtime('broken', 'there').catch(() => {})
      return isHeard
    })
    expect(await heard).toEqual({ type: 'realtime', payload: 'there' })
  })

  test('an answer is kept while RabbitMQ cannot be reached, and then sent', async () => {
    const client = world.client('stomp', { lookEvery: 0 })
    const peer = await user('kept')
    const answer = client.sendCommand('kept', { type: 'ask' })
    const { id } = await peer.frames.next()
    relay.pause()
    relay.cut()
    peer.respond(id, 'in the end')
    await settled(id, 'FINISHED')
    relay.resume()
    expect(await answer).toBe('in the end')
    expect(client.stats()).toMatchObject({ answered: 1, found: 0 })
  })

  test('a database that fails delays a message, and loses none', async () => {
    const client = world.client('stomp')
    const peer = await user('delayed')
    const ofGateway = (status: string) => ({
      to: ({ body }: { body: string }) => body.includes('UPDATE') && body.includes(status),
    })
    world.store.fault({ what: 'error', when: 'before', ...ofGateway("'DELIVERING', delivering_at") })
    const id = await client.sendReliable('delayed', 1)
    expect(await peer.frames.next()).toMatchObject({ id })
    world.store.fault({ what: 'cut', when: 'before', ...ofGateway('finished_at') })
    peer.ack(id)
    await settled(id, 'REQUEST_DELIVERED')
    await settled(id, 'FINISHED')
  })

  test.each(['before', 'after'] as const)(
    'an answer survives a database that fails %s its work',
    async (when) => {
      const client = world.client('stomp', { lookEvery: 0 })
      const name = `insisted-${when}`
      const peer = await user(name)
      const answer = client.sendCommand(name, { type: 'ask' })
      const { id } = await peer.frames.next()
      const to = ({ body }: { body: string }): boolean => body.includes('command_response = ')
      world.store.fault({ what: 'html', when, to })
      peer.respond(id, 'kept')
      expect(await answer).toBe('kept')
      expect(client.stats()).toMatchObject({ answered: 1, found: 0 })
      expect(await settled(id, 'FINISHED')).toMatchObject({ command_response: '"kept"' })
    },
  )

  test('a user who comes while the database fails gets what has waited', async () => {
    const client = world.client('stomp')
    const ids = [await client.sendReliable('patient', 1), await client.sendReliable('patient', 2)]
    await taken(...ids)
    const to = ({ body }: { body: string }): boolean => body.includes("target_user_id = 'patient'")
    world.store.fault({ what: 'error', when: 'before', to })
    const peer = await user('patient')
    expect([(await peer.frames.next()).id, (await peer.frames.next()).id]).toEqual(ids)
  })

  test('what is sent while the gateway is stopped waits in its queue', async () => {
    const client = world.client('stomp')
    const peer = await user('stopped')
    await control('pause')
    const id = await client.sendReliable('stopped', 1)
    await world.gateway.next()
    expect(await timesTaken(id)).toBe(0)
    await control('resume')
    expect(await peer.frames.next()).toMatchObject({ id })
    await taken(id)
    await ready()
  })

  test('what waits in the queue outlives RabbitMQ', async () => {
    const peer = await user('outlived')
    await control('pause')
    const id = await world.client('stomp').sendReliable('outlived', 1)
    await servers().rabbit.kill()
    await servers().rabbit.restart()
    await control('resume')
    expect(await peer.frames.next()).toMatchObject({ id })
    await taken(id)
    await ready()
  })

  test('an exchange that is not there yet is waited for', async () => {
    await rabbit('PUT', 'vhosts/bare', {})
    await rabbit('PUT', `permissions/bare/${GUEST.username}`, { configure: '.*', write: '.*', read: '.*' })
    const { connections } = relay
    const other = await startPlayground({ env: { ...variables(), MSG_RABBITMQ_VHOST: 'bare' } })
    try {
      expect(await control('stats', {}, other)).toMatchObject({ links: { dispatches: 'connecting' } })
      await until(() => relay.connections >= connections + 2)
      await rabbit('PUT', `exchanges/bare/${EXCHANGE}`, { type: 'direct', durable: true })
      await ready(other)
    } finally {
      await other.stop()
      await rabbit('DELETE', 'vhosts/bare')
    }
  })

  test('nothing can be sent to embedded servers that nobody listens to, and no fault be given to them', async () => {
    for (const part of ['redis', 'api/exchanges', 'ws']) {
      const response = await fetch(`${playground.url}/tamar/real/${part}`, { method: 'POST', body: '[]' })
      expect(response.status).toBe(404)
      expect(await response.json()).toEqual({ error: expect.stringContaining('real servers') })
    }
    for (const op of ['loseExchange', 'dispatch', 'failHttp', 'noReceipt', 'credentials', 'drop', 'refuse']) {
      expect(await control(op)).toEqual({ ok: false, error: expect.stringContaining('real servers') })
    }
    expect(await control('drop', { line: 'user' })).toEqual({ ok: true, dropped: 0 })
  })
})
