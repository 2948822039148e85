// What Tamar's client itself costs, with ports that answer at once: CPU per message, and the time it adds to a command.
import { performance } from 'node:perf_hooks'
import { createTamarClient, type TamarClient, type TamarDispatch, type TamarReplies } from 'isomq/tamar'
import { seeded } from '../support/random.ts'
import { median } from './measure.ts'
import { count } from './report.ts'
import { table } from './table.ts'

/** Messages that are sent at once. */
const IN_FLIGHT = 32
const ROUNDS = 21
const BATCHES = 100
const COMMANDS = 1_000
const COMMAND_ROUNDS = 15
/** Microseconds of CPU that a reliable message may cost outside the drivers. */
const MOST_CPU = 50
/** Milliseconds that the slowest of a hundred answers may be late by. */
const MOST_LATE = 5

const PAYLOAD = { text: 'x'.repeat(300), order: 56_876_327_000_001, payment: '1299.00' }

interface Instant {
  readonly client: TamarClient
  readonly out: TamarDispatch[]
  readonly replies: TamarReplies
}

/** A client whose ports do nothing, at once. */
function instant(): Instant {
  const out: TamarDispatch[] = []
  let replies: TamarReplies | undefined
  let seq = 0
  const done = Promise.resolve()
  const client = createTamarClient({
    redis: { publish: () => done, incr: () => Promise.resolve(++seq) },
    store: { insert: () => done, select: () => Promise.resolve([]) },
    broker: {
      publish(dispatch) {
        if (dispatch.correlationId) out.push(dispatch)
        return done
      },
      listen(given) {
        replies = given
      },
      close: () => done,
    },
  })
  return { client, out, replies: replies! }
}

/** Microseconds of CPU per call of a batch, collecting garbage included: what all threads of the process spent. */
async function cpu(batch: () => Promise<unknown>): Promise<number> {
  const costs: number[] = []
  for (let i = 0; i < 50; i++) await batch()
  for (let round = 0; round < ROUNDS; round++) {
    const from = process.cpuUsage()
    for (let i = 0; i < BATCHES; i++) await batch()
    const { user, system } = process.cpuUsage(from)
    costs.push((user + system) / (BATCHES * IN_FLIGHT))
  }
  return median(costs)
}

const atOnce = (send: () => Promise<unknown>) => () => Promise.all(Array.from({ length: IN_FLIGHT }, send))

interface Round {
  readonly late: readonly number[]
  /** Answers that came to the call they were for. */
  readonly matched: number
  readonly whole: number
}

/** Milliseconds from an answer's arrival until its caller goes on, for commands that are answered in random order. */
async function lateness({ client, out, replies }: Instant): Promise<Round> {
  const random = seeded(7)
  const arrived = new Map<number, number>()
  const late: number[] = []
  let matched = 0
  out.length = 0
  let sent = 0
  const allOut = new Promise<void>((resolve) => {
    const off = client.on('debug', ({ event }) => {
      if (event !== 'dispatched' || ++sent < COMMANDS) return
      off()
      resolve()
    })
  })
  const begun = performance.now()
  // They go out in the order of the calls, since all ports answer at once.
  const answers = Array.from({ length: COMMANDS }, async (_, i) => {
    const answer = await client.sendCommand<number>('user-1', { type: 'ping', data: PAYLOAD })
    late.push(performance.now() - arrived.get(answer)!)
    if (answer === i) matched++
  })
  await allOut
  const order = out.map((dispatch, i) => ({ dispatch, i, at: random() })).sort((a, b) => a.at - b.at)
  for (const [n, { dispatch, i }] of order.entries()) {
    arrived.set(i, performance.now())
    replies.reply(dispatch.correlationId!, String(i))
    // As a socket does: some messages at once, then the next turn.
    if (n % 10 === 9) await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(answers)
  return { late, matched, whole: performance.now() - begun }
}

const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))]!

/** Prints what the client costs; gives whether it is within its limits. */
export async function tamar(): Promise<boolean> {
  const one = instant()
  const { client, out, replies } = one
  const reliable = await cpu(atOnce(() => client.sendReliable('user-1', PAYLOAD)))
  const realtime = await cpu(atOnce(() => client.sendRealtime('user-1', PAYLOAD)))
  const command = await cpu(async () => {
    out.length = 0
    const answers = atOnce(() => client.sendCommand('user-1', { type: 'ping', data: PAYLOAD }))()
    while (out.length < IN_FLIGHT) await undefined
    for (const { correlationId } of out) replies.reply(correlationId!, '{"ok":true}')
    await answers
  })
  await lateness(one)
  const rounds: Round[] = []
  for (let i = 0; i < COMMAND_ROUNDS; i++) rounds.push(await lateness(one))
  const late = rounds.flatMap((round) => round.late)
  const p99 = median(rounds.map((round) => quantile(round.late, 0.99)))
  const matched = rounds.reduce((sum, round) => sum + round.matched, 0)
  await client.close()

  console.log('\nTamar: what the client itself costs, with drivers that answer at once')
  const verdict = (value: number, most: number) => (value <= most ? 'reached' : 'MISSED')
  const us = (value: number) => `${value.toFixed(1)} µs of CPU`
  const ms = (value: number) => `${value.toFixed(2)} ms`
  table(
    ['what', 'figure', 'target', ''],
    [
      ['a reliable message, 32 in flight', us(reliable), `<= ${MOST_CPU} µs`, verdict(reliable, MOST_CPU)],
      ['a realtime message, 32 in flight', us(realtime), '', ''],
      ['a command and its answer, 32 in flight', us(command), '', ''],
      [
        `${count(COMMANDS)} commands in flight, answered in random order: added latency, p50`,
        ms(quantile(late, 0.5)),
        '',
        '',
      ],
      ['the same, p99 (median of the rounds)', ms(p99), `<= ${MOST_LATE} ms`, verdict(p99, MOST_LATE)],
      ['the same, the slowest of all rounds', ms(quantile(late, 1)), '', ''],
      [
        `answers matched, in ${COMMAND_ROUNDS} rounds`,
        `${count(matched)} of ${count(COMMANDS * COMMAND_ROUNDS)}`,
        '',
        '',
      ],
      ['a round: rows, dispatches and answers', ms(median(rounds.map(({ whole }) => whole))), '', ''],
    ],
  )
  return reliable <= MOST_CPU && p99 <= MOST_LATE && matched === COMMANDS * COMMAND_ROUNDS
}
