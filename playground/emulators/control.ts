import { CORS, json } from '../cloudflare.ts'
import type { Ending, Faults } from './faults.ts'
import type { Session } from './session.ts'

export type Args = Readonly<Record<string, unknown>>

/** Thrown for a request that makes no sense; becomes HTTP 400. */
export class BadRequest extends Error {}

/** What every control API can work on. */
export interface ControlledRoom {
  readonly faults: Faults
  readonly sessions: ReadonlySet<Session>
  readonly store: { touch(): void }
  settings: object
  /** Does what has become possible. */
  tick(): void
  reset(): void
  crash(): void
}

export type Operation<Room> = (room: Room, args: Args) => object | undefined | Promise<object>
export type Operations<Room> = Readonly<Record<string, Operation<Room>>>

/** `POST { op, … }` does something to the room, `GET` gives its statistics. */
export async function answer<Room>(
  operations: Operations<Room> & { readonly stats: Operation<Room> },
  room: Room,
  request: Request,
): Promise<Response> {
  if (request.method === 'OPTIONS') return new Response(null, { headers: CORS })
  if (request.method === 'GET') return json({ ok: true, ...(await operations.stats(room, {})) })
  try {
    const args = (await request.json()) as Args
    const op = string(args, 'op', '')
    if (!Object.hasOwn(operations, op)) {
      throw new BadRequest(`unknown op "${op}"; there are: ${Object.keys(operations).join(', ')}`)
    }
    return json({ ok: true, ...(await operations[op]!(room, args)) })
  } catch (error) {
    if (error instanceof BadRequest || error instanceof SyntaxError || error instanceof TypeError) {
      return json({ ok: false, error: error.message }, 400)
    }
    throw error
  }
}

/** An operation with nothing to tell. */
export function done<Room>(run: (room: Room, args: Args) => unknown): Operation<Room> {
  return (room, args) => {
    run(room, args)
    return undefined
  }
}

export function number(args: Args, name: string, byDefault: number): number {
  const value = args[name] ?? byDefault
  if (typeof value === 'number' && !Number.isNaN(value)) return value
  throw new BadRequest(`"${name}" must be a number`)
}

export function string(args: Args, name: string, byDefault: string): string {
  const value = args[name] ?? byDefault
  if (typeof value === 'string') return value
  throw new BadRequest(`"${name}" must be a string`)
}

export function oneOf<T extends string>(
  args: Args,
  name: string,
  choices: readonly [T, ...(readonly T[])],
): T {
  const value = string(args, name, choices[0])
  const choice = choices.find((known) => known === value)
  if (choice !== undefined) return choice
  throw new BadRequest(`"${name}" must be one of "${choices.join('", "')}"`)
}

/** What every room can do, whatever its provider. */
export const COMMON = {
  drop,
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
  httpError: done(({ faults }, args) => {
    faults.failHttp(number(args, 'count', 1), {
      status: number(args, 'status', 500),
      body: string(args, 'body', 'Internal Server Error'),
      contentType: string(args, 'contentType', 'text/plain;charset=UTF-8'),
    })
  }),
} satisfies Operations<ControlledRoom>

/**
 * `{ frames, on, seed, kills, code }`; the first of the points is the default; the same seed kills at the same
 * counts. Without a close code connections break.
 */
export function killEvery(...points: readonly [string, ...string[]]): Operation<ControlledRoom> {
  return done(({ faults }, args) => {
    const kills = number(args, 'kills', Number.POSITIVE_INFINITY)
    const ending = args.code === undefined ? 'abrupt' : closeCode(args)
    const [frames, seed] = [number(args, 'frames', 100), number(args, 'seed', 1)]
    faults.killEvery(frames, oneOf(args, 'on', points), seed, kills, ending)
  })
}

/** Kills to come as JSON can carry them. */
export const killsLeft = ({ killsLeft }: Faults): number | null =>
  Number.isFinite(killsLeft) ? killsLeft : null

/** Changes settings; a check stands for "of the type that it has, and no number below 0". */
export function settings(
  checks: Readonly<Record<string, (value: unknown) => boolean>>,
): Operation<ControlledRoom> {
  const fits = (name: string, value: unknown, current: unknown): boolean => {
    if (Object.hasOwn(checks, name)) return checks[name]!(value)
    return typeof value === typeof current && (typeof value !== 'number' || value >= 0)
  }
  return (room, { op: _, ...changes }) => {
    const current = room.settings as Record<string, unknown>
    for (const [name, value] of Object.entries(changes)) {
      if (!Object.hasOwn(current, name) || !fits(name, value, current[name]))
        throw new BadRequest(`there is no setting "${name}" that could be ${JSON.stringify(value)}`)
    }
    room.settings = { ...current, ...changes }
    room.store.touch()
    room.tick()
    return { settings: room.settings }
  }
}

const CHUNK = 1000

/**
 * Publishes `count` texts, padded with blanks to `size`, `{n}` in them being the number; `put` takes a text and
 * how often.
 */
export async function publishMany(
  args: Args,
  template: string,
  put: (text: string, times: number) => void,
): Promise<object> {
  const count = number(args, 'count', 1)
  if (!Number.isInteger(count) || count < 0) throw new BadRequest('"count" must be a whole number from 0 on')
  const size = number(args, 'size', 0)
  const numbered = template.includes('{n}')
  for (let n = 0; n < count; ) {
    // JSON stays JSON: blanks at the end do no harm.
    const text = (numbered ? template.replaceAll('{n}', String(n + 1)) : template).padEnd(size)
    // Equal messages go in at once.
    const step = numbered ? 1 : Math.min(CHUNK, count - n)
    put(text, step)
    n += step
    // Lets connections have their turn in between.
    if (n % CHUNK === 0) await new Promise((resolve) => setTimeout(resolve, 0))
  }
  return { produced: count }
}

const CLOSE_CODES = /^(1000|1001|1002|1003|1007|1008|1009|101[0-4]|3\d{3}|4[0-8]\d{2})$/

function closeCode(args: Args): number {
  const code = number(args, 'code', 1001)
  if (CLOSE_CODES.test(String(code))) return code
  throw new BadRequest('"code" must be one that a server may close with, such as 1001 or 3000 to 4899')
}

/** `{ connection: number | 'all' | 'random', code, reason, abrupt }`; by default all, with 1001. */
function drop(room: ControlledRoom, args: Args): object {
  const which = args.connection ?? 'all'
  const all = [...room.sessions]
  const picked = Math.floor(room.faults.random() * all.length)
  const doomed = all.filter(
    ({ number }, at) => which === 'all' || which === number || (which === 'random' && at === picked),
  )
  const how: Ending = args.abrupt === true ? 'abrupt' : closeCode(args)
  for (const session of doomed) session.drop(how, string(args, 'reason', 'dropped on request'))
  return { dropped: doomed.length }
}

/** `{ hex }` or `{ text }` goes to every connection as it is. */
function garbage(room: ControlledRoom, args: Args): object {
  const hex = string(args, 'hex', '')
  if (!/^([\da-f]{2})*$/i.test(hex)) throw new BadRequest('"hex" must be pairs of hexadecimal digits')
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
  for (const session of room.sessions)
    session.sendRaw(args.hex === undefined ? string(args, 'text', '?') : bytes)
  return { sent: room.sessions.size }
}

function unmute(room: ControlledRoom): undefined {
  room.faults.muted = false
  for (const session of room.sessions) session.seenAt = Date.now()
  room.tick()
}
