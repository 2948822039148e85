import {
  createTamarClient,
  type DebugRecord,
  type TamarClient,
  type TamarClientOptions,
  type TamarDispatch,
  type TamarRecord,
  type TamarReplies,
  type TamarRow,
  type WaitOptions,
} from 'isomq/tamar'
import { afterEach, expect } from 'vitest'
import { FakeClock, flush } from './clock.ts'
import { seeded } from './random.ts'

/** What the three ports are asked for. */
export type Asked = 'realtime' | 'incr' | 'insert' | 'select' | 'publish' | 'connect' | 'close'

/** A thing that happens when the test says so. */
export interface Held<T = unknown> {
  readonly promise: Promise<T>
  resolve(value?: T): void
  reject(error: unknown): void
}

export function held<T = unknown>(): Held<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  // A test that ends early leaves it behind.
  promise.catch(() => {})
  return { promise, resolve: (value) => resolve(value as T), reject }
}

export interface TamarBench {
  readonly client: TamarClient
  readonly clock: FakeClock
  readonly errors: (Error & { code?: string; details?: Record<string, unknown>; cause?: unknown })[]
  readonly records: DebugRecord[]
  /** What was asked for, in order, and within which limits. */
  readonly asked: Asked[]
  readonly limits: (WaitOptions | undefined)[]
  readonly realtime: (readonly [channel: string, message: string])[]
  readonly keys: string[]
  readonly rows: TamarRow[]
  readonly looks: (readonly string[])[]
  readonly out: TamarDispatch[]
  /** What the table holds besides; a row that was written stands in it as it is. */
  readonly table: Map<string, TamarRecord>
  /** Replaces what a port does; its argument is what the port would have done. */
  readonly acts: Partial<Record<Asked, (act: () => unknown, ...given: never[]) => unknown>>
  readonly replies: TamarReplies
  /** The gateway stores an answer, or that it came to an end without one. */
  store(row: TamarRow, commandResponse: string | null, status?: string): void
}

const benches: TamarBench[] = []

afterEach(async () => {
  for (const { client, clock, acts } of benches.splice(0)) {
    acts.close = (act) => act()
    const closed = client.close({ timeout: 1 })
    await clock.advance(10)
    await closed
    expect(clock.timers, 'timers left after close()').toBe(0)
    expect(client.stats().waiting, 'commands that wait after close()').toBe(0)
  }
})

/** A client with ports that do as they are told, and a time of its own; closed after the test. */
export function bench(options: Partial<TamarClientOptions> = {}): TamarBench {
  const clock = new FakeClock()
  const acts: TamarBench['acts'] = {}
  const made = {
    clock,
    acts,
    errors: [] as TamarBench['errors'],
    records: [] as DebugRecord[],
    asked: [] as Asked[],
    limits: [] as (WaitOptions | undefined)[],
    realtime: [] as (readonly [string, string])[],
    keys: [] as string[],
    rows: [] as TamarRow[],
    looks: [] as (readonly string[])[],
    out: [] as TamarDispatch[],
    table: new Map<string, TamarRecord>(),
    replies: undefined as unknown as TamarReplies,
    store({ id, commandRequestId }: TamarRow, commandResponse: string | null, status = 'FINISHED') {
      made.table.set(id, { id, status, commandRequestId, commandResponse })
    },
  }
  let seq = 0
  const ask = (what: Asked, limits: WaitOptions | undefined, act: () => unknown, ...given: unknown[]) => {
    made.asked.push(what)
    made.limits.push(limits)
    const replaced = acts[what]
    return (replaced ? replaced(act, ...(given as never[])) : act()) as Promise<never>
  }
  const client = createTamarClient({
    clock,
    random: seeded(1),
    redis: {
      publish: (channel, message, limits) =>
        ask('realtime', limits, () => made.realtime.push([channel, message])),
      incr: (key, limits) => {
        made.keys.push(key)
        return ask('incr', limits, async () => ++seq, key)
      },
    },
    store: {
      insert: (row, limits) =>
        ask(
          'insert',
          limits,
          async () => {
            made.rows.push(row)
            made.store(row, null, row.status)
          },
          row,
        ),
      select: (ids, limits) => {
        made.looks.push(ids)
        return ask(
          'select',
          limits,
          async () => ids.flatMap((id) => made.table.get(id) ?? []),
          ids as unknown as never,
        )
      },
    },
    broker: {
      publish: (dispatch, limits) => ask('publish', limits, async () => made.out.push(dispatch), dispatch),
      listen: (replies) => {
        made.replies = replies
      },
      connect: (limits) => ask('connect', limits, async () => {}, limits),
      close: () => ask('close', undefined, async () => {}),
    },
    ...options,
  })
  client.on('error', (error) => made.errors.push(error))
  client.on('debug', (record) => made.records.push(record))
  const whole = Object.assign(made, { client })
  benches.push(whole)
  return whole
}

export const CONFIG = expect.objectContaining({ name: 'IsomqError', code: 'CONFIG', provider: 'tamar' })
export const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/

/** Sends a command, and gives its row when it is out. */
export async function command(b: TamarBench, more: { timeout?: number; signal?: AbortSignal } = {}) {
  const answer = b.client.sendCommand('u1', { type: 'x', ...more })
  // Whoever looks at it later gets it all the same.
  answer.catch(() => {})
  await flush()
  const row = b.rows.at(-1)!
  return { answer, row, id: row.commandRequestId! }
}

/** All ways to make a row. */
export const SENDS: readonly (readonly [
  string,
  (b: TamarBench, signal?: AbortSignal) => Promise<unknown>,
])[] = [
  ['a reliable message', (b, signal) => b.client.sendReliable('u1', 1, { signal })],
  ['a command', (b, signal) => b.client.sendCommand('u1', { type: 'x', signal })],
  ['a command without a wait', (b, signal) => b.client.sendCommand('u1', { type: 'x', wait: false, signal })],
]
