import { Alarm } from './tamar-alarm.ts'
import { Answers, type GatewayHost, type InFlight, isAcked, isSettled } from './tamar-answers.ts'
import type { Dispatch, Dispatches, Realtime, Row, Rows, Services } from './tamar-services.ts'
import { frameOf, idOf, realtimeFrame } from './tamar-user-frames.ts'

/** One connection of a user. */
export interface Receiver {
  readonly userId: string
  push(frame: string): void
}

/** An expiry is written in whole seconds, rounded: so much later it is over for certain. */
const ROUNDING = 500
/** Milliseconds until that is tried again which failed. */
const AGAIN = 1000

/** Delivers what is sent to users, and brings back what they answer. */
export class Gateway {
  readonly users = new Map<string, Set<Receiver>>()
  readonly #host: GatewayHost
  readonly #rows: Rows
  readonly #dispatches: Dispatches
  readonly #realtime: Realtime
  readonly #answers: Answers
  readonly #alarm: Alarm
  readonly #inFlight: InFlight = new Map()
  /** Who has not got yet what has waited for them. */
  readonly #behind = new Set<Receiver>()
  #stops: (() => void)[] = []
  /** One thing after the other: what happens to a row happens in order. */
  #work: Promise<unknown> = Promise.resolve()

  constructor(host: GatewayHost, { rows, dispatches, realtime }: Services) {
    this.#host = host
    this.#rows = rows
    this.#dispatches = dispatches
    this.#realtime = realtime
    this.#alarm = new Alarm(
      () => host.now(),
      () => void this.tick(),
    )
    const expire = (row: Row): Promise<boolean> => this.#expire(row)
    this.#answers = new Answers({ host, rows, dispatches, inFlight: this.#inFlight, expire })
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
    this.#alarm.clear()
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
    const frame = realtimeFrame(payload)
    if (frame === undefined) {
      counters.malformedRealtime++
      return
    }
    for (const receiver of this.users.get(userId) ?? []) receiver.push(frame)
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
      await this.#answers.again(row, replyTo)
    } else {
      if (replyTo !== undefined) await this.#rows.change(id, { responseQueue: replyTo })
      if (await this.#expire(row)) return
      if (row.pushType === 2 && row.expiresAt !== undefined) this.#wake(row.expiresAt + ROUNDING)
      await this.#push(row)
    }
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
    return this.#insist(() => this.#answers.ack(userId, id))
  }

  /** A user's answer to a command, in JSON. */
  respond(userId: string, id: string, response: string): Promise<void> {
    return this.#insist(this.#answers.response(userId, id, response))
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
      this.#alarm.clear()
      const expiry = await this.#rows.nextExpiry()
      if (expiry !== undefined) this.#wake(expiry + ROUNDING)
      for (const { due } of this.#inFlight.values()) this.#wake(due)
    })
  }

  /** Makes sure that the gateway looks again at that time. */
  #wake(at: number): void {
    if (this.isRunning) this.#alarm.set(at)
  }
}
