import { aliTopsdk, bare, isomq } from './clients.ts'
import type { Row } from './report.ts'
import { against, race, startServer } from './stream.ts'

const MESSAGES = 40_000

/** Messages received and confirmed per second; the clients take turns with one server in a process of its own. */
export async function e2e(peers: string | undefined): Promise<Row[]> {
  const server = await startServer()
  try {
    const clients = { isomq, bare, ...(peers && { 'ali-topsdk': aliTopsdk(peers) }) }
    const rates = await race(server, MESSAGES, clients)
    return [
      ...against(rates, 'bare', 'against a bare WebSocket', 0.8),
      ...against(rates, 'ali-topsdk', 'against ali-topsdk', 1.5),
    ]
  } finally {
    server.close()
  }
}
