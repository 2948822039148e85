import type { Peer } from './webmq-broker.ts'
import { type Dict, invalid, type Payload, payload, WampError } from './webmq-payload.ts'

/** Who calls. */
export interface Caller extends Peer {
  /** 0 is the bridge. */
  readonly version: 0 | 1 | 2
  readonly method: string
}

/** A call, as a procedure sees it. */
export interface Call {
  readonly caller: Caller
  readonly procedure: string
  readonly payload: Payload
  readonly options: Dict
  /** Over when the caller no longer waits. */
  readonly signal: AbortSignal
  /** The server's clock. */
  now(): number
  /** Gives a part of the result beforehand. */
  progress(part: Payload): void
}

export type Procedure = (call: Call) => Payload | Promise<Payload>

/** What the demo procedures' URIs begin with, in version 1 and 2; both versions know both. */
const BASES = ['http://example.com/demo#', 'com.example.demo.'] as const

const MINUTE = 60_000
const MOST_BYTES = 1_000_000

function integer({ args }: Payload, byDefault: number, limit: number): number {
  const value = args[0] ?? byDefault
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= limit) return Number(value)
  throw invalid(`the argument must be a whole number from 0 to ${limit}`)
}

const wait = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => clearTimeout(timer))
  })

const DEMOS: Readonly<Record<string, Procedure>> = {
  /** The sum of two numbers. */
  add({ payload: { args } }) {
    const [a, b] = args
    if (args.length === 2 && typeof a === 'number' && typeof b === 'number') return payload([a + b])
    throw invalid('there must be two arguments, both of them numbers')
  },

  /** What it was given. */
  echo: ({ payload: given }) => given,

  /** Answers after so many milliseconds. */
  async slow({ payload: given, signal }) {
    const ms = integer(given, 1000, MINUTE)
    await wait(ms, signal)
    return payload([ms])
  },

  /** Fails with a message and details. */
  fail({ payload: { args, kwargs } }) {
    const [message = 'as you wish'] = args
    const details = Object.keys(kwargs).length > 0 ? kwargs : args[1]
    const shown = typeof details === 'object' && details !== null ? (details as Dict) : { reason: 'demo' }
    throw new WampError('com.example.error.demo', String(message), shown)
  },

  /** So many letters. */
  big: ({ payload: given }) => payload(['x'.repeat(integer(given, 100_000, MOST_BYTES))]),

  /** Who calls. */
  whoami: ({ caller: { id, authid, role, method, version } }) =>
    payload([{ session: id, authid, authrole: role, authmethod: method, version }]),

  /** The server's clock. */
  time: (call) => payload([new Date(call.now()).toISOString()]),

  /** Counts up to a number, piece by piece for a caller that wants that. */
  async count({ payload: given, signal, progress }) {
    const upTo = integer(given, 3, 1000)
    for (let n = 1; n < upTo && !signal.aborted; n++) {
      progress(payload([n]))
      await wait(5, signal)
    }
    return payload([upTo])
  },
}

/** The demo procedure of a URI. */
export function demo(uri: string): Procedure | undefined {
  const base = BASES.find((one) => uri.startsWith(one))
  const name = base === undefined ? '' : uri.slice(base.length)
  return Object.hasOwn(DEMOS, name) ? DEMOS[name] : undefined
}
