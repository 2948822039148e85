import { decodeText, encodeText } from '../core/bytes.ts'
import { alarm } from '../core/clock.ts'
import { base64, fromBase64, percent } from '../core/encoding.ts'
import { IsomqError } from '../core/errors.ts'
import { excerpt, type Fetch, type HttpAnswer, isSuccess, send, statusError } from '../core/http.ts'
import * as o from '../core/options.ts'
import { retryWithin } from '../core/retry.ts'
import { abort, quiet, type WaitOptions } from '../core/wait.ts'
import { accessPieces, type BrokerAccess } from './access.ts'
import { createGate } from './gate.ts'
import type { TamarBroker, TamarReplies } from './ports.ts'
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

/** Answers that are fetched at once. */
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
  const { clock, username, password, exchange, routingKey, pollEvery, expires, timeout } = settings
  if (pollEvery * 2 > expires) {
    const text =
      'the option "pollEvery" must be at most half of "expires", or RabbitMQ drops the queue for answers'
    throw wrong(text, undefined, { option: 'pollEvery' })
  }
  const vhost = percent(settings.vhost)
  const base = settings.url.replace(/\/$/, '')
  const credentials = base64(encodeText(`${username}:${password}`))
  const authorization = `Basic ${credentials}`
  const hidden = [password, credentials]
  const queue = `isomq.replies.${globalThis.crypto.randomUUID()}`
  const how = { ...settings, provider, may: isPassing } as const
  const gate = createGate(settings.concurrency)
  let replies: TamarReplies | undefined
  /** When the queue was last declared or asked. */
  let seenAt = Number.NEGATIVE_INFINITY
  let declaring: Promise<unknown> | undefined
  /** Ends the question for answers that is planned or under way. */
  let polling: AbortController | undefined
  /** Questions in a row that were not answered. */
  let failures = 0
  let closed = false

  function trace(event: string, facts: Record<string, unknown>): void {
    // Nothing that a logger does may harm a call.
    if (settings.logger) {
      const { logger } = settings
      quiet((async () => logger({ provider, at: clock.now(), event, ...facts }))())
    }
  }

  /** One request; gives the JSON of the answer, undefined where it has none. */
  async function ask(method: string, path: string, fields: object | undefined, limits: WaitOptions) {
    const headers = { authorization, 'content-type': 'application/json' }
    const body = fields && JSON.stringify(fields)
    const asked = { ...limits, url: `${base}/api/${path}`, method, headers, body }
    const answer = await gate(() => send(how, asked))
    return judge(answer, hidden)
  }

  const askAgain = (limits: WaitOptions, ...[method, path, fields]: [string, string, object?]) =>
    retryWithin(limits, how, (signal) => ask(method, path, fields, { signal }))

  /** The queue for answers is there for a while from now on. */
  async function declare(limits: WaitOptions): Promise<void> {
    if (clock.now() - seenAt < expires / 2) return
    const fields = { durable: false, auto_delete: false, arguments: { 'x-expires': expires } }
    declaring ??= askAgain(limits, 'PUT', `queues/${vhost}/${queue}`, fields).finally(() => {
      declaring = undefined
    })
    await declaring
    seenAt = clock.now()
  }

  async function poll({ signal }: AbortController): Promise<void> {
    let messages: readonly Fetched[] = []
    try {
      await declare({ timeout, signal })
      const fields = { count: BATCH, ackmode: 'ack_requeue_false', encoding: 'auto' }
      messages = listOf(await ask('POST', `queues/${vhost}/${queue}/get`, fields, { timeout, signal }))
      seenAt = clock.now()
      failures = 0
    } catch (error) {
      if (signal.aborted) return
      // What an answer holds is gone from the queue, also when it does not arrive; and the queue may be gone.
      seenAt = Number.NEGATIVE_INFINITY
      failures++
      missed(error)
    }
    for (const message of messages) hand(message)
    polling = undefined
    plan(messages.length < BATCH ? Math.min(pollEvery * 2 ** failures, SLOWEST) : 1)
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
    trace('unasked', { error: String(error) })
    replies?.lost()
  }

  function plan(pause: number): void {
    if (polling || closed || !replies?.waiting) return
    const now = new AbortController()
    polling = now
    const cancel = alarm(clock, pause, () => void poll(now))
    now.signal.addEventListener('abort', cancel)
  }

  return {
    async publish({ body, correlationId }, limits) {
      if (closed) throw new IsomqError(provider, 'CLOSED', 'the broker is closed')
      if (correlationId !== undefined) await declare(limits)
      const answering = correlationId && { correlation_id: correlationId, reply_to: queue }
      const properties = { delivery_mode: 2, content_type: 'application/json', ...answering }
      const fields = { properties, routing_key: routingKey, payload: body, payload_encoding: 'string' }
      const path = `exchanges/${vhost}/${percent(exchange)}/publish`
      const { routed } = Object(await askAgain(limits, 'POST', path, fields)) as { routed?: unknown }
      if (routed !== true) {
        const text = `no queue is bound to the exchange "${exchange}" with "${routingKey}"; is the gateway set up?`
        throw new IsomqError(provider, 'PROVIDER', text, { details: { routed }, retryable: true })
      }
      if (correlationId !== undefined) plan(pollEvery)
    },
    listen(listener) {
      if (replies) throw wrong('this broker serves another client already; make one for each')
      replies = listener
    },
    async connect(limits) {
      closed = false
      await askAgain(limits, 'GET', `exchanges/${vhost}/${percent(exchange)}`)
    },
    async close() {
      closed = true
      if (polling) abort(polling, new IsomqError(provider, 'CLOSED', 'the broker is closed'))
      polling = undefined
    },
  }
}

/** @throws IsomqError `AUTH_REJECTED`, `PROVIDER` with RabbitMQ's reason, `HTTP`, `PROTOCOL` */
function judge(answer: HttpAnswer, hidden: readonly string[]): unknown {
  const { status, text } = answer
  const details = { status, body: excerpt(text, hidden) }
  if (status === 401 || status === 403) {
    const hint =
      'RabbitMQ refused the sign-in; check user and password, and that the user may use the HTTP API'
    throw new IsomqError(provider, 'AUTH_REJECTED', hint, { details })
  }
  if (isSuccess(answer) && text === '') return undefined
  try {
    const found = JSON.parse(text)
    if (isSuccess(answer)) return found
    if (status < 500 && typeof found?.reason === 'string') {
      const said = excerpt(found.reason, hidden)
      throw new IsomqError(provider, 'PROVIDER', `RabbitMQ answered with "${said}"`, { details })
    }
  } catch (thrown) {
    if (thrown instanceof IsomqError) throw thrown
    // The reason would quote the text, and with it what may not be shown.
    if (isSuccess(answer)) throw strange(details)
  }
  throw statusError(provider, answer, hidden)
}

const strange = (details?: Readonly<Record<string, unknown>>): IsomqError => {
  const what = 'RabbitMQ answered with something else; check that the URL is that of its HTTP API'
  return new IsomqError(provider, 'PROTOCOL', what, details && { details })
}

/** @throws IsomqError `PROTOCOL` when it is no list */
function listOf(messages: unknown): readonly Fetched[] {
  if (Array.isArray(messages)) return messages
  throw strange()
}

/** Whether to try again; to publish twice does no harm. */
const isPassing = (error: unknown): boolean =>
  error instanceof IsomqError && (error.retryable || error.code === 'CONNECTION_LOST')

const textOf = (payload: string, encoding: unknown): string =>
  encoding === 'base64' ? decodeText(fromBase64(payload)) : payload
