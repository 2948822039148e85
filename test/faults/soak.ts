// npm run soak -- --provider tmc --messages 100000 --kills 1000 --seed 7
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import type { SoakPlug } from './plug.ts'
import { type SoakReport, soak } from './run.ts'
import { tmc } from './tmc.ts'

const PLUGS: Readonly<Record<string, SoakPlug>> = { tmc }
/** Less than the server pushes: it runs full again and again, and what is left out must come again. */
const MAX_BUFFERED = 100
const MAX_HEAP_GROWTH = 32 * 1024 * 1024

function options() {
  try {
    return parseArgs({
      options: {
        provider: { type: 'string', default: 'tmc' },
        messages: { type: 'string', default: '100000' },
        kills: { type: 'string', default: '1000' },
        seed: { type: 'string', default: '7' },
      },
    }).values
  } catch (error) {
    console.error(
      `${(error as Error).message}\nUsage: npm run soak -- [--provider tmc] [--messages N] [--kills N] [--seed N]`,
    )
    process.exit(2)
  }
}

const values = options()

function number(name: 'messages' | 'kills' | 'seed', least: number): number {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= least) return value
  console.error(`--${name} must be a whole number from ${least} on`)
  process.exit(2)
}

const plug = PLUGS[values.provider]
if (plug === undefined) {
  console.error(`--provider must be one of ${Object.keys(PLUGS).join(', ')}`)
  process.exit(2)
}

// A process of its own, so that the heap measured here is the client's.
const child = spawn(process.execPath, ['test/support/playground.mjs'], { stdio: ['pipe', 'pipe', 'inherit'] })
const [base] = (await once(createInterface(child.stdout), 'line')) as [string]

const MiB = (bytes: number) => (bytes / 1024 / 1024).toFixed(1)
const line = ({ sent, acked, lost, kills, seconds }: SoakReport) =>
  `${seconds.toFixed(0).padStart(4)} s  sent ${sent}  acked ${acked}  open ${lost}  kills ${kills}`

const server = await plug(base)
const report = await soak(server, {
  messages: number('messages', 1),
  kills: number('kills', 0),
  seed: number('seed', 0),
  maxBuffered: MAX_BUFFERED,
  progress: (now) => console.log(line(now)),
})

const table: Record<string, string | number> = {
  sent: report.sent,
  received: report.received,
  acked: report.acked,
  redelivered: report.redelivered,
  duplicated: report.duplicated,
  lost: report.lost,
  'left with the server': report.left,
  kills: report.kills,
  reconnects: report.reconnects,
  'peak buffer': `${report.peakBuffer} of ${MAX_BUFFERED}`,
  'heap growth': `${MiB(report.heapGrowth)} MiB`,
  duration: `${report.seconds.toFixed(1)} s`,
  rate: `${Math.round(report.sent / report.seconds)} messages/s`,
}
console.log()
for (const [name, value] of Object.entries(table)) console.log(`${name.padEnd(22)}${value}`)

child.stdin.end()
await once(child, 'close')

const faults = [
  report.lost > 0 && `${report.lost} messages were lost`,
  report.left > 0 && `${report.left} messages were never confirmed`,
  report.kills < number('kills', 0) && `only ${report.kills} connections were killed`,
  report.peakBuffer > MAX_BUFFERED && 'the buffer went over its limit',
  report.heapGrowth > MAX_HEAP_GROWTH && 'the heap grew by more than 32 MiB',
].filter((fault) => fault !== false)
for (const fault of faults) console.error(fault)
process.exitCode = faults.length > 0 ? 1 : 0
