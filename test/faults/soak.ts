// npm run soak -- --provider tmc --messages 100000 --kills 1000 --seed 7
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import type { Outcome } from '../services/soak.ts'
import { type EventPlug, faultsOf, soakEvents } from './handed.ts'
import type { SoakPlug } from './plug.ts'
import { prism } from './prism.ts'
import { type SoakReport, soak } from './run.ts'
import { tambur } from './tambur.ts'
import { tmc } from './tmc.ts'
import { webmq } from './webmq.ts'

const PLUGS: Readonly<Record<string, SoakPlug>> = { tmc, prism }
/** Providers whose messages nobody acknowledges. */
const EVENTS: Readonly<Record<string, EventPlug>> = { tambur, webmq: webmq(2), 'webmq-1': webmq(1) }
/** Sends through real servers, to which a kill is one of RabbitMQ. */
const REAL = 'tamar'
const PROVIDERS = [...Object.keys(PLUGS), ...Object.keys(EVENTS), REAL]
/** Less than the server pushes: it runs full again and again, and what is left out must come again. */
const MAX_BUFFERED = 100
const MAX_HEAP_GROWTH = 32 * 1024 * 1024

function options() {
  try {
    return parseArgs({
      options: {
        provider: { type: 'string', default: 'tmc' },
        messages: { type: 'string' },
        kills: { type: 'string' },
        seed: { type: 'string', default: '7' },
      },
    }).values
  } catch (error) {
    console.error(
      `${(error as Error).message}\nUsage: npm run soak -- [--provider ${PROVIDERS.join('|')}] [--messages N] [--kills N] [--seed N]`,
    )
    process.exit(2)
  }
}

const values = options()
const { provider } = values
const usual = provider === REAL ? { messages: '10000', kills: '3' } : { messages: '100000', kills: '1000' }

function number(name: 'messages' | 'kills' | 'seed', least: number): number {
  const value = Number({ ...usual, ...values }[name])
  if (Number.isInteger(value) && value >= least) return value
  console.error(`--${name} must be a whole number from ${least} on`)
  process.exit(2)
}

if (!PROVIDERS.includes(provider)) {
  console.error(`--provider must be one of ${PROVIDERS.join(', ')}`)
  process.exit(2)
}

const MiB = (bytes: number) => (bytes / 1024 / 1024).toFixed(1)
const wanted = { messages: number('messages', 1), kills: number('kills', 0), seed: number('seed', 0) }

async function acknowledged(plug: SoakPlug, base: string): Promise<Outcome> {
  const line = ({ sent, acked, lost, kills, seconds }: SoakReport) =>
    `${seconds.toFixed(0).padStart(4)} s  sent ${sent}  acked ${acked}  open ${lost}  kills ${kills}`
  const report = await soak(await plug(base), {
    ...wanted,
    maxBuffered: MAX_BUFFERED,
    progress: (now) => console.log(line(now)),
  })
  const { publishes } = report
  const table = {
    sent: report.sent,
    received: report.received,
    acked: report.acked,
    redelivered: report.redelivered,
    duplicated: report.duplicated,
    lost: report.lost,
    'left with the server': report.left,
    ...(publishes && {
      published: publishes.published,
      '  arrived': publishes.arrived,
      '  told as doubtful': publishes.doubtful,
      '  unexplained': publishes.unexplained,
      '  refused': publishes.failed,
    }),
    kills: report.kills,
    reconnects: report.reconnects,
    'peak buffer': `${report.peakBuffer} of ${MAX_BUFFERED}`,
    'heap growth': `${MiB(report.heapGrowth)} MiB`,
    duration: `${report.seconds.toFixed(1)} s`,
    rate: `${Math.round(report.sent / report.seconds)} messages/s`,
  }
  const faults = [
    report.lost > 0 && `${report.lost} messages were lost`,
    report.left > 0 && `${report.left} messages were never confirmed`,
    publishes &&
      publishes.unexplained > 0 &&
      `${publishes.unexplained} publishes neither arrived nor were told as doubtful`,
    publishes && publishes.failed > 0 && `${publishes.failed} publishes were refused`,
    report.kills < wanted.kills && `only ${report.kills} connections were killed`,
    report.peakBuffer > MAX_BUFFERED && 'the buffer went over its limit',
    report.heapGrowth > MAX_HEAP_GROWTH && 'the heap grew by more than 32 MiB',
  ].filter((fault) => typeof fault === 'string')
  return { table, faults }
}

async function unacknowledged(plug: EventPlug, base: string): Promise<Outcome> {
  const report = await soakEvents(await plug(base), {
    ...wanted,
    progress: ({ published, kills, seconds }) =>
      console.log(`${seconds.toFixed(0).padStart(4)} s  published ${published}  kills ${kills}`),
  })
  const table = {
    published: report.published,
    '  while nobody was there': report.missed,
    '  cut off by a break': report.cut,
    '  arrived': report.arrived,
    received: report.received,
    lost: report.lost,
    duplicated: report.duplicated,
    disordered: report.disordered,
    'refused commands': report.refused,
    ...(report.calls && {
      calls: report.calls.made,
      '  answered': report.calls.answered,
      '  rejected as lost': report.calls.lost,
      '  hung': report.calls.hung,
      '  sent twice': report.calls.twice,
      '  failed otherwise': report.calls.odd,
    }),
    kills: report.kills,
    reconnects: report.reconnects,
    'heap growth': `${MiB(report.heapGrowth)} MiB`,
    duration: `${report.seconds.toFixed(1)} s`,
  }
  return { table, faults: faultsOf(report, wanted.kills) }
}

async function emulated(): Promise<Outcome> {
  // A process of its own, so that the heap measured here is the client's.
  const child = spawn(process.execPath, ['test/support/playground.mjs'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [base] = (await once(createInterface(child.stdout), 'line')) as [string]
  const acks = PLUGS[provider]
  const outcome = await (acks ? acknowledged(acks, base) : unacknowledged(EVENTS[provider]!, base))
  child.stdin.end()
  await once(child, 'close')
  return outcome
}

async function real(): Promise<Outcome> {
  // Needs drivers that no other run needs.
  const { soakTamar } = await import('../services/soak.ts')
  return soakTamar(wanted)
}

const { table, faults } = await (provider === REAL ? real() : emulated())
console.log()
for (const [name, value] of Object.entries(table)) console.log(`${name.padEnd(28)}${value}`)
for (const fault of faults) console.error(fault)
process.exitCode = faults.length > 0 ? 1 : 0
