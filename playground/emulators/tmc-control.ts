import { CORS, json } from '../cloudflare.ts'
import type { TmcRoom } from './tmc-room.ts'
import type { TmcSession } from './tmc-session.ts'
import { DEFAULT_APP, type TmcSettings } from './tmc-settings.ts'

type Args = Readonly<Record<string, unknown>>

/** Thrown for a request that makes no sense; becomes HTTP 400. */
class BadRequest extends Error {}

type Operation = (room: TmcRoom, args: Args) => object | undefined | Promise<object>

/** What the control API of a room does, by `op`; what an operation returns is added to `{ ok: true }`. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  produce,
  settings,
  stats,
  app,
  session: addSession,
  drop,
  killEvery,
  garbage,
  unmute,
  reset: done((room) => room.reset()),
  crash: done((room) => room.crash()),
  dropAfter: done(({ faults }, args) => Object.assign(faults, { dropAfter: number(args, 'frames', 1) })),
  delay: done(({ faults }, args) => Object.assign(faults, { delayMs: number(args, 'ms', 0) })),
  duplicate: done(({ faults }, args) => Object.assign(faults, { duplicates: number(args, 'count', 1) })),
  truncate: done(({ faults }, args) => Object.assign(faults, { truncations: number(args, 'count', 1) })),
  corrupt: done(({ faults }, args) => Object.assign(faults, { corruptions: number(args, 'count', 1) })),
  mute: done(({ faults }) => Object.assign(faults, { muted: true })),
  noAck: done(({ faults }, args) => Object.assign(faults, { noAck: args.on !== false })),
  skew: done((room, args) => Object.assign(room, { skew: number(args, 'ms', 0) })),
  refuse: done(({ faults }, args) => {
    faults.refuse(number(args, 'count', 1), {
      code: number(args, 'code', 42),
      phrase: string(args, 'phrase', 'forbidden request'),
    })
  }),
  httpError: done(({ faults }, args) => {
    faults.failHttp(number(args, 'count', 1), {
      status: number(args, 'status', 500),
      body: string(args, 'body', 'Internal Server Error'),
    })
  }),
  notice: done(({ sessions }, args) => {
    const code = number(args, 'code', 10)
    const phrase = string(args, 'phrase', 'Service Currently Unavailable')
    for (const session of sessions) session.notice({ code, phrase })
  }),
}

/** An operation with nothing to tell. */
function done(run: (room: TmcRoom, args: Args) => unknown): Operation {
  return (room, args) => {
    run(room, args)
    return undefined
  }
}

/** `POST { op, … }` does something to the room, `GET` gives its statistics. */
export async function control(room: TmcRoom, request: Request): Promise<Response> {
  if (request.method === 'OPTIONS') return new Response(null, { headers: CORS })
  if (request.method === 'GET') return json({ ok: true, ...stats(room) })
  try {
    const args = (await request.json()) as Args
    const op = string(args, 'op', '')
    if (!Object.hasOwn(OPERATIONS, op)) {
      throw new BadRequest(`unknown op "${op}"; there are: ${Object.keys(OPERATIONS).join(', ')}`)
    }
    return json({ ok: true, ...(await OPERATIONS[op]!(room, args)) })
  } catch (error) {
    if (error instanceof BadRequest || error instanceof SyntaxError || error instanceof TypeError) {
      return json({ ok: false, error: error.message }, 400)
    }
    throw error
  }
}

function number(args: Args, name: string, byDefault: number): number {
  const value = args[name] ?? byDefault
  if (typeof value === 'number' && !Number.isNaN(value)) return value
  throw new BadRequest(`"${name}" must be a number`)
}

function string(args: Args, name: string, byDefault: string): string {
  const value = args[name] ?? byDefault
  if (typeof value === 'string') return value
  throw new BadRequest(`"${name}" must be a string`)
}

const CHUNK = 1000

