// Between the three services and the users. To a user it speaks JSON in text frames:
//   {"type":"realtime","payload":…}
//   {"type":"reliable","id":ID,"seq":N,"payload":…}
//   {"type":"command","id":ID,"seq":N,"command":TYPE,"data":…,"expiresAt":MS}
//   {"type":"error","reason":TEXT}            to what it cannot read
// and the user answers {"type":"ack","id":ID} and, to a command, {"type":"response","id":ID,"response":…}.
import type { EmulatorEvent } from './events.ts'
import type { Dispatch, Dispatches, Realtime, Row, Rows, Services } from './tamar-services.ts'
import type { Counters } from './tamar-settings.ts'
import type { Tally } from './tamar-tally.ts'

/** One connection of a user. */
export interface Receiver {
  readonly userId: string
  push(frame: string): void
}

export interface GatewayHost {
  readonly counters: Counters
  readonly tally: Tally
  readonly settings: { readonly redeliverAfter: number; readonly retryInterval: number }
  now(): number
  emit(build: () => EmulatorEvent): void
  touch(): void
}

/** An expiry is written in whole seconds, rounded: so much later it is over for certain. */
const ROUNDING = 500
const MINUTE = 60_000
/** Milliseconds until that is tried again which failed. */
const AGAIN = 1000

/** Delivers what is sent to users, and brings back what they answer. */
export class Gateway {
  readonly users = new Map<string, Set<Receiver>>()
  readonly #host: GatewayHost
  readonly #rows: Rows
  readonly #dispatches: Dispatches
  readonly #realtime: Realtime
  /** Rows that were pushed and not acknowledged, and when they are pushed again. */
  readonly #inFlight = new Map<string, { readonly userId: string; readonly due: number }>()
  /** Who has not got yet what has waited for them. */
  readonly #behind = new Set<Receiver>()
  #stops: (() => void)[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #wakesAt = Number.POSITIVE_INFINITY
  /** One thing after the other: what happens to a row happens in order. */
  #work: Promise<unknown> = Promise.resolve()

  constructor(host: GatewayHost, { rows, dispatches, realtime }: Services) {
    this.#host = host
    this.#rows = rows
    this.#dispatches = dispatches
    this.#realtime = realtime
  }

  get isRunning(): boolean {
    return this.#stops.length > 0
  }

