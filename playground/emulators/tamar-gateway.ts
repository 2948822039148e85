// Between the three services and the users. To a user it speaks JSON in text frames:
//   {"type":"realtime","payload":…}
//   {"type":"reliable","id":ID,"seq":N,"payload":…}
//   {"type":"command","id":ID,"seq":N,"command":TYPE,"data":…,"expiresAt":MS}
//   {"type":"error","reason":TEXT}            to what it cannot read
// and the user answers {"type":"ack","id":ID} and, to a command, {"type":"response","id":ID,"response":…}.
import type { EmulatorEvent } from './events.ts'
import type { Counters } from './tamar-settings.ts'
import type { Tally } from './tamar-tally.ts'

export type Status = 'PENDING' | 'DELIVERING' | 'REQUEST_DELIVERED' | 'FINISHED' | 'TIMED_OUT'

/** A row of `push_messages`, as far as the gateway needs it. */
export interface Row {
  readonly id: string
  readonly userId: string
  /** 1 is reliable, 2 a command. */
  readonly pushType: number
  /** Digits. */
  readonly seq: string | null
  /** JSON. */
  readonly payload: string | null
  readonly status: Status
  readonly requestId: string | null
  readonly response: string | null
  readonly responseQueue: string | null
  /** Milliseconds since 1970. */
  readonly expiresAt: number | undefined
  readonly retryInterval: number | undefined
}

export interface Change {
  readonly status?: Status
  readonly response?: string
  readonly responseQueue?: string
}

/** Where the rows are. */
export interface Rows {
  get(id: string): Promise<Row | undefined>
  /** A user's rows that are not settled, in order of `seq`. */
  open(userId: string): Promise<readonly Row[]>
  /** Sets what is given; a new status is noted with its time. */
  change(id: string, change: Change): Promise<void>
  /** Commands that are not settled and whose time was over at `at`, milliseconds since 1970. */
  overdue(at: number): Promise<readonly Row[]>
  /** When the time of the next command is over. */
  nextExpiry(): Promise<number | undefined>
}

/** What names a row in the queue. */
export interface Dispatch {
  readonly body: string
  readonly replyTo: string | undefined
}

/** Where the names of rows come from, and where replies go. */
export interface Dispatches {
  /** Confirms each when `take` is done with it; gives how to stop. */
  consume(take: (dispatch: Dispatch) => Promise<void>): () => void
  reply(to: string, correlationId: string, body: string): Promise<void>
}

/** Where realtime messages come from. */
export interface Realtime {
  listen(hear: (userId: string, payload: string) => void): () => void
}

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

/** Delivers what is sent to users, and brings back what they answer. */
export class Gateway {
  readonly users = new Map<string, Set<Receiver>>()
  readonly #host: GatewayHost
  readonly #rows: Rows
  readonly #dispatches: Dispatches
  readonly #realtime: Realtime
  /** Rows that were pushed and not acknowledged, and when they are pushed again. */
  readonly #inFlight = new Map<string, { readonly userId: string; readonly due: number }>()
  #stops: (() => void)[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #wakesAt = Number.POSITIVE_INFINITY
  /** One thing after the other: what happens to a row happens in order. */
  #work: Promise<void> = Promise.resolve()

  constructor(host: GatewayHost, rows: Rows, dispatches: Dispatches, realtime: Realtime) {
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
  }

  /** Does it after all that was begun before. */
  #do(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work).catch((error: Error) => {
      this.#host.emit(() => ({ type: 'gateway-error', reason: error.message }))
    })
    this.#work = done
    return done
  }

  join(receiver: Receiver): void {
    const { userId } = receiver
    const known = this.users.get(userId)
    if (known === undefined) this.users.set(userId, new Set([receiver]))
    else known.add(receiver)
    if (this.isRunning) void this.#do(() => this.#catchUp(receiver))
  }

  leave(receiver: Receiver): void {
    const { userId } = receiver
    const others = this.users.get(userId)
    others?.delete(receiver)
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
    const due = row.status === 'REQUEST_DELIVERED' ? Number.POSITIVE_INFINITY : this.#host.now() + wait
    this.#inFlight.set(row.id, { userId: row.userId, due })
    this.#wake(due)
    counters.deliveries++
    if (tally.of(row.id).delivered++ > 0) counters.redeliveries++
    this.#host.touch()
    this.#host.emit(() => ({ type: 'delivered', id: row.id, user: row.userId, sockets: receivers.size }))
    const frame = frameOf(row)
    for (const receiver of [...receivers]) receiver.push(frame)
  }

  /** A user's ack. */
  ack(userId: string, id: string): Promise<void> {
    return this.#do(async () => {
      const row = await this.#ofUser(userId, id)
      if (row === undefined) return
      const { counters, tally } = this.#host
      tally.of(id).acks++
      if (isSettled(row) || row.status === 'REQUEST_DELIVERED') counters.lateAcks++
      else {
        counters.acks++
        await this.#rows.change(id, { status: 'REQUEST_DELIVERED' })
        if (row.pushType !== 2) await this.#rows.change(id, { status: 'FINISHED' })
        this.#host.emit(() => ({ type: 'acked', id, user: userId }))
      }
      if (row.pushType !== 2 || !this.#inFlight.has(id)) this.#inFlight.delete(id)
      else this.#inFlight.set(id, { userId, due: Number.POSITIVE_INFINITY })
    })
  }

  /** A user's answer to a command, in JSON. */
  respond(userId: string, id: string, response: string): Promise<void> {
    return this.#do(async () => {
      const row = await this.#ofUser(userId, id)
      if (row === undefined) return
      const { counters } = this.#host
      if (row.pushType !== 2) counters.foreignAcks++
      else if (isSettled(row) || (await this.#expire(row))) counters.lateAcks++
      else {
        counters.responses++
        this.#inFlight.delete(id)
        if (row.status !== 'REQUEST_DELIVERED') await this.#rows.change(id, { status: 'REQUEST_DELIVERED' })
        await this.#rows.change(id, { status: 'FINISHED', response })
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
  tick(): Promise<void> {
    return this.#do(async () => {
      if (!this.isRunning) return
      const now = this.#host.now()
      for (const row of await this.#rows.overdue(now - ROUNDING)) await this.#expire(row)
      for (const [id, { due }] of [...this.#inFlight]) {
        if (due > now) continue
        this.#inFlight.delete(id)
        const row = await this.#rows.get(id)
        if (row !== undefined && !isSettled(row)) await this.#push(row)
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
