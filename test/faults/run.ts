import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { seeded } from '../support/random.ts'
import { Tally } from '../support/tally.ts'
import type { KillPoint, SoakServer, SoakServerStats } from './plug.ts'
import { type PublishCounts, Publishes } from './publishes.ts'

export interface SoakOptions {
  readonly messages: number
  readonly kills: number
  readonly seed: number
  readonly maxBuffered: number
  /** Called about every five seconds. */
  readonly progress?: (now: SoakReport) => void
}

export interface SoakReport {
  /** Messages that the server took: produced, or published by the client. */
  readonly sent: number
  /** Handed to a handler, however that ended. */
  readonly received: number
  readonly acked: number
  readonly redelivered: number
  /** Handled well more than once: the ack before was lost on its way. */
  readonly duplicated: number
  /** Never handled well. */
  readonly lost: number
  /** What the client published, where it does so without an answer. */
  readonly publishes: PublishCounts | undefined
  /** Not acked, by the server's own count. */
  readonly left: number
  readonly kills: number
  readonly reconnects: number
  readonly peakBuffer: number
  /** Bytes after collection, compared with when a tenth was done. */
  readonly heapGrowth: number
  readonly seconds: number
}

/** Without an ack for this long nothing more will come. */
const STALLED = 60_000
/** A kill that waits for a frame gets this long before it is done by hand. */
const PATIENCE = 5_000
const PROGRESS = 5_000
/** Of the messages, this part is published by the client, where it can. */
const OWN = 0.1
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
 * Sends messages through a server whose connections keep breaking, to a client whose handlers throw and dawdle,
 * until every message has been acked; counts by message. One kill falls into each share of the messages. Where the
 * client publishes without an answer, a part of the messages comes from itself: each of them has to arrive, or to be
 * told as doubtful.
 */
export async function soak(server: SoakServer, options: SoakOptions): Promise<SoakReport> {
  const { messages, kills, seed, maxBuffered, progress } = options
  const random = seeded(seed)
  const dice = seeded(seed + 1)
  const client = server.createClient({ maxBuffered, random: seeded(seed + 2) })
  const ownOf = (total: number) => (client.publish ? Math.floor(total * OWN) : 0)
  const produced = messages - ownOf(messages)
  const tally = new Tally(produced)
  const publishes = client.publish ? new Publishes() : undefined
  /** Resolves when all that the client was to publish has been handed over. */
  let publishing = Promise.resolve()
  let isPublished = false
  const startedAt = Date.now()
  let now: SoakServerStats = await server.stats()
  let sent = 0
  let duplicatedOwn = 0
  let peakBuffer = 0
  let baseline = 0
  let handled = 0
  let handledAt = startedAt
  let toldAt = startedAt

  // Losses of the connection are what this is about; a fault of the client shows in the counts.
  client.on('error', () => {})
  client.on('status', ({ type, buffered = 0, first = 0, last = 0 }) => {
    peakBuffer = Math.max(peakBuffer, buffered)
    if (type === 'doubtful') publishes?.told(first, last)
  })
  client.on('message', async (message) => {
    tally.received++
    peakBuffer = Math.max(peakBuffer, client.stats().buffered)
    const luck = dice()
    if (luck < 0.01) throw new Error('a handler that throws')
    if (luck < 0.05) await pause(dice() * 20)
    const { n, published } = server.idOf(message as never)
    if (!published) tally.done(n)
    else if (!publishes!.arrived(n)) duplicatedOwn++
  })

  const handledWell = () => tally.handled + (publishes?.size ?? 0)

  const report = (): SoakReport => {
    const { acked, redelivered, reconnects } = client.stats()
    const own = publishes?.counts()
    const taken = sent - ownOf(sent) + (now.taken ?? 0)
    return {
      sent: taken,
      received: tally.received,
      acked,
      redelivered,
      duplicated: tally.duplicated + duplicatedOwn,
      lost: taken - handledWell(),
      publishes: own,
      left: now.left,
      kills: now.dropped,
      reconnects,
      peakBuffer,
      heapGrowth: baseline === 0 ? 0 : heap() - baseline,
      seconds: (Date.now() - startedAt) / 1000,
    }
  }

  /** Looks at the server, until something holds or nothing moves any more. */
  async function watch(holds: () => boolean, patience: number): Promise<boolean> {
    const since = Date.now()
    for (;;) {
      now = await server.stats()
      if (handledWell() > handled) {
        handled = handledWell()
        handledAt = Date.now()
      }
      if (baseline === 0 && handled > messages / 10) baseline = heap()
      if (holds()) return true
      if (Date.now() - Math.max(since, patience === STALLED ? handledAt : 0) > patience) return false
      if (Date.now() - toldAt > PROGRESS) {
        toldAt = Date.now()
        progress?.(report())
      }
      await pause(2)
    }
  }

  async function produce(upTo: number): Promise<void> {
    if (upTo <= sent) return
    const [from, to] = [ownOf(sent), ownOf(upTo)]
    const count = upTo - sent - (to - from)
    sent = upTo
    publishing = publishing.then(async () => {
      for (let n = from + 1; n <= to; n++) {
        await client.publish!(n).then(
          (number) => publishes!.resolved(n, number),
          () => publishes!.failed(n),
        )
      }
    })
    await server.produce(count)
  }

  /** Where a kill falls, and on about which of the next frames of its kind. */
  function aim(luck: number, size: number): [on: KillPoint, frames: number] {
    if (!client.publish) return [luck < 0.4 ? 'ack' : 'delivery', Math.max(1, size >> 2)]
    if (luck < 0.5) return [luck < 0.3 ? 'ack' : 'delivery', Math.max(1, size >> 2)]
    return ['publish', Math.max(1, (size * OWN) >> 2)]
  }

  await client.connect()
  for (let kill = 1; kill <= kills; kill++) {
    const share = Math.floor((messages * kill) / kills)
    const size = share - sent
    const goal = now.dropped + 1
    const killed = () => now.dropped >= goal
    const luck = random()
    if (luck < 0.7) {
      // Falls on a frame that is on its way.
      await server.killNext(...aim(luck, size), seed + kill)
      await produce(share)
      if (await watch(killed, PATIENCE)) continue
    } else {
      const target = handledWell() + random() * size
      await produce(share)
      await watch(() => handledWell() >= target, PATIENCE)
    }
    // As a server's restart does, or a cable that is pulled.
    const how = luck < 0.85 ? 'abrupt' : CODES[Math.floor(random() * CODES.length)]!
    while (!killed()) {
      await server.drop(how)
      await watch(killed, 200)
    }
  }
  await produce(messages)
  publishing.then(() => {
    isPublished = true
  })
  await watch(() => isPublished, STALLED)
  const isExplained = () => !publishes || publishes.counts().unexplained === 0
  await watch(() => now.left === 0 && tally.handled === produced && isExplained(), STALLED)
  await client.close()
  return report()
}
