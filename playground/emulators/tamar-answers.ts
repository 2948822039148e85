import type { EmulatorEvent } from './events.ts'
import type { Dispatches, Row, Rows } from './tamar-services.ts'
import type { Counters } from './tamar-settings.ts'
import type { Tally } from './tamar-tally.ts'

export interface GatewayHost {
  readonly counters: Counters
  readonly tally: Tally
  readonly settings: { readonly redeliverAfter: number; readonly retryInterval: number }
  now(): number
  emit(build: () => EmulatorEvent): void
  touch(): void
}

/** Rows that were pushed and not acknowledged, and when they are pushed again. */
export type InFlight = Map<string, { readonly userId: string; readonly due: number }>

/** What the answers need of the gateway. */
export interface AnswersPart {
  readonly host: GatewayHost
  readonly rows: Rows
  readonly dispatches: Dispatches
  readonly inFlight: InFlight
  /** Ends a command whose time is over; tells whether it is. */
  expire(row: Row): Promise<boolean>
}

/** What users say to their messages: it settles rows, and goes back to whoever sent a command. */
export class Answers {
  readonly #part: AnswersPart

  constructor(part: AnswersPart) {
    this.#part = part
  }

  /** A user's ack. */
  async ack(userId: string, id: string): Promise<void> {
    const row = await this.#ofUser(userId, id)
    if (row === undefined) return
    const { host, rows, inFlight } = this.#part
    const isLate = isSettled(row) || isAcked(row)
    if (!isLate) {
      await rows.change(id, { status: 'REQUEST_DELIVERED' })
      if (row.pushType !== 2) await rows.change(id, { status: 'FINISHED' })
    }
    host.tally.of(id).acks++
    if (isLate) host.counters.lateAcks++
    else {
      host.counters.acks++
      host.emit(() => ({ type: 'acked', id, user: userId }))
    }
    if (row.pushType !== 2 || !inFlight.has(id)) inFlight.delete(id)
    else inFlight.set(id, { userId, due: Number.POSITIVE_INFINITY })
  }

  /** A user's answer to a command, in JSON; gives what takes it, which may be called until it succeeds. */
  response(userId: string, id: string, response: string): () => Promise<void> {
    let isAgain = false
    return async () => {
      const row = await this.#ofUser(userId, id)
      if (row === undefined) return
      const { host, rows, inFlight, expire } = this.#part
      if (row.pushType !== 2) host.counters.foreignAcks++
      // It was kept after all, and nobody said so.
      else if (isAgain && row.status === 'FINISHED') await this.reply(row, row.response ?? response)
      else if (isSettled(row) || (await expire(row))) host.counters.lateAcks++
      else {
        isAgain = true
        if (row.status !== 'REQUEST_DELIVERED') await rows.change(id, { status: 'REQUEST_DELIVERED' })
        await rows.change(id, { status: 'FINISHED', response })
        host.counters.responses++
        inFlight.delete(id)
        host.emit(() => ({ type: 'responded', id, user: userId }))
        await this.reply(row, response)
      }
    }
  }

  /** A command that is named again may have another place for its answer, which may be there. */
  async again(row: Row, replyTo: string | undefined): Promise<void> {
    if (replyTo === undefined || row.pushType !== 2) return
    if (!isSettled(row)) await this.#part.rows.change(row.id, { responseQueue: replyTo })
    else if (row.response !== null) await this.reply({ ...row, responseQueue: replyTo }, row.response)
  }

  async reply({ id, responseQueue, requestId }: Row, response: string): Promise<void> {
    if (responseQueue === null || requestId === null) return
    const { host, dispatches } = this.#part
    host.counters.replies++
    host.tally.of(id).replies++
    await dispatches.reply(responseQueue, requestId, response)
  }

  async #ofUser(userId: string, id: string): Promise<Row | undefined> {
    const { host, rows } = this.#part
    const row = await rows.get(id)
    host.touch()
    if (row?.userId === userId) return row
    host.counters.foreignAcks++
  }
}

export const isSettled = ({ status }: Row): boolean => status === 'FINISHED' || status === 'TIMED_OUT'

/** Of a reliable message this is half of the way: what is missing is to note that it is finished. */
export const isAcked = ({ status, pushType }: Row): boolean =>
  status === 'REQUEST_DELIVERED' && pushType === 2
