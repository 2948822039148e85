import { decodeText } from '../core/bytes.ts'
import { alarm } from '../core/clock.ts'
import { fromBase64, percent } from '../core/encoding.ts'
import { IsomqError, toError } from '../core/errors.ts'
import type { Fetch } from '../core/http.ts'
import * as o from '../core/options.ts'
import { abort, aborted, onAbort, type WaitOptions, wait } from '../core/wait.ts'
import { accessPieces, type BrokerAccess } from './access.ts'
import { createApi, strange } from './api.ts'
import type { TamarBroker, TamarDispatch, TamarReplies } from './ports.ts'
import { tell } from './telling.ts'
import { provider, wrong } from './wrong.ts'

/** Options of `managementBroker`. */
export interface ManagementBrokerOptions extends BrokerAccess {
  /** URL of the HTTP API, without `/api`. */
  url: string
  /** Milliseconds between two questions for answers, while somebody waits for one. Default 1,000. */
  pollEvery?: number | undefined
  /** Milliseconds after which RabbitMQ drops the queue for answers when nobody asks it. Default 60,000. */
  expires?: number | undefined
  /** Milliseconds that one request may take while asking for answers. Default 30,000. */
  timeout?: number | undefined
  /** How often a request is tried again that failed in passing. Default 2. */
  retries?: number | undefined
  /** Requests that may be under way at once; others wait. Default 50. */
  concurrency?: number | undefined
  /** Default: the runtime's, looked up at every call. */
  fetch?: Fetch | undefined
}

type Optional = 'fetch' | 'logger'
type Settings = Required<Omit<ManagementBrokerOptions, Optional>> & Pick<ManagementBrokerOptions, Optional>

/** A message as the HTTP API gives it. */
interface Fetched {
  readonly payload?: unknown
  readonly payload_encoding?: unknown
  readonly properties?: { readonly correlation_id?: unknown } | undefined
}

/** Answers that are fetched at once, at most. */
const BATCH = 100
/** Milliseconds between two questions that are not answered, at most. */
const SLOWEST = 30_000

/**
 * RabbitMQ by the HTTP API of its management plugin: slower than a socket, but it tells when no queue is bound to
 * receive a message. Answers are asked for while somebody waits for one.
 *
 * @throws IsomqError `CONFIG` when an option is wrong; the text names it
 */
