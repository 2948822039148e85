import { json } from '../cloudflare.ts'
import {
  type Args,
  answer,
  BadRequest,
  COMMON,
  done,
  killEvery,
  killsLeft,
  number,
  type Operation,
  oneOf,
  settings,
  string,
} from './control.ts'
import { ENDPOINTS, FAILURES, REPLIES } from './tamar-faults.ts'
import { LINES, type Line } from './tamar-line.ts'
import type { TamarRoom } from './tamar-room.ts'
import { ServiceError } from './tamar-services.ts'
import { EXCHANGE, QUEUE, ROUTING_KEY } from './tamar-settings.ts'
import { StompSession } from './tamar-stomp.ts'
import type { UserSession } from './tamar-user.ts'

type TamarOperation = Operation<TamarRoom>

const POINTS = ['delivery', 'send', 'subscribe', 'ack', 'connect', 'frame', 'answer'] as const

/** Of one kind of connection, which `line` names: "stomp", the default, "user" or "http"; or "all". */
function onLine(run: Operation<Line>): TamarOperation {
  return (room, args) => {
    const which = oneOf(args, 'line', ['stomp', 'user', 'http', 'all'])
    if (which !== 'user' && which !== 'all') notReal(room)
    const chosen = which === 'all' ? LINES : [which]
    const told = chosen.map((name) => run(room.lines[name], args))
    const [only] = told
    if (told.length === 1 || only === undefined) return only
    // Numbers of all kinds together.
    const sums: Record<string, number> = {}
    for (const one of told as Record<string, number>[]) {
      for (const [name, count] of Object.entries(one)) sums[name] = (sums[name] ?? 0) + count
    }
    return sums
  }
}

/** Of the servers in the room; when the gateway works with real ones, nobody would notice. */
const embedded =
  (run: TamarOperation): TamarOperation =>
  (room, args) => {
    notReal(room)
    return run(room, args)
  }

function notReal(room: TamarRoom): void {
  if (room.services.links === undefined) return
  throw new BadRequest('this room works with real servers: do it there')
}

const { reset: _reset, crash: _crash, httpError: _httpError, ...ON_LINES } = COMMON

/** What the control API of a room does, by `op`; what an operation returns is added to `{ ok: true }`. */
const OPERATIONS = {
  ...(Object.fromEntries(
    Object.entries(ON_LINES).map(([op, run]) => [op, onLine(run as Operation<Line>)]),
  ) as Readonly<Record<keyof typeof ON_LINES, TamarOperation>>),
  reset: done((room) => room.reset()),
  crash: done((room) => room.crash()),
  stats,
  rows,
  statuses,
  tally,
  failHttp: embedded(failHttp),
  httpError: embedded(failHttp),
  killEvery: onLine(killEvery(...POINTS) as Operation<Line>),
  settings: (room, args) =>
    settings({
      timeZone: (value) => Number.isInteger(value) && Math.abs(value as number) <= 840,
      wsFrame: (value) => value === 'binary' || value === 'text',
    })(room.lines.http, args),
  credentials: embedded(credentials),
  skew: done((room, args) => {
    room.skew = number(args, 'ms', 0)
    room.tick()
  }),
  refuse: (room, args) => {
    const what = oneOf(args, 'what', ['stomp', 'redis', 'mysql', 'api', 'user'])
    if (what !== 'user') notReal(room)
    room.troubles.refusals[what] += number(args, 'count', 1)
    return undefined
  },
  replies: embedded(
    done(({ troubles }, args) => {
      const fault = { how: oneOf(args, 'how', REPLIES), ms: number(args, 'ms', 100) }
      for (let i = 0; i < number(args, 'count', 1); i++) troubles.replies.push(fault)
    }),
  ),
  noReceipt: embedded(
    done(({ troubles }, args) => Object.assign(troubles, { noReceipts: number(args, 'count', 1) })),
  ),
  loseExchange: embedded(
    done(({ broker }, args) => broker.deleteExchange(string(args, 'exchange', EXCHANGE))),
  ),
  restoreExchange: embedded(
    done(({ broker }) => {
      const durable = { durable: true, autoDelete: false, arguments: {} }
      broker.declareExchange(EXCHANGE, { ...durable, type: 'direct', internal: false })
      broker.declareQueue(QUEUE, durable)
      broker.bind(EXCHANGE, QUEUE, ROUTING_KEY)
    }),
  ),
  loseQueue: embedded(done(({ broker }, args) => broker.deleteQueue(string(args, 'queue', QUEUE)))),
  pause: done(({ gateway }) => gateway.stop()),
  resume: done(({ gateway }) => gateway.start()),
  endStreams: embedded((room) => ({ ended: room.endStreams() })),
  dispatch: embedded(
    done((room, args) => {
      const body = new TextEncoder().encode(string(args, 'body', JSON.stringify({ message_id: args.id })))
      const properties = { content_type: 'application/json', delivery_mode: 2 }
      room.publish({ exchange: EXCHANGE, key: ROUTING_KEY, properties, body }, 'control')
    }),
  ),
} satisfies Readonly<Record<string, TamarOperation>>

