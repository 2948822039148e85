import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { seeded } from '../support/random.ts'

// The fault run of providers whose messages nobody acknowledges: what is published while nobody is there is gone,
// and everything else arrives once and in order.

/** What one connection was handed, as the emulator tells it. */
export interface Handed {
  readonly subscriber: string
  /** How the connection ended: with a close code, or without a goodbye. */
  readonly ended: number | 'abrupt' | null
  /** Numbers of messages: from the first to the last, both included. */
  readonly messages: readonly (readonly [first: number, last: number])[]
}

export interface EventClient {
  /** Resolves when it gets messages. */
  open(): Promise<void>
  /** Whether it gets messages now. */
  readonly isOpen: boolean
  /** What the client handed out, by connection. */
  readonly received: ReadonlyMap<string, readonly number[]>
  /** What the network brought, by connection. */
  readonly arrived: ReadonlyMap<string, readonly number[]>
  readonly reconnects: number
  close(): Promise<void>
  /** What became of its calls, where it makes some; asked when it is closed. */
  calls?(): CallCounts
}

export interface CallCounts {
  readonly made: number
  readonly answered: number
  /** Rejected because their connection was lost. */
  readonly lost: number
  /** Not settled when their connection was gone and the next one was there. */
  readonly hung: number
  /** Sent more than once. */
  readonly twice: number
  /** Rejected with anything else. */
  readonly odd: number
}

/** An emulator that keeps nothing. */
export interface EventServer {
  createClient(options: { random: () => number }): EventClient
  /** What a connection can be killed on. */
  readonly points: readonly string[]
  /** Publishes messages; they are numbered from 1 on. */
  produce(count: number): Promise<void>
  /** Breaks a connection once, on one of the next frames of a kind, about so many from now. */
  killNext(on: string, frames: number, seed: number): Promise<void>
  /** Breaks all connections now: with a close code, or without a goodbye. */
  drop(how: number | 'abrupt'): Promise<void>
  stats(): Promise<{ readonly dropped: number; readonly refused: number }>
  handed(): Promise<readonly Handed[]>
}

export type EventPlug = (base: string) => Promise<EventServer>

export interface EventSoakOptions {
  readonly messages: number
  readonly kills: number
  readonly seed: number
  /** Called about every five seconds. */
  readonly progress?: (now: {
    readonly published: number
    readonly kills: number
    readonly seconds: number
  }) => void
}

export interface EventSoakReport {
  readonly published: number
  /** Published while nobody was subscribed: gone, as the protocol has it. */
  readonly missed: number
  /** Handed to a socket that broke before they arrived. */
  readonly cut: number
  /** What the network brought. */
  readonly arrived: number
  /** What the client handed out. */
  readonly received: number
  /** Brought by the network and not handed out, or handed to a socket that ended well and never brought. */
  readonly lost: number
  /** Handed out more than once. */
  readonly duplicated: number
  /** Handed out before one that came earlier. */
  readonly disordered: number
  /** Commands that the service refused: what was restored twice, or with an old token. */
  readonly refused: number
  readonly calls: CallCounts | undefined
  readonly kills: number
  readonly reconnects: number
  /** Bytes after collection, compared with when a tenth was done. */
  readonly heapGrowth: number
  readonly seconds: number
}

const PATIENCE = 5_000
const PROGRESS = 5_000
/** Close codes of servers that are restarted, idle or broken. */
const CODES = [1001, 1011, 1012]

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function heap(): number {
  collect()
  return process.memoryUsage().heapUsed
}

