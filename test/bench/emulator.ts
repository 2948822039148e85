import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { room } from '../support/room.ts'
import { aliTopsdk, isomq } from './clients.ts'
import type { Row } from './report.ts'
import { against, type StreamClient } from './stream.ts'

const MESSAGES = 20_000
const ROUNDS = 5

/** The same as `e2e`, but with the playground's emulator, which stores each message, as the server. */
export async function emulator(peers: string): Promise<Row[]> {
  const child = spawn(process.execPath, ['test/support/playground.mjs'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    const [base] = (await once(createInterface(child.stdout), 'line')) as [string]
    const clients = { isomq, 'ali-topsdk': aliTopsdk(peers) }
    const rates = { isomq: [] as number[], 'ali-topsdk': [] as number[] }
    for (let round = -1; round < ROUNDS; round++) {
      for (const name of ['isomq', 'ali-topsdk'] as const) {
        const rate = MESSAGES / (await seconds(base, clients[name]))
        if (round >= 0) rates[name].push(rate)
      }
    }
    return against(rates, 'ali-topsdk', 'against ali-topsdk', 1.5)
  } finally {
    child.stdin.end()
  }
}

/** From the dial until the emulator has the last confirm. */
async function seconds(base: string, client: StreamClient): Promise<number> {
  const { url, control, stats } = room(base)
  const app = { appKey: '12345', secret: 'secret', groups: ['default'] }
  await control('app', app)
  await control('settings', { window: 256 })
  await control('produce', { count: MESSAGES, size: 400, appKey: app.appKey, group: 'default' })
  const startedAt = performance.now()
  const close = await client(url)
  while ((await stats()).confirmed! < MESSAGES) await new Promise((resolve) => setTimeout(resolve, 10))
  const taken = (performance.now() - startedAt) / 1000
  await close()
  return taken
}
