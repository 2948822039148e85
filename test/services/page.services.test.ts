// The room "real" as its page uses it: the Worker there sends to real servers, and their table is shown.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { SendAnswer } from '../../playground/tamar-demo.ts'
import { until } from '../support/events.ts'
import type { Inbox } from '../support/inbox.ts'
import { GUEST } from './rabbitmq.ts'
import { type Fields, PageRoom, type Variables, variablesOf } from './room.ts'
import { lacking, servers } from './services.ts'
import { openWorld, type World } from './world.ts'

const QUEUE = 'ws.message.direct.queue'
/** Users of the page, whose rows it shows. */
const USERS = ['alice', 'bob']

describe.skipIf(lacking)('the page on real servers', () => {
  let world: World
  let room: PageRoom
  const others: PageRoom[] = []

  beforeAll(async () => {
    world = await openWorld()
    await world.gateway.sql('DELETE FROM push_messages')
    room = await PageRoom.open(variablesOf(world))
    await until(async () => {
      const { links } = await room.control('stats')
      return Object.values(Object(links)).every((state) => state === 'open')
    })
  })
  afterEach(async () => {
    room.leave()
    for (const other of others.splice(0)) await other.close()
    await room.demo('stop', {})
    await world.gateway.sql('DELETE FROM push_messages')
    await world.reset()
  })
  afterAll(async () => {
    await room?.close()
    // It would keep for ever what later tests send.
    const authorization = `Basic ${btoa(`${GUEST.username}:${GUEST.password}`)}`
    const url = `http://127.0.0.1:${servers().rabbit.ports.management}/api/queues/%2F/${QUEUE}`
    await fetch(url, { method: 'DELETE', headers: { authorization } })
    await world.close()
  })

  async function playgroundWith(env: Variables): Promise<PageRoom> {
    const other = await PageRoom.open(env)
    others.push(other)
    return other
  }

  /** The next event of a type. */
  async function next(events: Inbox<Fields>, type: string): Promise<Fields> {
    for (;;) {
      const event = await events.next()
      if (event.type === type) return event
    }
  }

  /** The one row of a user. */
  async function rowOf(user: string): Promise<Fields & { readonly id: string }> {
    const { rows } = await room.control('rows', { users: [user] })
    expect(rows).toHaveLength(1)
    return (rows as (Fields & { id: string })[])[0]!
  }

  test('what it sends is seen by a user who is online', async () => {
    const alice = await room.user('alice')
    expect(await room.send({ kind: 'realtime', user: 'alice', payloads: [{ n: 1 }, 'ä'] })).toEqual({
      sent: 2,
    })
    expect(await alice.frames.next()).toEqual({ type: 'realtime', payload: { n: 1 } })
    expect(await alice.frames.next()).toEqual({ type: 'realtime', payload: 'ä' })
    expect(await room.send({ kind: 'reliable', user: 'alice', payloads: [{ n: 2 }] })).toEqual({ sent: 1 })
    const { id, ...frame } = await alice.frames.next()
    expect(frame).toMatchObject({ type: 'reliable', payload: { n: 2 } })
    alice.ack(id)
    await until(async () => (await world.gateway.row(id)).status === 'FINISHED')
    expect(await room.demo('stats')).toMatchObject({
      state: 'open',
      client: { realtime: 2, rows: 1, dispatched: 1 },
    })
  })

  test('a command is answered by a user, and what became of it can be read', async () => {
    const [events, bob] = [await room.events(), await room.user('bob')]
    const sent = await room.send({ kind: 'command', user: 'bob', type: 'ask', payloads: ['q'], wait: true })
    expect(sent).toEqual({ sent: 1 })
    const frame = await bob.frames.next()
    expect(frame).toMatchObject({ type: 'command', command: 'ask', data: 'q' })
    expect(await room.demo('result', { id: frame.id })).toMatchObject({ status: 'DELIVERING' })
    bob.respond(frame.id, { a: '中' })
    expect(await next(events, 'answered')).toMatchObject({ user: 'bob', response: { a: '中' } })
    expect(await room.demo('result', { id: frame.id })).toMatchObject({
      status: 'FINISHED',
      response: { a: '中' },
    })
  })

  test('a command that nobody answers is told to have timed out', async () => {
    const events = await room.events()
    await room.send({ kind: 'command', user: 'bob', type: 'ask', timeout: 1000, wait: true })
    expect(await next(events, 'unanswered')).toMatchObject({ user: 'bob', problem: { code: 'TIMEOUT' } })
    await until(async () => (await rowOf('bob')).status === 'TIMED_OUT')
  })

  test('its rows are listed, newest first and no more than asked for', async () => {
    for (const user of ['alice', 'bob', 'carol']) {
      await room.send({ kind: 'reliable', user, payloads: [{ n: 1 }, { n: 2 }, { n: 3 }] })
    }
    await room.send({ kind: 'command', user: 'bob', type: 'ask', payloads: [[12345678901234567000]] })
    const list = async (args: object): Promise<readonly Fields[]> =>
      (await room.control('rows', args)).rows as Fields[]
    expect(await list({ users: USERS })).toHaveLength(7)
    expect(await list({})).toHaveLength(10)
    const [newest, ...more] = await list({ user: 'bob', newest: true, limit: 2 })
    expect(newest).toMatchObject({
      target_user_id: 'bob',
      push_type: '2',
      status: 'PENDING',
      payload: '{"type":"ask","data":[12345678901234567000]}',
      command_response: null,
    })
    expect(Number(newest!.seq)).toBeGreaterThan(Number(more[0]!.seq))
    expect(more).toMatchObject([{ push_type: '1', payload: '{"n":3}' }])
    expect(await room.control('statuses', { users: USERS })).toEqual({ ok: true, statuses: { PENDING: 7 } })
    await until(async () => (await list({})).every(({ tally }) => (tally as Fields)?.dispatched === 1))
    expect(await list({ user: "bob' OR '1'='1" })).toEqual([])
    for (const users of [[1], 'bob', Array(101).fill('x')]) {
      expect(await room.controlled('rows', { users })).toMatchObject([400, { ok: false }])
    }
  })

  test('a row that RabbitMQ has never heard of is dispatched, without a second one', async () => {
    const alice = await room.user('alice')
    const id = crypto.randomUUID()
    await world.gateway.sql(
      "INSERT INTO push_messages (id, target_user_id, push_type, seq, payload, status) VALUES (?, 'alice', 1, 9, '7', 'PENDING')",
      id,
    )
    expect(await room.demo('dispatch', { id })).toEqual({})
    expect(await alice.frames.next()).toMatchObject({ id, seq: 9, payload: 7 })
    expect(await rowOf('alice')).toMatchObject({ id, tally: { dispatched: 1 } })
    const nobody = await room.demo('dispatch', { id: crypto.randomUUID() })
    expect(nobody).toMatchObject({ problem: { code: 'PROVIDER' } })
  })

  test('the socket to RabbitMQ breaks, and the next message goes by a new one', async () => {
    const events = await room.events()
    const turned = async (to: string): Promise<void> => {
      while ((await next(events, 'state')).to !== to);
    }
    await room.send({ kind: 'reliable', user: 'alice' })
    await turned('open')
    expect(world.relays.stomp.cut()).toBeGreaterThan(0)
    await turned('reconnecting')
    await turned('open')
    expect(await room.send({ kind: 'reliable', user: 'alice' })).toEqual({ sent: 1 })
  })

  test('a database that fails is an answer with its reason and without secrets', async () => {
    const to = ({ body }: { body: string }): boolean => body.includes('SELECT *')
    world.store.fault({ what: 'html', when: 'before', to })
    const [status, answer] = await room.controlled('rows', { users: USERS })
    expect([status, answer]).toEqual([502, { ok: false, error: expect.stringMatching(/^MySQL: /) }])
    expect(JSON.stringify(answer)).not.toContain(world.store.password)
    expect(await room.control('rows', { users: USERS })).toEqual({ ok: true, rows: [] })
  })

  test('a reset lets the rows be', async () => {
    await room.send({ kind: 'reliable', user: 'alice' })
    expect(await room.control('reset')).toEqual({ ok: true })
    expect(await rowOf('alice')).toMatchObject({ payload: '1' })
    const alice = await room.user('alice')
    expect(await alice.frames.next()).toMatchObject({ payload: 1 })
  })

  test('the way to RabbitMQ that is not configured is refused, and nothing is written', async () => {
    expect(await room.demo('servers')).toEqual({
      isReal: true,
      realRoom: 'real',
      missing: [],
      ways: ['stomp'],
    })
    const refused = await room.send({ kind: 'reliable', user: 'alice', via: 'http' })
    expect(refused).toEqual({
      sent: 0,
      problem: { code: 'CONFIG', message: expect.stringContaining('MSG_RABBITMQ_URL leads to Web STOMP') },
    })
    expect(await world.gateway.rows('1 = 1')).toEqual([])
  })

  test('by the HTTP API alone it sends, and its gateway says what it needs', async () => {
    const MSG_RABBITMQ_URL = `http://127.0.0.1:${world.relays.management.port}/`
    const other = await playgroundWith(variablesOf(world, { MSG_RABBITMQ_URL }))
    const problem = expect.stringContaining('MSG_RABBITMQ_URL must be a URL with ws or wss')
    expect(await other.demo('servers')).toMatchObject({ isReal: true, ways: [], problem })
    const by = (via: 'stomp' | 'http'): Promise<SendAnswer> =>
      other.send({ kind: 'command', user: 'bob', type: 'ask', via })
    expect(await by('stomp')).toMatchObject({ sent: 0, problem: { code: 'CONFIG' } })
    const bob = await room.user('bob')
    expect(await by('http')).toEqual({ sent: 1 })
    const { id } = await bob.frames.next()
    bob.respond(id, 'yes')
    await until(async () => (await other.demo('result', { id })).response === 'yes')
  })

  test('variables that are missing are all told at once, wherever one asks', async () => {
    const { MSG_REDIS_TOKEN, MSG_MYSQL_URL, MSG_RABBITMQ_PASSWORD, ...half } = variablesOf(world)
    const other = await playgroundWith(half)
    const missing = ['MSG_REDIS_TOKEN', 'MSG_RABBITMQ_PASSWORD', 'MSG_MYSQL_URL or MSG_MYSQL_HOST']
    const text = `the environment lacks ${missing.join(', ')}; set them`
    expect(await other.demo('servers')).toEqual({
      isReal: true,
      realRoom: 'real',
      problem: text,
      missing,
      ways: [],
    })
    const problem = { code: 'CONFIG', message: text }
    expect(await other.send({ kind: 'reliable', user: 'alice' })).toEqual({ sent: 0, problem })
    for (const action of ['dispatch', 'result']) {
      expect(await other.demo(action, { id: 'x' })).toMatchObject({ problem })
    }
    expect(await other.controlled('rows')).toEqual([500, { error: text }])
    expect(await other.demo('stats')).toMatchObject({ state: 'idle', client: { rows: 0 } })
    expect(await other.demo('stop', {})).toEqual({ ok: true })
    const beside = other.beside('default')
    expect(await beside.demo('servers')).toMatchObject({ isReal: false, realRoom: 'real', problem: text })
    expect(await beside.send({ kind: 'reliable', user: 'alice' })).toEqual({ sent: 1 })
  })

  test('other rooms of the same playground have embedded servers', async () => {
    const other = room.beside('other')
    expect(await other.demo('servers')).toEqual({
      isReal: false,
      realRoom: 'real',
      missing: [],
      ways: ['stomp', 'http'],
    })
    for (const via of ['stomp', 'http'] as const) {
      expect(await other.send({ kind: 'reliable', user: 'alice', via })).toEqual({ sent: 1 })
    }
    expect(await other.control('statuses', { users: USERS })).toEqual({ ok: true, statuses: { PENDING: 2 } })
    expect(await world.gateway.rows('1 = 1')).toEqual([])
  })
})