/** Sends messages through a server whose connections keep breaking, and compares what was handed over with what came. */
export async function soakEvents(server: EventServer, options: EventSoakOptions): Promise<EventSoakReport> {
  const { messages, kills, seed, progress } = options
  const random = seeded(seed)
  const client = server.createClient({ random: seeded(seed + 1) })
  const startedAt = Date.now()
  let now = await server.stats()
  let published = 0
  let baseline = 0
  let toldAt = startedAt
  const seconds = () => (Date.now() - startedAt) / 1000

  async function watch(holds: () => boolean, patience: number): Promise<boolean> {
    const since = Date.now()
    for (;;) {
      now = await server.stats()
      if (holds()) return true
      if (Date.now() - since > patience) return false
      if (Date.now() - toldAt > PROGRESS) {
        toldAt = Date.now()
        progress?.({ published, kills: now.dropped, seconds: seconds() })
      }
      await pause(2)
    }
  }

  async function produce(upTo: number): Promise<void> {
    const count = upTo - published
    published = upTo
    if (count > 0) await server.produce(count)
    if (baseline === 0 && published > messages / 10) baseline = heap()
  }

  await client.open()
  for (let kill = 1; kill <= kills; kill++) {
    const share = Math.floor((messages * kill) / kills)
    const size = share - published
    const goal = now.dropped + 1
    const killed = () => now.dropped >= goal
    await watch(() => client.isOpen, PATIENCE)
    const luck = random()
    if (luck < 0.5) {
      // Falls on a message that is on its way.
      await server.killNext('delivery', Math.max(1, size >> 1), seed + kill)
      await produce(share)
      if (await watch(killed, PATIENCE)) continue
    } else {
      // One connection breaks among the messages, and often the next one while it is made ready again.
      await produce(published + Math.floor(random() * size))
      const point = server.points[Math.floor(random() * server.points.length)]!
      if (luck < 0.7) await server.killNext(point, 1, seed + kill)
      await server.drop(luck < 0.85 ? 'abrupt' : CODES[Math.floor(random() * CODES.length)]!)
      await produce(share)
    }
    while (!(await watch(killed, 200))) await server.drop('abrupt')
  }
  await watch(() => client.isOpen, PATIENCE)
  await produce(messages)
  let all = await server.handed()
  for (const since = Date.now(); Date.now() - since < PATIENCE && !isThere(all, client); await pause(5)) {
    all = await server.handed()
  }
  const heapGrowth = heap() - baseline
  await client.close()
  now = await server.stats()
  return {
    ...compare(all, client, published),
    refused: now.refused,
    calls: client.calls?.(),
    kills: now.dropped,
    reconnects: client.reconnects,
    heapGrowth,
    seconds: seconds(),
  }
}

const numbersOf = ({ messages }: Handed): number[] =>
  messages.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i))

/** Whether the last connection has brought all that it was handed. */
function isThere(all: readonly Handed[], { received }: EventClient): boolean {
  const last = all.at(-1)
  return last === undefined || (received.get(last.subscriber)?.length ?? 0) >= numbersOf(last).length
}

function compare(all: readonly Handed[], client: EventClient, published: number) {
  const once = new Set<number>()
  let handed = 0
  let cut = 0
  let arrived = 0
  let received = 0
  let lost = 0
  let duplicated = 0
  let disordered = 0
  let before = 0
  for (const one of all) {
    const given = numbersOf(one)
    const came = client.arrived.get(one.subscriber) ?? []
    const got = client.received.get(one.subscriber) ?? []
    handed += given.length
    arrived += came.length
    received += got.length
    lost += Math.max(0, came.length - got.length)
    if (one.ended === 'abrupt') cut += given.length - came.length
    else lost += given.length - came.length
    for (const [at, n] of got.entries()) {
      if (once.has(n)) duplicated++
      else if (n < before || n !== came[at] || n !== given[at]) disordered++
      once.add(n)
      before = Math.max(before, n)
    }
  }
  // Of connections that nobody knows.
  for (const [subscriber, numbers] of client.received) {
    if (!all.some((one) => one.subscriber === subscriber)) duplicated += numbers.length
  }
  return { published, missed: published - handed, cut, arrived, received, lost, duplicated, disordered }
}

/** What of a report is a fault. */
export function faultsOf(report: EventSoakReport, kills: number): string[] {
  const { lost, duplicated, disordered, refused, received, calls } = report
  return [
    lost > 0 && `${lost} messages were lost`,
    duplicated > 0 && `${duplicated} messages came twice`,
    disordered > 0 && `${disordered} messages came out of order`,
    refused > 0 && `${refused} commands were refused`,
    received < report.published / 2 && `only ${received} messages arrived: too few to tell anything`,
    calls && calls.hung > 0 && `${calls.hung} calls hung when their connection was gone`,
    calls && calls.twice > 0 && `${calls.twice} calls were sent twice`,
    calls && calls.odd > 0 && `${calls.odd} calls failed with something else than CONNECTION_LOST`,
    calls && calls.answered + calls.lost < calls.made && 'calls were never settled',
    calls && calls.lost < kills && `only ${calls.lost} calls were lost: too few to tell anything`,
    report.kills < kills && `only ${report.kills} connections were killed`,
    report.heapGrowth > 32 * 1024 * 1024 && 'the heap grew by more than 32 MiB',
  ].filter((fault) => typeof fault === 'string')
}
