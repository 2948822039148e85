// The gateway of the room "real": embedded as all others, unless the environment names servers for it. The servers are
// those of another room here; how it gets on with real ones is shown where there are such.
import { afterAll, expect, inject, test } from 'vitest'
import WebSocket from 'ws'
import { type Playground, startPlayground } from '../../playground/host.mjs'
import { tamarRoom } from '../support/emulator.ts'
import { Inbox } from '../support/inbox.ts'
import { TAMAR, type TamarRoom } from '../support/room.ts'
import { insert, redisOf, UserPeer } from '../support/tamar.ts'

type Variables = Readonly<Record<string, string>>

const started: Playground[] = []
afterAll(async () => {
  for (const playground of started) await playground.stop()
})

async function playgroundWith(env: Variables): Promise<string> {
  const playground = await startPlayground({ env })
  started.push(playground)
  return playground.url
}

/** How the servers of a room are reached. */
const variables = (room: TamarRoom, others: Variables = {}): Variables => ({
  MSG_REDIS_URL: room.redis,
  MSG_REDIS_TOKEN: TAMAR.token,
  MSG_MYSQL_URL: new URL(room.site).origin,
  MSG_MYSQL_USER: room.name,
  MSG_MYSQL_PASSWORD: TAMAR.mysqlPassword,
  MSG_RABBITMQ_URL: room.url,
  MSG_RABBITMQ_USERNAME: TAMAR.username,
  MSG_RABBITMQ_PASSWORD: TAMAR.password,
  ...others,
})

async function ask(
  base: string,
  room: string,
  op: string,
  args: object = {},
): Promise<[status: number, answer: unknown]> {
  const body = JSON.stringify({ op, ...args })
  const response = await fetch(`${base}/tamar/${room}/control`, { method: 'POST', body })
  return [response.status, await response.json()]
}

/** What the gateway of the room "real" tells, event by event. */
async function watch(base: string): Promise<Inbox<Readonly<Record<string, unknown>>>> {
  const events = new Inbox<Readonly<Record<string, unknown>>>()
  const socket = new WebSocket(`${base.replace('http', 'ws')}/tamar/real/events`)
  socket.on('message', (data: Buffer) => {
    for (const event of JSON.parse(data.toString())) events.push(event)
  })
  await new Promise((resolve) => socket.once('open', resolve))
  return events
}

test('without servers in the environment it is a room as any other', async () => {
  const [status, stats] = await ask(inject('playground'), 'real', 'stats')
  expect([status, stats]).toMatchObject([200, { gateway: true, queues: [{ consumers: 1 }] }])
  expect(stats).not.toHaveProperty('links')
})

test('half of the servers are an error that names what is missing, and other rooms do not mind', async () => {
  const { MSG_REDIS_TOKEN, MSG_MYSQL_URL, MSG_RABBITMQ_URL, ...half } = variables(tamarRoom())
  const base = await playgroundWith(half)
  const text =
    'the environment lacks MSG_REDIS_TOKEN, MSG_RABBITMQ_URL, MSG_MYSQL_URL or MSG_MYSQL_HOST; set them'
  expect(await ask(base, 'real', 'stats')).toEqual([500, { error: text }])
  const peer = new UserPeer(`${base.replace('http', 'ws')}/tamar/real/user?id=a`)
  await expect(peer.opened).rejects.toThrow('500')
  expect((await ask(base, 'default', 'stats'))[0]).toBe(200)
})

test('what sends in that room says what is missing, too, and hangs on nothing', async () => {
  const { MSG_REDIS_TOKEN, MSG_RABBITMQ_USERNAME, ...half } = variables(tamarRoom())
  const base = await playgroundWith(half)
  const message = 'the environment lacks MSG_REDIS_TOKEN, MSG_RABBITMQ_USERNAME; set them'
  const wish = { kind: 'reliable', via: 'stomp', user: 'ann', payloads: [1] }
  for (const action of ['send', 'dispatch', 'result']) {
    const init = { method: 'POST', body: JSON.stringify(wish) }
    const response = await fetch(`${base}/tamar-demo/real/${action}`, init)
    expect(await response.json()).toMatchObject({ problem: { code: 'CONFIG', message } })
  }
})

test('the rows of its table are listed and counted where they are, those of some users or of all', async () => {
  const room = tamarRoom()
  // Else their own gateway takes what the other should see.
  await room.control('pause')
  for (const [userId, seq] of [
    ['ann', 1],
    ['bob', 1],
    ['ann', 2],
  ] as const) {
    await insert(room, { userId, seq })
  }
  const base = await playgroundWith(variables(room))
  for (const [url, name] of [
    [base, 'real'],
    [new URL(room.site).origin, room.name],
  ] as const) {
    const [, all] = await ask(url, name, 'rows', { newest: true, limit: 2 })
    expect(all).toMatchObject({ rows: [{ seq: '2' }, { seq: '1' }] })
    const [, ofSome] = await ask(url, name, 'rows', { users: ['ann', "o'neil"], user: 'nobody' })
    expect(ofSome).toMatchObject({ rows: [{ seq: '1' }, { seq: '2', target_user_id: 'ann' }] })
    expect((await ask(url, name, 'statuses', { users: ['bob'] }))[1]).toMatchObject({
      statuses: { PENDING: 1 },
    })
    expect((await ask(url, name, 'statuses'))[1]).toMatchObject({ statuses: { PENDING: 3 } })
    expect(await ask(url, name, 'rows', { users: 'ann' })).toMatchObject([400, { ok: false }])
  }
})

test('an address that cannot be right is an error that does not repeat it', async () => {
  const url = 'https://user:pass-word@rabbit.example/api'
  const base = await playgroundWith(variables(tamarRoom(), { MSG_RABBITMQ_URL: url }))
  const text = 'MSG_RABBITMQ_URL must be a URL with ws or wss, without user and password'
  expect(await ask(base, 'real', 'stats')).toEqual([500, { error: text }])
})

test('wrong passwords are told, and never themselves', async () => {
  const [token, password] = ['not-the-token', 'not-the-password']
  const room = tamarRoom()
  const all = { MSG_REDIS_TOKEN: token, MSG_RABBITMQ_PASSWORD: password, MSG_MYSQL_PASSWORD: password }
  const events = await watch(await playgroundWith(variables(room, all)))
  const reasons = new Map<unknown, string>()
  while (reasons.size < 3) {
    const { type, link, reason } = await events.next()
    if (typeof reason === 'string') reasons.set(link ?? type, reason)
  }
  expect(reasons.get('realtime')).toMatch('401')
  expect(reasons.get('dispatches')).toMatch('Bad CONNECT')
  expect(reasons.get('gateway-error')).toMatch('MySQL')
  expect([...reasons.values()].join()).not.toMatch(/not-the/)
})

test('a realtime message comes by another Redis', async () => {
  const room = tamarRoom()
  const base = await playgroundWith(variables(room))
  const events = await watch(base)
  const peer = new UserPeer(`${base.replace('http', 'ws')}/tamar/real/user?id=ann`)
  await peer.opened
  for (;;) {
    const { link, state } = await events.next()
    if (link === 'realtime' && state === 'open') break
  }
  await redisOf(room).publish('realtime:user:ann', '{"n":1}')
  expect(await peer.frames.next()).toEqual({ type: 'realtime', payload: { n: 1 } })
})
