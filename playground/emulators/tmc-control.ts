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
  publishMany,
  settings,
  string,
} from './control.ts'
import type { TmcRoom } from './tmc-room.ts'
import type { TmcSession } from './tmc-session.ts'
import { DEFAULT_APP } from './tmc-settings.ts'

/** What the control API of a room does, by `op`; what an operation returns is added to `{ ok: true }`. */
const OPERATIONS = {
  ...COMMON,
  produce,
  stats,
  app,
  session: addSession,
  killEvery: killEvery('confirm', 'delivery'),
  settings: settings({
    topics: (value) => value === null || Array.isArray(value),
    idBase: (value) => typeof value === 'string' && /^\d{1,18}$|^[1-8]\d{18}$/.test(value),
  }),
  noAck: done(({ faults }, args) => Object.assign(faults, { noAck: args.on !== false })),
  skew: done((room, args) => Object.assign(room, { skew: number(args, 'ms', 0) })),
  refuse: done(({ faults }, args) => {
    faults.refuse(number(args, 'count', 1), {
      code: number(args, 'code', 42),
      phrase: string(args, 'phrase', 'forbidden request'),
    })
  }),
  notice: done(({ sessions }, args) => {
    const code = number(args, 'code', 10)
    const phrase = string(args, 'phrase', 'Service Currently Unavailable')
    for (const session of sessions) session.notice({ code, phrase })
  }),
} satisfies Readonly<Record<string, Operation<TmcRoom>>>

export const control = (room: TmcRoom, request: Request): Promise<Response> =>
  answer(OPERATIONS, room, request)

/** `{ count, topic, content, size, group, appKey, nick, userId, dataId }`; `{n}` in content is the number. */
function produce(room: TmcRoom, args: Args): Promise<object> {
  const content = string(args, 'content', '{"tid":{n},"status":"TRADE_CLOSED"}')
  const target = args.group === undefined ? undefined : string(args, 'group', '')
  const fields = {
    topic: string(args, 'topic', 'taobao_trade_TradeClose'),
    publisher: string(args, 'appKey', DEFAULT_APP.key),
    nick: string(args, 'nick', 'isomq'),
    userId: int64(args, 'userId', '100000001'),
    dataId: int64(args, 'dataId', '568763270000000'),
  }
  return publishMany(args, content, (text, times) => {
    const refusal = room.publish({ ...fields, content: text }, target, times)
    if (refusal !== undefined) throw new BadRequest(`${refusal.code} ${refusal.phrase}`)
  })
}

/** Refused before anything is stored: what does not fit the wire would break every delivery. */
function int64(args: Args, name: string, fallback: string): string {
  const text = string(args, name, fallback)
  if (/^-?\d{1,19}$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text)) return text
  throw new BadRequest(`"${name}" must be an integer of 64 bits, as text`)
}

function stats(room: TmcRoom): object {
  let total = 0
  let unconfirmed = 0
  for (const group of room.groups.values()) {
    total += group.total
    unconfirmed += group.inFlight
  }
  return {
    ...room.counters,
    waiting: total - unconfirmed,
    unconfirmed,
    connections: room.sessions.size,
    signedIn: room.tokens.size,
    killsLeft: killsLeft(room.faults),
    settings: room.settings,
    groups: Array.from(room.groups.values(), (group) => ({ group: group.key, total: group.total })),
    peers: Array.from(room.sessions, peer),
  }
}

const peer = (session: TmcSession): object => ({
  connection: session.number,
  group: session.group?.key,
  sdk: session.sdk,
  unconfirmed: session.unconfirmed.size,
  frames: session.frames,
  seenAt: session.seenAt,
})

/** `{ appKey, secret, groups }` adds an app or replaces its secret. */
function app(room: TmcRoom, args: Args): undefined {
  const key = string(args, 'appKey', DEFAULT_APP.key)
  const known = room.app(key)
  const names = Array.isArray(args.groups) ? args.groups.map(String) : []
  const all = new Set([...(known?.groups ?? [DEFAULT_APP.group]), ...names])
  room.apps = {
    ...room.apps,
    [key]: {
      sessions: {},
      permits: {},
      ...known,
      secret: string(args, 'secret', known?.secret ?? DEFAULT_APP.secret),
      groups: [...all],
    },
  }
  room.store.touch()
}

/** `{ session, nick, appKey }` authorizes a user. */
function addSession(room: TmcRoom, args: Args): undefined {
  const key = string(args, 'appKey', DEFAULT_APP.key)
  const known = room.app(key)
  if (known === undefined) throw new BadRequest(`there is no app "${key}"`)
  const sessions = { ...known.sessions, [string(args, 'session', '')]: string(args, 'nick', 'isomq') }
  room.apps = { ...room.apps, [key]: { ...known, sessions } }
  room.store.touch()
}