  /** Begins to take, and pushes to those who are there what has waited. */
  start(): void {
    if (this.isRunning) return
    this.#stops = [
      this.#realtime.listen((userId, payload) => this.#hear(userId, payload)),
      this.#dispatches.consume((dispatch) => this.#do(() => this.#take(dispatch))),
    ]
    for (const receivers of [...this.users.values()]) for (const one of [...receivers]) this.join(one)
    void this.tick()
  }

  /** Takes nothing and pushes nothing any more; answers of users are still taken. */
  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#sleep()
    this.#inFlight.clear()
    this.#behind.clear()
  }

  /** Does it after all that was begun before; tells whether that succeeded. */
  #do(work: () => Promise<void>): Promise<boolean> {
    const done = this.#work.then(work).then(
      () => true,
      (error: Error) => {
        this.#host.emit(() => ({ type: 'gateway-error', reason: error.message }))
        this.#wake(this.#host.now() + AGAIN)
        return false
      },
    )
    this.#work = done
    return done
  }

  join(receiver: Receiver): void {
    const { userId } = receiver
    const known = this.users.get(userId)
    if (known === undefined) this.users.set(userId, new Set([receiver]))
    else known.add(receiver)
    if (!this.isRunning) return
    this.#behind.add(receiver)
    void this.#do(async () => {
      if (this.#behind.has(receiver)) await this.#catchUp(receiver)
    })
  }

  leave(receiver: Receiver): void {
    const { userId } = receiver
    const others = this.users.get(userId)
    others?.delete(receiver)
    this.#behind.delete(receiver)
    if (others === undefined || others.size > 0) return
    this.users.delete(userId)
    // They go out again as soon as the user comes back.
    for (const [id, row] of this.#inFlight) if (row.userId === userId) this.#inFlight.delete(id)
  }

  /** What has waited for a user, in order; what other sockets of the user hold, too. */
  async #catchUp(receiver: Receiver): Promise<void> {
    for (const row of await this.#rows.open(receiver.userId)) {
      if (!this.users.get(receiver.userId)?.has(receiver)) return
      if (this.#inFlight.has(row.id)) receiver.push(frameOf(row))
      else if (!(await this.#expire(row))) await this.#push(row)
    }
    this.#behind.delete(receiver)
  }

  #hear(userId: string, payload: string): void {
    const { counters } = this.#host
    counters.realtime++
    if (!isJson(payload)) {
      counters.malformedRealtime++
      return
    }
    const receivers = this.users.get(userId) ?? []
    for (const receiver of receivers) receiver.push(`{"type":"realtime","payload":${payload}}`)
    if (this.users.has(userId)) counters.realtimeDelivered++
    this.#host.emit(() => ({ type: 'realtime', user: userId, sockets: this.users.get(userId)?.size ?? 0 }))
  }

  async #take({ body, replyTo }: Dispatch): Promise<void> {
    const { counters, tally } = this.#host
    counters.dispatched++
    this.#host.touch()
    const id = idOf(body)
    if (id === undefined) {
      counters.malformedDispatches++
      return
    }
    tally.of(id).dispatched++
    const row = await this.#rows.get(id)
    this.#host.emit(() => ({ type: 'dispatched', id, user: row?.userId, status: row?.status }))
    if (row === undefined) counters.unknownRows++
    else if (isSettled(row) || this.#inFlight.has(id)) {
      counters.repeated++
      await this.#again(row, replyTo)
    } else {
      if (replyTo !== undefined) await this.#rows.change(id, { responseQueue: replyTo })
      if (await this.#expire(row)) return
      if (row.pushType === 2 && row.expiresAt !== undefined) this.#wake(row.expiresAt + ROUNDING)
      await this.#push(row)
    }
  }

  /** A command that is named again may have another place for its answer, which may be there. */
  async #again(row: Row, replyTo: string | undefined): Promise<void> {
    if (replyTo === undefined || row.pushType !== 2) return
    if (!isSettled(row)) await this.#rows.change(row.id, { responseQueue: replyTo })
    else if (row.response !== null) await this.#reply({ ...row, responseQueue: replyTo }, row.response)
  }

  /** Pushes a row to all sockets of its user; it stays as it is when there is none. */
  async #push(row: Row): Promise<void> {
    const receivers = this.users.get(row.userId)
    if (receivers === undefined || !this.isRunning) return
    const { counters, tally, settings } = this.#host
    if (row.status === 'PENDING') await this.#rows.change(row.id, { status: 'DELIVERING' })
    const isCommand = row.pushType === 2
    const wait = isCommand ? (row.retryInterval ?? settings.retryInterval) : settings.redeliverAfter
    // A command that was acknowledged needs no more than to be there when its user comes back.
    const due = isAcked(row) ? Number.POSITIVE_INFINITY : this.#host.now() + wait
    this.#inFlight.set(row.id, { userId: row.userId, due })
    this.#wake(due)
    counters.deliveries++
    if (tally.of(row.id).delivered++ > 0) counters.redeliveries++
    this.#host.touch()
    this.#host.emit(() => ({ type: 'delivered', id: row.id, user: row.userId, sockets: receivers.size }))
    const frame = frameOf(row)
    for (const receiver of [...receivers]) receiver.push(frame)
  }

  /** The same, and again until it succeeds: what a user has said once need not be said again. */
  async #insist(work: () => Promise<void>): Promise<void> {
    while (!(await this.#do(work))) await new Promise((resolve) => setTimeout(resolve, AGAIN))
  }

  /** A user's ack. */
  ack(userId: string, id: string): Promise<void> {
    return this.#insist(async () => {
      const row = await this.#ofUser(userId, id)
      if (row === undefined) return
      const { counters, tally } = this.#host
      const isLate = isSettled(row) || isAcked(row)
      if (!isLate) {
        await this.#rows.change(id, { status: 'REQUEST_DELIVERED' })
        if (row.pushType !== 2) await this.#rows.change(id, { status: 'FINISHED' })
      }
      tally.of(id).acks++
      if (isLate) counters.lateAcks++
      else {
        counters.acks++
        this.#host.emit(() => ({ type: 'acked', id, user: userId }))
      }
      if (row.pushType !== 2 || !this.#inFlight.has(id)) this.#inFlight.delete(id)
      else this.#inFlight.set(id, { userId, due: Number.POSITIVE_INFINITY })
    })
  }

  /** A user's answer to a command, in JSON. */
  respond(userId: string, id: string, response: string): Promise<void> {
    let isAgain = false
    return this.#insist(async () => {
      const row = await this.#ofUser(userId, id)
      if (row === undefined) return
      const { counters } = this.#host
      if (row.pushType !== 2) counters.foreignAcks++
      // It was kept after all, and nobody said so.
      else if (isAgain && row.status === 'FINISHED') await this.#reply(row, row.response ?? response)
      else if (isSettled(row) || (await this.#expire(row))) counters.lateAcks++
      else {
        isAgain = true
        if (row.status !== 'REQUEST_DELIVERED') await this.#rows.change(id, { status: 'REQUEST_DELIVERED' })
        await this.#rows.change(id, { status: 'FINISHED', response })
        counters.responses++
        this.#inFlight.delete(id)
        this.#host.emit(() => ({ type: 'responded', id, user: userId }))
        await this.#reply(row, response)
      }
    })
  }

  async #reply({ id, responseQueue, requestId }: Row, response: string): Promise<void> {
    if (responseQueue === null || requestId === null) return
    this.#host.counters.replies++
    this.#host.tally.of(id).replies++
    await this.#dispatches.reply(responseQueue, requestId, response)
  }

  async #ofUser(userId: string, id: string): Promise<Row | undefined> {
    const row = await this.#rows.get(id)
    this.#host.touch()
    if (row?.userId === userId) return row
    this.#host.counters.foreignAcks++
  }

  /** Ends a command whose time is over; tells whether it is. */
  async #expire(row: Row): Promise<boolean> {
    if (row.pushType !== 2 || row.expiresAt === undefined) return false
    if (this.#host.now() < row.expiresAt + ROUNDING) return false
    this.#inFlight.delete(row.id)
    await this.#rows.change(row.id, { status: 'TIMED_OUT' })
    this.#host.counters.timedOut++
    this.#host.emit(() => ({ type: 'timed-out', id: row.id, user: row.userId }))
    return true
  }

  /** Does what has become due. */
  tick(): Promise<boolean> {
    return this.#do(async () => {
      if (!this.isRunning) return
      const now = this.#host.now()
      for (const receiver of [...this.#behind]) await this.#catchUp(receiver)
      for (const row of await this.#rows.overdue(now - ROUNDING)) await this.#expire(row)
      for (const [id, { due }] of [...this.#inFlight]) {
        if (due > now) continue
        const row = await this.#rows.get(id)
        if (row === undefined || isSettled(row)) this.#inFlight.delete(id)
        else await this.#push(row)
      }
      this.#sleep()
      const expiry = await this.#rows.nextExpiry()
      if (expiry !== undefined) this.#wake(expiry + ROUNDING)
      for (const { due } of this.#inFlight.values()) this.#wake(due)
    })
  }

  /** Makes sure that the gateway looks again at that time. */
  #wake(at: number): void {
    if (at >= this.#wakesAt || !this.isRunning) return
    this.#sleep()
    this.#wakesAt = at
    const wait = Math.min(Math.max(at - this.#host.now(), 1), MINUTE)
    this.#timer = setTimeout(() => {
      this.#sleep()
      void this.tick()
    }, wait)
  }

  #sleep(): void {
    clearTimeout(this.#timer)
    this.#wakesAt = Number.POSITIVE_INFINITY
  }
}

const isSettled = ({ status }: Row): boolean => status === 'FINISHED' || status === 'TIMED_OUT'

/** Of a reliable message this is half of the way: what is missing is to note that it is finished. */
const isAcked = ({ status, pushType }: Row): boolean => status === 'REQUEST_DELIVERED' && pushType === 2

function idOf(body: string): string | undefined {
  try {
    const id = (JSON.parse(body) as { message_id?: unknown } | null)?.message_id
    return typeof id === 'string' && id !== '' ? id : undefined
  } catch {
    return undefined
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The payload goes through as it is, so that numbers of any size stay exact. */
function frameOf({ id, pushType, seq, payload, expiresAt }: Row): string {
  const head = `"id":${JSON.stringify(id)},"seq":${seq ?? 'null'}`
  if (pushType !== 2) return `{"type":"reliable",${head},"payload":${payload ?? 'null'}}`
  const { type = null, data = null } = (JSON.parse(payload ?? 'null') ?? {}) as Record<string, unknown>
  const rest = { command: type, data, expiresAt: expiresAt ?? null }
  return `{"type":"command",${head},${JSON.stringify(rest).slice(1)}`
}
