import { missingServers } from './binaries.mjs'
import { folder } from './peers.ts'
import { type ReliableProgress, type ReliableReport, soakReliable } from './reliable.ts'
import { startStack } from './stack.ts'

/** What is printed, and what of it is a fault. */
export interface Outcome {
  readonly table: Readonly<Record<string, string | number>>
  readonly faults: readonly string[]
}

export interface Wanted {
  readonly messages: number
  readonly kills: number
  readonly seed: number
}

const line = ({ sent, resolved, rejected, kills, cuts, seconds }: ReliableProgress): string =>
  `${seconds.toFixed(0).padStart(4)} s  sent ${sent}  resolved ${resolved}  rejected ${rejected}  kills ${kills}  cuts ${cuts}`

/** The fault run of Tamar's reliable messages, on private servers of this run alone. */
export async function soakTamar(wanted: Wanted): Promise<Outcome> {
  const missing = missingServers()
  if (missing !== undefined) throw new Error(`this machine lacks ${missing}`)
  if (folder === undefined) throw new Error('the drivers of the servers could not be installed')
  console.log('Starting Redis, MariaDB and RabbitMQ …')
  const stack = await startStack()
  try {
    const report = await soakReliable(stack, { ...wanted, progress: (now) => console.log(line(now)) })
    return { table: tableOf(report), faults: faultsOf(report, wanted) }
  } finally {
    await stack.stop()
  }
}

const tableOf = (report: ReliableReport): Outcome['table'] => ({
  sent: report.sent,
  resolved: report.resolved,
  '  dispatched at least once': report.dispatched,
  rejected: report.rejected,
  '  with a row': report.told.true,
  '  without a row': report.told.false,
  '  not known': `${report.told.unknown}, of which ${report.unknownRows} had a row`,
  '  dispatched afterwards': report.recovered,
  '  told what is not so': report.untrue,
  rows: report.rows,
  '  doubled': report.doubled,
  'duplicates of a dispatch': report.duplicates,
  lost: report.lost,
  'kills of RabbitMQ': report.kills,
  cuts: `${report.cuts}, of ${report.broken} connections`,
  duration: `${report.seconds.toFixed(1)} s`,
  rate: `${Math.round(report.sent / report.seconds)} messages/s`,
})

/** What must not be; empty when all is well. */
export function faultsOf(report: ReliableReport, { messages, kills }: Wanted): string[] {
  const { sent, resolved, rejected, told } = report
  const all = resolved + rejected
  const known = told.true + told.false + told.unknown
  return [
    (sent !== messages || all !== messages) &&
      `${messages} messages were to be sent: ${sent} were, ${all} ended`,
    report.lost > 0 && `${report.lost} messages were lost`,
    report.dispatched < resolved && `${resolved - report.dispatched} resolved sends were never dispatched`,
    report.untrue > 0 && `${report.untrue} rejected sends said of their row what is not so`,
    known < rejected && `${rejected - known} rejected sends said nothing of their row`,
    report.doubled > 0 && `${report.doubled} rows were doubled`,
    report.strays > 0 && `${report.strays} messages named no row`,
    report.odd > 0 && `${report.odd} sends were rejected with another code than PROVIDER`,
    report.kills < kills && `RabbitMQ was killed only ${report.kills} times`,
  ].filter((fault) => typeof fault === 'string')
}