export function managementBroker(options: ManagementBrokerOptions): TamarBroker {
  const settings = o.parseOptions<Settings>(
    provider,
    {
      ...accessPieces(),
      url: o.site(),
      pollEvery: o.ms(1_000, 1),
      expires: o.ms(60_000, 1),
      timeout: o.ms(30_000),
      retries: o.count(2, 0),
      concurrency: o.count(50),
      fetch: o.callback(),
    },
    options,
  )
  const { clock, exchange, routingKey, pollEvery, expires, timeout } = settings
  if (pollEvery * 2 > expires) {
    const text =
      'the option "pollEvery" must be at most half of "expires", or RabbitMQ drops the queue for answers'
    throw wrong(text, undefined, { option: 'pollEvery' })
  }
  const vhost = percent(settings.vhost)
  const api = createApi(settings)
  const queue = `isomq.replies.${globalThis.crypto.randomUUID()}`
  let replies: TamarReplies | undefined
  /** When the queue was last declared or asked. */
  let seenAt = Number.NEGATIVE_INFINITY
  let declaring: Promise<unknown> | undefined
  /** Ends the question for answers that is planned or under way. */
  let polling: AbortController | undefined
  /** Questions in a row that were not answered. */
  let failures = 0
  /** Answers to ask for at once: fewer after some that were too much for one request. */
  let batch = BATCH
  let closed = false
  /** Calls under way; they end with the broker. */
  const running = new Set<AbortController>()

  async function whileOpen<T>(
    { signal, timeout }: WaitOptions,
    act: (limits: WaitOptions) => Promise<T>,
  ): Promise<T> {
    if (signal?.aborted) throw aborted(provider, 'answer', signal)
    const now = new AbortController()
    running.add(now)
    const leave = signal && onAbort(signal, () => now.abort(signal.reason))
    try {
      return await act({ signal: now.signal, timeout })
    } finally {
      leave?.()
      running.delete(now)
    }
  }

  /** The queue for answers is there for a while from now on. Who waits for that may leave without the others. */
  async function declare(limits: WaitOptions): Promise<void> {
    if (clock.now() - seenAt < expires / 2) return
    const fields = { durable: false, auto_delete: false, arguments: { 'x-expires': expires } }
    declaring ??= whileOpen({ timeout }, (within) =>
      api.askAgain(within, 'PUT', `queues/${vhost}/${queue}`, fields),
    ).finally(() => {
      declaring = undefined
    })
    const made = declaring
    await wait<unknown>(limits, { provider, clock, what: 'answer' }, (resolve, reject) => {
      made.then(resolve, reject)
      return undefined
    })
    seenAt = clock.now()
  }

  async function poll({ signal }: AbortController): Promise<void> {
    let messages: readonly Fetched[] = []
    const count = batch
    try {
      await declare({ timeout, signal })
      const fields = { count, ackmode: 'ack_requeue_false', encoding: 'auto' }
      messages = listOf(await api.ask({ timeout, signal }, 'POST', `queues/${vhost}/${queue}/get`, fields))
      seenAt = clock.now()
      failures = 0
      batch = Math.min(BATCH, batch * 2)
    } catch (error) {
      if (signal.aborted) return
      // What an answer holds is gone from the queue, also when it does not arrive; and the queue may be gone.
      seenAt = Number.NEGATIVE_INFINITY
      failures++
      if ((error as IsomqError).code === 'LIMIT') batch = 1
      missed(error)
    }
    for (const message of messages) hand(message)
    polling = undefined
    plan(messages.length < count ? Math.min(pollEvery * 2 ** failures, SLOWEST) : 1)
  }

  function hand(message: Fetched): void {
    try {
      const { payload, payload_encoding: encoding, properties } = message
      replies?.reply(String(properties?.correlation_id ?? ''), textOf(String(payload), encoding))
    } catch (error) {
      missed(error)
    }
  }

  function missed(error: unknown): void {
    tell(settings, 'unasked', { error: String(error) })
    replies?.lost(toError(error))
  }

  function plan(pause: number): void {
    if (polling || closed || !replies?.waiting) return
    const now = new AbortController()
    polling = now
    const cancel = alarm(clock, pause, () => void poll(now))
    now.signal.addEventListener('abort', cancel)
  }

  async function publish({ body, correlationId }: TamarDispatch, limits: WaitOptions): Promise<void> {
    if (correlationId !== undefined) await declare(limits)
    const answering = correlationId && { correlation_id: correlationId, reply_to: queue }
    const properties = { delivery_mode: 2, content_type: 'application/json', ...answering }
    const fields = { properties, routing_key: routingKey, payload: body, payload_encoding: 'string' }
    const path = `exchanges/${vhost}/${percent(exchange)}/publish`
    const { routed } = Object(await api.askAgain(limits, 'POST', path, fields)) as { routed?: unknown }
    if (routed !== true && routed !== false) throw strange()
    if (!routed) {
      const text = `no queue is bound to the exchange "${exchange}" with "${routingKey}"; is the gateway set up?`
      throw new IsomqError(provider, 'PROVIDER', text, { details: { routed }, retryable: true })
    }
    if (correlationId !== undefined) plan(pollEvery)
  }

  return {
    async publish(dispatch, limits) {
      if (closed) throw isClosed()
      return whileOpen(limits, (within) => publish(dispatch, within))
    },
    listen(listener) {
      if (replies) throw wrong('this broker serves another client already; make one for each')
      replies = listener
    },
    async connect(limits) {
      closed = false
      await whileOpen(limits, (within) =>
        api.askAgain(within, 'GET', `exchanges/${vhost}/${percent(exchange)}`),
      )
    },
    async close() {
      closed = true
      if (polling) running.add(polling)
      polling = undefined
      for (const one of running) abort(one, isClosed())
      running.clear()
    },
  }
}

const isClosed = (): IsomqError => new IsomqError(provider, 'CLOSED', 'the broker is closed')

/** @throws IsomqError `PROTOCOL` when it is no list */
function listOf(messages: unknown): readonly Fetched[] {
  if (Array.isArray(messages)) return messages
  throw strange()
}

const textOf = (payload: string, encoding: unknown): string =>
  encoding === 'base64' ? decodeText(fromBase64(payload)) : payload