export async function control(room: TamarRoom, request: Request): Promise<Response> {
  try {
    return await answer(OPERATIONS, room, request)
  } catch (error) {
    if (error instanceof ServiceError) return json({ ok: false, error: error.message }, 502)
    throw error
  }
}

/** `{ endpoint, how, when, count, status, body, contentType }`; by default the next request to any gets a 500. */
function failHttp({ troubles }: TamarRoom, args: Args): undefined {
  const status = number(args, 'status', 500)
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new BadRequest('"status" must be from 200 to 599')
  const fault = {
    endpoint: oneOf(args, 'endpoint', ['any', ...ENDPOINTS]),
    how: oneOf(args, 'how', FAILURES),
    when: oneOf(args, 'when', ['before', 'after']),
    status,
    body: string(args, 'body', 'Internal Server Error'),
    contentType: string(args, 'contentType', 'text/plain;charset=UTF-8'),
  } as const
  for (let i = 0; i < number(args, 'count', 1); i++) troubles.endpoints.push(fault)
}

/** `{ redisToken, mysqlPassword, rabbitUser, rabbitPassword }` changes those that are given. */
function credentials(room: TamarRoom, { op: _, ...args }: Args): object {
  for (const name of Object.keys(args)) {
    if (!Object.hasOwn(room.credentials, name)) throw new BadRequest(`there is no credential "${name}"`)
    string(args, name, '')
  }
  room.credentials = { ...room.credentials, ...(args as Partial<TamarRoom['credentials']>) }
  room.store.touch()
  return {}
}

/**
 * `{ user, users, status, id, limit, newest }`: the rows of the table, in order of their numbers, or the newest first;
 * numbers of 64 bits as texts.
 */
async function rows({ services, tally }: TamarRoom, args: Args): Promise<object> {
  const rows = await services.listing.rows({
    users: users(args),
    status: string(args, 'status', ''),
    id: string(args, 'id', ''),
    limit: Math.max(Math.floor(number(args, 'limit', 1000)), 0),
    newest: args.newest === true,
  })
  return { rows: rows.map((row) => ({ ...row, tally: tally.all.get(row.id ?? '') })) }
}

/** `{ user, users }`: how many rows there are of each status. */
async function statuses({ services }: TamarRoom, args: Args): Promise<object> {
  return { statuses: await services.listing.statuses(users(args)) }
}

/** Whose rows: those of one, of some, or of all. */
function users(args: Args): string[] {
  const all = args.users ?? []
  if (!Array.isArray(all) || all.length > 100 || !all.every((one) => typeof one === 'string')) {
    throw new BadRequest('"users" must be a list of strings, of 100 at most')
  }
  const user = string(args, 'user', '')
  return user === '' ? all : [...all, user]
}

/** `{ id }`: what happened to one row, or to each. */
function tally({ tally }: TamarRoom, args: Args): object {
  const id = string(args, 'id', '')
  const all = id === '' ? [...tally.all] : [[id, tally.all.get(id)]]
  return { tally: Object.fromEntries(all) }
}

function stats(room: TamarRoom): object {
  const statuses = room.mysql.statuses()
  const { broker, lines } = room
  return {
    ...room.counters,
    rows: Object.values(statuses).reduce((sum, count) => sum + count, 0),
    statuses,
    queues: Array.from(broker.queues.values(), ({ name, length, unconfirmed, consumers }) => ({
      name,
      ready: length,
      unconfirmed,
      consumers: consumers.length,
    })),
    exchanges: [...broker.exchanges.keys()].filter((name) => name !== '' && !name.startsWith('amq.')),
    online: Array.from(room.gateway.users, ([user, sockets]) => ({ user, sockets: sockets.size })),
    streams: room.subscribers.size,
    gateway: room.gateway.isRunning,
    links: links(room),
    skew: room.skew,
    killsLeft: killsLeft(lines.stomp.faults),
    userKillsLeft: killsLeft(lines.user.faults),
    settings: room.settings,
    connections: lines.stomp.sessions.size,
    peers: LINES.flatMap((name) => Array.from(lines[name].sessions, (session) => peer(name, session))),
  }
}

/** How the ways to real servers are, if the gateway works with such. */
const links = ({ services }: TamarRoom): object | undefined =>
  services.links &&
  Object.fromEntries(Object.entries(services.links).map(([name, { state }]) => [name, state]))

const peer = (line: string, session: object): object => {
  if (session instanceof StompSession) {
    const { number, login, version, subscriptions, frames } = session
    return { line, connection: number, login, version, subscriptions: subscriptions.size, frames }
  }
  const { number, userId, frames } = session as UserSession
  return { line, connection: number, user: userId, frames }
}
