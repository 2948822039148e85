import { IsomqError } from 'isomq/errors'
import { duration } from './dom.ts'
import type { Log, Source } from './log.ts'
import type { LiveEvent } from './server.ts'

const SLOW_MS = 2000

type State = 'idle' | 'connecting' | 'open' | 'reconnecting' | 'closed'

interface Change {
  readonly from: State
  readonly to: State
  readonly reason?: Error | undefined
}

/** What happens on a line, of which each provider has more than is read here. */
interface Status {
  readonly type: string
  readonly attempt?: number
  readonly delay?: number
  readonly error?: Error
}

interface Arrived {
  readonly signal: AbortSignal
}

/** What the clients of all providers have in common. */
export interface Followed {
  on(type: 'state', handler: (change: Change) => void): unknown
  on(type: 'status', handler: (status: Status) => void): unknown
  on(type: 'error', handler: (error: Error) => void): unknown
}

/** And those that receive. */
export interface Receiving<Message extends Arrived> extends Followed {
  readonly state: State
  on(type: 'state', handler: (change: Change) => void): unknown
  on(type: 'status', handler: (status: Status) => void): unknown
  on(type: 'error', handler: (error: Error) => void): unknown
  on(type: 'message', handler: (message: Message) => Promise<void>): unknown
  close(): Promise<void>
}

/** What a page wants to hear of the life of its client. */
export interface Telling {
  readonly log: Log
  /** Something to show has changed. */
  changed(): void
  reconnected(): void
  /** The client gave up by itself. */
  ended(why: string): void
}

export interface RunningOptions<Message> extends Telling {
  /** A handler ended well; the message is confirmed next. */
  handled(message: Message): void
  /** A handler failed, as it was told to. */
  failed?(message: Message): void
}

/** A client that runs in this page, with a handler that can be told to fail or to be slow. */
export interface Running<Client> {
  readonly client: Client
  readonly state: State
  readonly isStopping: boolean
  /** Handlers that are still to fail. */
  readonly failures: number
  slow: boolean
  start(): void
  stop(): Promise<void>
  /** Stops, and is as at the start. */
  reset(): Promise<void>
  failNext(): void
}

/** Logs what happens to a client. */
export function follow(source: Source, client: Followed, telling: Telling): void {
  const { log, changed, reconnected, ended } = telling
  // One fault can be the reason of a state and an error of its own: it is told once.
  const told = new WeakSet<Error>()
  client.on('state', ({ from, to, reason }) => {
    const isNews = reason !== undefined && !told.has(reason) && !isClosed(reason)
    log(source, `${from} → ${to}${isNews ? `: ${reason.message}` : ''}`, isNews ? 'error' : undefined)
    if (reason !== undefined) told.add(reason)
    if (from === 'reconnecting' && to === 'open') reconnected()
    if (to === 'closed' && reason !== undefined && !isClosed(reason)) ended(`${reason.message}.`)
    changed()
  })
  client.on('status', ({ type, attempt, delay = 0, error }) => {
    if (type === 'retrying') {
      log(source, `retry ${attempt} ${delay === 0 ? 'at once' : `in ${duration(delay)}`}`)
    } else if (type === 'malformed') log(source, error!.message, 'error')
  })
  client.on('error', (error) => {
    if (!told.has(error)) log(source, error.message, 'error')
    told.add(error)
    changed()
  })
}

/** The same for a client elsewhere, of which the server tells each change of its state. Gives the new one. */
export function followEvent(source: Source, { from, to, reason }: LiveEvent, telling: Telling): State {
  const { code, message } = (reason ?? {}) as { code?: string; message?: string }
  const isFault = code !== undefined && code !== 'CLOSED'
  telling.log(source, `${from} → ${to}${isFault ? `: ${message}` : ''}`, isFault ? 'error' : undefined)
  if (from === 'reconnecting' && to === 'open') telling.reconnected()
  if (to === 'closed' && isFault) telling.ended(`${message}.`)
  return to as State
}

export function createRunning<Message extends Arrived, Client extends Receiving<Message>>(
  source: Source,
  make: () => Client,
  options: RunningOptions<Message>,
): Running<Client> {
  const { changed } = options
  let client = made()
  let isStopping = false
  let failures = 0
  let slow = false

  function made(): Client {
    const client = make()
    follow(source, client, options)
    return client
  }

  async function handle(message: Message): Promise<void> {
    if (failures > 0) {
      failures--
      options.failed?.(message)
      changed()
      throw new Error('the handler failed on request')
    }
    if (slow) await pause(SLOW_MS, message.signal)
    options.handled(message)
  }

  async function stop(): Promise<void> {
    isStopping = true
    changed()
    await client.close()
    isStopping = false
    changed()
  }

  return {
    get client() {
      return client
    },
    get state() {
      return client.state
    },
    get isStopping() {
      return isStopping
    },
    get failures() {
      return failures
    },
    get slow() {
      return slow
    },
    set slow(on) {
      slow = on
    },
    start() {
      if (client.state === 'closed') client = made()
      // A client with a handler connects by itself.
      if (client.state === 'idle') client.on('message', handle)
      changed()
    },
    stop,
    async reset() {
      await stop()
      client = made()
      failures = 0
      changed()
    },
    failNext() {
      failures++
      changed()
    },
  }
}

/** Somebody closed the client: no fault. */
const isClosed = (reason: Error): boolean => reason instanceof IsomqError && reason.code === 'CLOSED'

/** Ends early with an error when the message cannot be confirmed any more. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })
}

/** Sends so many at once; resolves with the errors of those that were not taken. */
export async function sendMany(count: number, send: () => Promise<unknown>): Promise<Error[]> {
  const results = await Promise.allSettled(Array.from({ length: count }, send))
  return results.flatMap((result) =>
    result.status === 'rejected'
      ? [result.reason instanceof Error ? result.reason : new Error(String(result.reason))]
      : [],
  )
}
