import { aliTopsdk, bare, isomq } from './clients.ts'
import { median, ratioOf } from './measure.ts'
import { count, type Row } from './report.ts'
import { startServer } from './stream.ts'

const MESSAGES = 40_000
const WARM_UP = 2
const ROUNDS = 11

/** Messages received and confirmed per second; the clients take turns with one server in a process of its own. */
export async function e2e(peers: string | undefined): Promise<Row[]> {
  const clients = Object.entries({ isomq, bare, ...(peers && { 'ali-topsdk': aliTopsdk(peers) }) })
  const rates = new Map<string, number[]>(clients.map(([name]) => [name, []]))
  const server = await startServer()
  try {
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      for (const [name, client] of round % 2 ? clients.toReversed() : clients) {
        const seconds = await server.stream(MESSAGES, client)
        if (round >= 0) rates.get(name)!.push(MESSAGES / seconds)
      }
    }
  } finally {
    server.close()
  }
  const against = (other: string, what: string, target: number): Row[] => {
    const [ours, theirs] = [rates.get('isomq')!, rates.get(other)]
    if (theirs === undefined) return []
    const figures = `isomq ${count(median(ours))}/s, ${other} ${count(median(theirs))}/s`
    return [{ what, ratio: ratioOf(ours, theirs), target, figures }]
  }
  return [
    ...against('bare', 'against a bare WebSocket', 0.8),
    ...against('ali-topsdk', 'against ali-topsdk', 1.5),
  ]
}
