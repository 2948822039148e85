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
  publishMany,
  settings,
  string,
} from './control.ts'
import { counts } from './prism-apis.ts'
import type { PrismRoom } from './prism-room.ts'
import type { PrismSession } from './prism-session.ts'
import { DEFAULT_APP } from './prism-settings.ts'

/** What the control API of a room does, by `op`; what an operation returns is added to `{ ok: true }`. */
const OPERATIONS = {
  ...COMMON,
  produce,
  stats,
  app,
  bind: (room, args) => ({ keys: room.bind(client(room, args), ...bound(args)) }),
  unbind: (room, args) => ({ keys: room.unbind(client(room, args), ...bound(args)) }),
  expireSession: ({ grants }) => ({ expired: grants.expire('session') }),
  expireTokens: ({ grants }, args) => ({
    expired: grants.expire(oneOf(args, 'which', ['access', 'refresh', 'code'])),
  }),
  killEvery: killEvery('delivery', 'ack', 'publish'),
  settings: settings({
    tagType: (value) => value === 'number' || value === 'string',
    tagBase: (value) => typeof value === 'string' && /^(0|[1-9]\d{0,18})$/.test(value),
  }),
  skew: done((room, args) => Object.assign(room, { skew: number(args, 'seconds', 0) * 1000 })),
  refuse: done(({ faults }, args) => {
    const phrase = string(args, 'message', 'refused on request')
    faults.refuse(number(args, 'count', 1), { code: 401, phrase })
  }),
} satisfies Readonly<Record<string, Operation<PrismRoom>>>

export const control = (room: PrismRoom, request: Request): Promise<Response> =>
  answer(OPERATIONS, room, request)

function client({ apps }: PrismRoom, args: Args): string {
  const key = string(args, 'client', DEFAULT_APP.key)
  if (Object.hasOwn(apps, key)) return key
  throw new BadRequest(`there is no client "${key}"; the op "app" adds it`)
}

const bound = (args: Args): [queue: string, key: string] => [
  string(args, 'queue', ''),
  string(args, 'key', '#'),
]

/** `{ count, key, body, type, size, client }`; `{n}` in body is the number. */
function produce(room: PrismRoom, args: Args): Promise<object> {
  const fields = {
    client: client(room, args),
    key: string(args, 'key', 'order.new'),
    type: string(args, 'type', 'application/json'),
  }
  return publishMany(args, string(args, 'body', '{"order":{n}}'), (body, times) => {
    room.publish({ ...fields, body }, times)
  })
}

/** `{ key, secret, name }` adds a client or changes what is given. */
function app(room: PrismRoom, args: Args): undefined {
  const key = string(args, 'key', DEFAULT_APP.key)
  if (!/^[\w.-]{1,64}$/.test(key)) throw new BadRequest('"key" must be 1 to 64 letters, digits, . _ or -')
  const known = room.app(key) ?? { secret: DEFAULT_APP.secret, name: key }
  const changed = { secret: string(args, 'secret', known.secret), name: string(args, 'name', known.name) }
  room.apps = { ...room.apps, [key]: changed }
  room.save()
}

function stats(room: PrismRoom): object {
  const queues = Array.from(room.queues.values(), (queue) => ({ queue: queue.key, ...counts(queue) }))
  const sum = (what: 'waiting' | 'unacked'): number => queues.reduce((all, queue) => all + queue[what], 0)
  return {
    ...room.counters,
    skew: room.skew / 1000,
    waiting: sum('waiting'),
    unacked: sum('unacked'),
    connections: room.sessions.size,
    killsLeft: killsLeft(room.faults),
    settings: room.settings,
    queues,
    peers: Array.from(room.sessions, peer),
  }
}

const peer = (session: PrismSession): object => ({
  connection: session.number,
  client: session.client,
  name: session.name,
  queues: [...session.consumers.keys()],
  unacked: session.unacked.size,
  frames: session.frames,
  seenAt: session.seenAt,
})
