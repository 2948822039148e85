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
import { ackText, isMode, MODES, targetOf } from './tambur-frames.ts'
import type { TamburRoom } from './tambur-room.ts'
import type { TamburSession } from './tambur-session.ts'
import { ANSWERS, DEFAULT_APP } from './tambur-settings.ts'
import { modeToken } from './tambur-sign.ts'

/** What the control API of a room does, by `op`; what an operation returns is added to `{ ok: true }`. */
const OPERATIONS = {
  ...COMMON,
  publish,
  token,
  stats,
  deliveries,
  killEvery: killEvery('delivery', 'command', 'subscribe', 'unsubscribe', 'set_mode', 'unset_mode', 'direct'),
  settings: settings({
    answer: (value) => (ANSWERS as readonly unknown[]).includes(value),
    kind: (value) => typeof value === 'string' && !isMode(value),
  }),
  app: done((room, args) => {
    room.secret = string(args, 'secret', DEFAULT_APP.secret)
    room.store.touch()
  }),
  skew: done((room, args) => Object.assign(room, { skew: number(args, 'seconds', 0) * 1000 })),
  refuseTokens: done(({ faults }, args) => {
    const phrase = string(args, 'reason', 'invalid_token')
    faults.refuse(number(args, 'count', 1), { code: 401, phrase })
  }),
  refuseSockets: done(({ faults }, args) => {
    faults.socketRefusals = times(args, 'count', status(args))
  }),
  badHandshake: done(({ faults }, args) => {
    faults.handshakes = times(args, 'count', string(args, 'text', 'hello'))
  }),
  noAck: done(({ faults }, args) => Object.assign(faults, { noAcks: number(args, 'count', 1) })),
  wrongAck: done(({ sessions }, args) => {
    const frame = ackText(number(args, 'handle', 1_000_000), string(args, 'response', 'ok'))
    for (const session of sessions) session.sendRaw(frame)
  }),
} satisfies Readonly<Record<string, Operation<TamburRoom>>>

export const control = (room: TamburRoom, request: Request): Promise<Response> =>
  answer(OPERATIONS, room, request)

function times<T>(args: Args, name: string, value: T): T[] {
  return Array.from({ length: number(args, name, 1) }, () => value)
}

function status(args: Args): number {
  const value = number(args, 'status', 503)
  if (Number.isInteger(value) && value >= 400 && value <= 599) return value
  throw new BadRequest('"status" must be from 400 to 599')
}

/** `{ stream, message, count, size }`; `{n}` in message is the number. */
async function publish(room: TamburRoom, args: Args): Promise<object> {
  const stream = string(args, 'stream', 'demo')
  const target = targetOf(stream)
  if (target === undefined) throw new BadRequest(`there can be no stream "${stream}"`)
  const first = room.counters.published + 1
  const produced = await publishMany(args, string(args, 'message', '{"n":{n}}'), (text, count) => {
    for (let i = 0; i < count; i++) room.publish(target, text)
  })
  return { ...produced, first, last: room.counters.published }
}

/** `{ mode, stream, userId, subscriberId }` */
async function token({ apiKey, appId, secret }: TamburRoom, args: Args): Promise<object> {
  const mode = oneOf(args, 'mode', MODES)
  const stream = string(args, 'stream', 'demo')
  const userId = mode === 'auth' ? undefined : string(args, 'userId', 'isomq')
  const subscriberId = string(args, 'subscriberId', '')
  return { token: await modeToken({ apiKey, appId, mode, stream, userId, subscriberId }, secret) }
}

/** `{ subscriber }`: which messages were handed to whom, as spans of their numbers. */
function deliveries(room: TamburRoom, args: Args): object {
  const wanted = string(args, 'subscriber', '')
  const handed = room.deliveries.all.filter(({ receiver }) => wanted === '' || receiver.subscriber === wanted)
  return {
    deliveries: handed.map(({ receiver, ended, spans }) => ({ ...receiver, ended, messages: spans })),
  }
}

function stats(room: TamburRoom): object {
  return {
    ...room.counters,
    connections: room.sessions.size,
    skew: room.skew / 1000,
    killsLeft: killsLeft(room.faults),
    settings: room.settings,
    streams: Array.from(room.streams.values(), (stream) => stream.describe()),
    peers: Array.from(room.sessions, peer),
  }
}

const peer = (session: TamburSession): object => ({
  connection: session.number,
  subscriber: session.subscriber,
  streams: Array.from(session.streams.values(), (stream) => ({
    stream: stream.name,
    ...stream.subscribers.get(session),
  })),
  frames: session.frames,
  seenAt: session.seenAt,
})
