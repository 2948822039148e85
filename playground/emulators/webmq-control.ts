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
import { optionFault } from './webmq-broker.ts'
import { BAD_CHALLENGES } from './webmq-faults.ts'
import { ODD, type Odd, odd, SHORT } from './webmq-odd.ts'
import { type Dict, isDict, type Payload, payload } from './webmq-payload.ts'
import { ALL, isPermissions } from './webmq-rights.ts'
import type { WebmqRoom } from './webmq-room.ts'
import type { WampSession } from './webmq-session.ts'
import { APPS, NEW_USER, type User } from './webmq-settings.ts'
import { Wamp2Session } from './webmq-wamp2.ts'

type WebmqOperation = Operation<WebmqRoom>

const texts = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string')

/** What the control API of a room does, by `op`; what an operation returns is added to `{ ok: true }`. */
const OPERATIONS = {
  ...COMMON,
  publish,
  user,
  app,
  stats,
  deliveries,
  ...Object.fromEntries(ODD.map((kind) => [kind, sendOdd(kind)])),
  killEvery: killEvery('event', 'result', 'command'),
  settings: settings({
    speaks: texts,
    realms: texts,
    otherSubprotocol: (value) => value === 'refuse' || value === 'accept',
    curies: (value) => value === 'errors' || value === 'always' || value === 'never',
  }),
  skew: done((room, args) => Object.assign(room, { skew: number(args, 'ms', 0) })),
  refuse: done(({ faults }, args) => {
    faults.refuse(number(args, 'count', 1), { code: 0, phrase: string(args, 'uri', '') })
  }),
  badChallenge: done(({ faults }, args) => {
    faults.badChallenges.push(...times(args, oneOf(args, 'how', BAD_CHALLENGES)))
  }),
  hugeIterations: done(({ faults }, args) => {
    faults.hugeIterations.push(...times(args, number(args, 'iterations', 1e9)))
  }),
  wrongSubprotocol: done(({ faults }, args) => {
    faults.subprotocols.push(...times(args, string(args, 'protocol', 'wamp.2.msgpack')))
  }),
  noGoodbye: done(({ faults }, args) => Object.assign(faults, { noGoodbye: args.on !== false })),
  goodbye: done((room, args) => {
    const reason = string(args, 'reason', 'wamp.close.system_shutdown')
    for (const session of chosen(room, args)) {
      if (session instanceof Wamp2Session) session.bid(reason, string(args, 'message', ''))
    }
  }),
} satisfies Readonly<Record<string, WebmqOperation>>

export const control = (room: WebmqRoom, request: Request): Promise<Response> =>
  answer(OPERATIONS, room, request)

const times = <T>(args: Args, value: T): T[] => Array.from({ length: number(args, 'count', 1) }, () => value)

/** `{ connection }`: the sessions with that number; by default all. */
const chosen = ({ sessions }: WebmqRoom, { connection = 'all' }: Args): WampSession[] =>
  [...sessions].filter(({ number }) => connection === 'all' || connection === number)

/** `{ connection, of }`; goes out as it is. */
function sendOdd(kind: Odd): WebmqOperation {
  return (room, args) => {
    const short = oneOf(args, 'of', SHORT)
    const sessions = chosen(room, args)
    for (const session of sessions) session.sendRaw(JSON.stringify(odd(kind, session.version, short)))
    return { sent: sessions.length }
  }
}

const LISTS = ['exclude', 'eligible'].flatMap((name) => [name, `${name}_authid`, `${name}_authrole`])
/** For how long a patient publication waits for a subscriber. */
const PATIENCE = 30_000
const CHUNK = 1000

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * `{ topic, event }` or `{ topic, args, kwargs }`, with `{ count, retain, patient, exclude, eligible, … }`. In texts
 * `{n}` is the number, which a text that is nothing else becomes; patient waits until somebody is subscribed.
 */
