import { createTmcClient, IsomqError, type State, type TmcClient, type TmcMessage } from 'isomq/tmc'
import { DEFAULT_APP } from '../emulators/tmc-settings.ts'
import { duration, textOf } from './dom.ts'
import type { Log } from './log.ts'

const SLOW_MS = 2000

export interface PageClientOptions {
  readonly url: string
  /** Names the client to the server, which is how the page knows its own connections. */
  readonly sdk: string
  readonly log: Log
  /** Something to show has changed. */
  changed(): void
  reconnected(): void
  /** The client gave up by itself. */
  ended(why: string): void
  /** A handler ended well; the message is confirmed next. */
  handled(id: string): void
}

/** The client that runs in this page, with a handler that can be told to fail or to be slow. */
export interface PageClient {
  readonly state: State
  readonly isStopping: boolean
  /** Handlers that are still to fail. */
  readonly failures: number
  readonly lastRoundTrip: number | undefined
  readonly sums: { readonly received: number; readonly acked: number; readonly nacked: number }
  slow: boolean
  start(): void
  stop(): Promise<void>
  /** Stops, and is as at the start. */
  reset(): Promise<void>
  failNext(): void
  /** Resolves with the errors of those messages that were not taken. */
  produce(count: number, topic: string, content: string): Promise<Error[]>
}

export function createPageClient(options: PageClientOptions): PageClient {
  const { log, changed } = options
  let client = make()
  let isStopping = false
  let failures = 0
  let number = 0
  let slow = false

  function make(): TmcClient {
    const made = createTmcClient({
      url: options.url,
      appKey: DEFAULT_APP.key,
      appSecret: DEFAULT_APP.secret,
      groupName: DEFAULT_APP.group,
      sdk: options.sdk,
      // Nobody wants to look at a pause of half a minute.
      reconnect: { minDelay: 300, maxDelay: 3000 },
    })
    // One fault can be the reason of a state and an error of its own: it is told once.
    const told = new WeakSet<Error>()
    made.on('state', ({ from, to, reason }) => {
      const isNews = reason !== undefined && !told.has(reason) && !isClosed(reason)
      log('page', `${from} → ${to}${isNews ? `: ${reason.message}` : ''}`, isNews ? 'error' : undefined)
      if (reason !== undefined) told.add(reason)
      if (from === 'reconnecting' && to === 'open') options.reconnected()
      if (to === 'closed' && reason !== undefined && !isClosed(reason)) options.ended(`${reason.message}.`)
      changed()
    })
    made.on('status', (status) => {
      if (status.type === 'retrying') {
        log(
          'page',
          `retry ${status.attempt} ${status.delay === 0 ? 'at once' : `in ${duration(status.delay)}`}`,
        )
      } else if (status.type === 'malformed') log('page', status.error.message, 'error')
    })
    made.on('error', (error) => {
      if (!told.has(error)) log('page', error.message, 'error')
      told.add(error)
      changed()
    })
    return made
  }

  async function handle(message: TmcMessage): Promise<void> {
    if (failures > 0) {
      failures--
      changed()
      throw new Error('the handler failed on request')
    }
    if (slow) await pause(SLOW_MS, message.signal)
    options.handled(message.id)
  }

  function start(): void {
    if (client.state === 'closed') client = make()
    // A client with a handler connects by itself.
    if (client.state === 'idle') client.on('message', handle)
    changed()
  }

  async function stop(): Promise<void> {
    isStopping = true
    changed()
    await client.close()
    isStopping = false
    changed()
  }

  return {
    get state() {
      return client.state
    },
    get isStopping() {
      return isStopping
    },
    get failures() {
      return failures
    },
    get lastRoundTrip() {
      return client.stats().lastRoundTrip
    },
    get sums() {
      return client.stats()
    },
    get slow() {
      return slow
    },
    set slow(on) {
      slow = on
    },
    start,
    stop,
    async reset() {
      await stop()
      client = make()
      failures = 0
      changed()
    },
    failNext() {
      failures++
      changed()
    },
    async produce(count, topic, content) {
      if (client.state === 'idle') start()
      const one = () => client.produce({ topic, content: content.replaceAll('{n}', String(++number)) })
      const results = await Promise.allSettled(Array.from({ length: count }, one))
      return results.flatMap((result) =>
        result.status === 'rejected' ? [new Error(textOf(result.reason))] : [],
      )
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