/** `{ count, topic, content, size, group, appKey, nick, userId, dataId }`; `{n}` in content is the number. */
async function produce(room: TmcRoom, args: Args): Promise<object> {
  const count = number(args, 'count', 1)
  if (!Number.isInteger(count) || count < 0) throw new BadRequest('"count" must be a whole number from 0 on')
  const content = string(args, 'content', '{"tid":{n},"status":"TRADE_CLOSED"}')
  const size = number(args, 'size', 0)
  const numbered = content.includes('{n}')
  const target = args.group === undefined ? undefined : string(args, 'group', '')
  const fields = {
    topic: string(args, 'topic', 'taobao_trade_TradeClose'),
    publisher: string(args, 'appKey', DEFAULT_APP.key),
    nick: string(args, 'nick', 'isomq'),
    userId: int64(args, 'userId', '100000001'),
    dataId: int64(args, 'dataId', '568763270000000'),
  }
  for (let n = 0; n < count; ) {
    const text = padded(numbered ? content.replaceAll('{n}', String(n + 1)) : content, size)
    // Equal messages go in at once.
    const step = numbered ? 1 : Math.min(CHUNK, count - n)
    const refusal = room.publish({ ...fields, content: text }, target, step)
    if (refusal !== undefined) throw new BadRequest(`${refusal.code} ${refusal.phrase}`)
    n += step
    // Lets connections have their turn in between.
    if (n % CHUNK === 0) await new Promise((resolve) => setTimeout(resolve, 0))
  }
  return { produced: count }
}

/** Refused before anything is stored: what does not fit the wire would break every delivery. */
function int64(args: Args, name: string, fallback: string): string {
  const text = string(args, name, fallback)
  if (/^-?\d{1,19}$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text)) return text
  throw new BadRequest(`"${name}" must be an integer of 64 bits, as text`)
}

/** JSON stays JSON: blanks at the end do no harm. */
const padded = (text: string, size: number): string => text.padEnd(size)

function settings(room: TmcRoom, { op: _, ...changes }: Args): object {
  const current = room.settings as unknown as Record<string, unknown>
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(current, name) || !fits(name, value, current[name]))
      throw new BadRequest(`there is no setting "${name}" that could be ${JSON.stringify(value)}`)
  }
  room.settings = { ...(current as unknown as TmcSettings), ...changes }
  room.store.touch()
  room.tick()
  return { settings: room.settings }
}

function fits(name: string, value: unknown, current: unknown): boolean {
  if (name === 'topics') return value === null || Array.isArray(value)
  if (name === 'idBase') return typeof value === 'string' && /^\d{1,18}$|^[1-8]\d{18}$/.test(value)
  return typeof value === typeof current && (typeof value !== 'number' || value >= 0)
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
    killsLeft: Number.isFinite(room.faults.killsLeft) ? room.faults.killsLeft : null,
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

/** `{ connection: number | 'all' | 'random', code, reason, abrupt }`; by default all, with 1001. */
function drop(room: TmcRoom, args: Args): object {
  const which = args.connection ?? 'all'
  const signedIn = [...room.sessions]
  const picked = Math.floor(room.faults.random() * signedIn.length)
  const doomed = signedIn.filter(
    ({ number }, at) => which === 'all' || which === number || (which === 'random' && at === picked),
  )
  const how = args.abrupt === true ? 'abrupt' : number(args, 'code', 1001)
  if (
    how !== 'abrupt' &&
    !/^(1000|1001|1002|1003|1007|1008|1009|101[0-4]|3\d{3}|4[0-8]\d{2})$/.test(String(how))
  ) {
    throw new BadRequest('"code" must be one that a server may close with, such as 1001 or 3000 to 4899')
  }
  for (const session of doomed) session.drop(how, string(args, 'reason', 'dropped on request'))
  return { dropped: doomed.length }
}

/** `{ frames, on: 'confirm' | 'delivery', seed, kills }`; the same seed kills at the same counts. */
function killEvery({ faults }: TmcRoom, args: Args): undefined {
  const on = string(args, 'on', 'confirm')
  if (on !== 'confirm' && on !== 'delivery') throw new BadRequest('"on" must be "confirm" or "delivery"')
  const kills = number(args, 'kills', Number.POSITIVE_INFINITY)
  faults.killEvery(number(args, 'frames', 100), on, number(args, 'seed', 1), kills)
}

/** `{ hex }` or `{ text }` goes to every connection as it is. */
function garbage(room: TmcRoom, args: Args): object {
  const hex = string(args, 'hex', '')
  if (!/^([\da-f]{2})*$/i.test(hex)) throw new BadRequest('"hex" must be pairs of hexadecimal digits')
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
  for (const session of room.sessions)
    session.sendRaw(args.hex === undefined ? string(args, 'text', '?') : bytes)
  return { sent: room.sessions.size }
}

function unmute(room: TmcRoom): undefined {
  room.faults.muted = false
  for (const session of room.sessions) session.seenAt = Date.now()
  room.tick()
}