async function publish(room: WebmqRoom, args: Args): Promise<object> {
  const topic = string(args, 'topic', 'com.example.topic')
  const count = number(args, 'count', 1)
  if (topic === '') throw new BadRequest('"topic" must not be empty')
  if (!Number.isInteger(count) || count < 0) throw new BadRequest('"count" must be a whole number from 0 on')
  const options: Dict = Object.fromEntries(
    [...LISTS, 'retain'].flatMap((name) => (args[name] === undefined ? [] : [[name, args[name]]])),
  )
  const fault = optionFault(options)
  if (fault !== undefined) throw new BadRequest(fault)
  const template = JSON.stringify(given(args)).replaceAll('"{n}"', '{n}')
  const first = room.counters.published + 1
  for (let n = 1; n <= count; n++) {
    if (args.patient === true) await subscriber(room, topic)
    const text = template.includes('{n}') ? template.replaceAll('{n}', String(n)) : template
    room.publish({ topic, payload: JSON.parse(text) as Payload, options, from: 'control' })
    // Lets connections have their turn in between.
    if (n % CHUNK === 0) await pause(0)
  }
  return { published: count, first, last: room.counters.published }
}

function given({ event, args, kwargs }: Args): Payload {
  if (args === undefined && kwargs === undefined) return payload([event === undefined ? { n: '{n}' } : event])
  if ((args === undefined || Array.isArray(args)) && (kwargs === undefined || isDict(kwargs)))
    return payload(args, kwargs)
  throw new BadRequest('"args" must be a list, "kwargs" an object')
}

async function subscriber(room: WebmqRoom, topic: string): Promise<void> {
  for (const end = Date.now() + PATIENCE; !room.broker.hears(topic) || room.faults.muted; await pause(1)) {
    if (Date.now() > end) throw new BadRequest(`nobody subscribed to "${topic}" within ${PATIENCE / 1000} s`)
  }
}

/** `{ authid, secret, method, role, salt, iterations, keylen, permissions }` adds a user, or changes what is given. */
function user(room: WebmqRoom, args: Args): undefined {
  const authid = string(args, 'authid', 'isomq-user')
  const known = room.user(authid) ?? NEW_USER
  const { permissions = known.permissions } = args
  if (permissions !== null && !isPermissions(permissions)) {
    throw new BadRequest(`"permissions" must be null or of the form ${JSON.stringify(ALL)}`)
  }
  const changed: User = {
    method: oneOf(args, 'method', known.method === 'ticket' ? ['ticket', 'wampcra'] : ['wampcra', 'ticket']),
    secret: string(args, 'secret', known.secret),
    role: string(args, 'role', known.role),
    salt: string(args, 'salt', known.salt),
    iterations: number(args, 'iterations', known.iterations),
    keylen: number(args, 'keylen', known.keylen),
    permissions,
  }
  if (changed.iterations > 100_000 || changed.keylen < 1 || changed.keylen > 64) {
    throw new BadRequest('"iterations" goes up to 100,000, "keylen" from 1 to 64')
  }
  room.users = { ...room.users, [authid]: changed }
  room.store.touch()
}

/** `{ key, secret }` adds a key for pushes and the bridge, or gives it another secret. */
function app(room: WebmqRoom, args: Args): undefined {
  const [[first, secret] = ['', '']] = Object.entries(APPS)
  const key = string(args, 'key', first)
  room.apps = { ...room.apps, [key]: string(args, 'secret', room.secret(key) ?? secret) }
  room.store.touch()
}

/** `{ session, clear }`: which publications were handed to whom, as spans of their numbers. */
function deliveries(room: WebmqRoom, args: Args): object {
  const wanted = String(args.session ?? '')
  const handed = room.deliveries.all.filter(
    ({ receiver }) => wanted === '' || String(receiver.session) === wanted,
  )
  const shown = handed.map(({ receiver, ended, spans }) => ({ ...receiver, ended, publications: spans }))
  if (args.clear === true) room.deliveries.clear()
  return { deliveries: shown }
}

function stats(room: WebmqRoom): object {
  return {
    ...room.counters,
    subscriptions: room.broker.size,
    sessions: room.sessions.size,
    retained: room.broker.retained.size,
    killsLeft: killsLeft(room.faults),
    skew: room.skew,
    settings: room.settings,
    peers: Array.from(room.sessions, peer),
  }
}

const peer = (session: WampSession): object => ({
  connection: session.number,
  session: session.id,
  version: session.version,
  authid: session.authid,
  role: session.role,
  method: session.method,
  topics: Array.from(session.subscriptions.values(), ({ topic }) => topic),
  frames: session.frames,
  seenAt: session.seenAt,
})
