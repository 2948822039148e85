import { isomq } from './clients.ts'
import { collector } from './garbage.ts'
import { count } from './report.ts'
import { startServer } from './stream.ts'
import { table } from './table.ts'

const MESSAGES = 1_000_000
const SAMPLES = 10
const MIB = 2 ** 20
/** What the heap may gain between the first sample and the last. */
const FLAT = 4

interface Sample {
  readonly at: number
  readonly heap: number
  readonly rss: number
}

/** Whether a million messages through one client leave anything behind. */
export async function memory(): Promise<void> {
  console.log(`\nMemory, ${count(MESSAGES)} messages through one client, after a collection each time`)
  const collect = collector()
  const samples: Sample[] = []
  const sample = (at: number): void => {
    collect()
    const { heapUsed, rss } = process.memoryUsage()
    samples.push({ at, heap: heapUsed / MIB, rss: rss / MIB })
  }
  const server = await startServer()
  try {
    let seen = 0
    const every = MESSAGES / SAMPLES
    await server.stream(MESSAGES, (url) =>
      isomq(url, () => {
        if (++seen % every === 0) sample(seen)
      }),
    )
  } finally {
    server.close()
  }
  table(
    ['messages', 'heap MiB', 'RSS MiB'],
    samples.map(({ at, heap, rss }) => [count(at), heap.toFixed(1), rss.toFixed(1)]),
  )
  const growth = samples.at(-1)!.heap - samples[0]!.heap
  console.log(
    `  heap growth ${growth.toFixed(2)} MiB, target <= ${FLAT} MiB: ${growth <= FLAT ? 'reached' : 'MISSED'}`,
  )
}
