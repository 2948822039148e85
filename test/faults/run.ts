import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { seeded } from '../support/random.ts'
import { Tally } from '../support/tally.ts'
import type { SoakServer } from './plug.ts'

export interface SoakOptions {
  readonly messages: number
  readonly kills: number
  readonly seed: number
  readonly maxBuffered: number
  /** Called about once a second. */
  readonly progress?: (now: SoakReport) => void
}

export interface SoakReport {
  sent: number
  received: number
  acked: number
  redelivered: number
  duplicated: number
  lost: number
  kills: number
  reconnects: number
  peakBuffer: number
  /** Bytes after collection, at the end more than when a tenth was done. */
  heapGrowth: number
  seconds: number
}

/** Without an ack for this long nothing more will come. */
const STALLED = 60_000
const BATCH = 5_000
/** Close codes of servers that are restarted, idle or broken. */
const CODES = [1001, 1011, 1012]

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function heap(): number {
  collect()
  return process.memoryUsage().heapUsed
}

/**
 * Sends messages through a server that keeps breaking its connections, to a client whose handlers throw and
 * dawdle, until every message has been acked; counts by message.
 */
export async function soak(server: SoakServer, options: SoakOptions): Promise<SoakReport> {
  const { messages, kills, seed, maxBuffered, progress } = options
  const random = seeded(seed)
  const tally = new Tally(messages)
  const client = server.createClient({ maxBuffered, random: seeded(seed + 1) })
  const startedAt = Date.now()
  let sent = 0
  let dropped = 0
  let peakBuffer = 0
  let baseline = 0

  client.on('error', () => {})
  client.on('message', async ({ id }) => {
    tally.received++
    peakBuffer = Math.max(peakBuffer, client.stats().buffered)
    const dice = random()
    if (dice < 0.01) throw new Error('a handler that throws')
    if (dice < 0.03) await pause(random() * 20)
    tally.done(server.numberOf(id))
  })

  const report = (): SoakReport => {
    const { acked, redelivered, reconnects } = client.stats()
    const { received, duplicated } = tally
    const seconds = (Date.now() - startedAt) / 1000
    const lost = sent - tally.handled
    const heapGrowth = baseline === 0 ? 0 : heap() - baseline
    return {
      sent, received, acked, redelivered, duplicated, lost,
      kills: dropped, reconnects, peakBuffer, heapGrowth, seconds,
    }
  }

  await client.connect()
  // Most kills fall on frames that are on their way; the rest come in between, as a restart does.
  const direct = Math.floor(kills * 0.3)
  const rounds = [(kills - direct) >> 1, kills - direct - ((kills - direct) >> 1)] as const
  let issued = 0
  const breaking = (async () => {
    const every = Math.max(1, Math.floor((messages * 0.9) / kills))
    for (const [i, on] of (['ack', 'delivery'] as const).entries()) {
      if (rounds[i] === 0) continue
      const goal = dropped + rounds[i]! + Math.floor(direct / 2)
      await server.killEvery(every, on, rounds[i]!, seed + i)
      while (dropped < goal && tally.handled < messages) {
        if (issued < (tally.handled / messages) * direct) {
          issued++
          await server.drop(random() < 0.5 ? 'abrupt' : CODES[Math.floor(random() * CODES.length)]!)
        }
        await pause(5)
      }
    }
  })()

  let progressAt = Date.now()
  let handled = 0
  for (let reportedAt = Date.now(); ; await pause(50)) {
    const { acked, left, dropped: now } = await server.stats()
    dropped = now
    if (tally.handled > handled) {
      handled = tally.handled
      progressAt = Date.now()
    }
    if (sent < messages && left < 2 * BATCH) {
      const count = Math.min(BATCH, messages - sent)
      await server.produce(count)
      sent += count
    }
    if (baseline === 0 && handled > messages / 10) baseline = heap()
    if (acked === messages || Date.now() - progressAt > STALLED) break
    if (Date.now() - reportedAt > 1_000) {
      reportedAt = Date.now()
      progress?.(report())
    }
  }
  await breaking
  await client.close()
  return report()
}
