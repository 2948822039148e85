import { hex } from '../core/encoding.ts'
import { IsomqError } from '../core/errors.ts'
import { excerpt, type Fetch, type HttpSetup, isSuccess, send, statusError } from '../core/http.ts'
import { textOrJson } from '../core/json.ts'
import * as o from '../core/options.ts'
import { isUntaken, retryWithin } from '../core/retry.ts'
import { clockSkew, skewHint } from '../core/skew.ts'
import { quiet, type WaitOptions } from '../core/wait.ts'
import { publishUrl, signPublish } from './publish.ts'
import { createTokens, type TamburTokens } from './tokens.ts'
import { provider, wrong } from './wrong.ts'

/** Options of `createTamburPublisher`. It holds the secret: for servers only. */
export interface TamburPublisherOptions extends o.Injected {
  apiKey: string
  appId: string
  secret: string
  /** Host, and port where it is not the usual one. Default `api.tambur.io`. */
  apiHost?: string | undefined
  /** `https`, not `http`. Default true. */
  ssl?: boolean | undefined
  /** Asks the service to explain a signature that it refuses; the error then says it. Default false. */
  debug?: boolean | undefined
  /** Milliseconds that a publish may take, its retries included; 0 sets no limit. Default 30,000. */
  timeout?: number | undefined
  /** How often a publish is tried again that the service is known not to have taken. Default 2. */
  retries?: number | undefined
  /** Default: the runtime's, looked up at every call. */
  fetch?: Fetch | undefined
}

export interface TamburPublisher extends TamburTokens {
  /**
   * Publishes to the subscribers of a stream; to those with auth mode by `auth:STREAM`, to one subscriber by
   * `private:SUBSCRIBER`. Text goes as it is, anything else as JSON. Each attempt has its own nonce and timestamp;
   * tried again is only what the service has certainly not taken: it could not be reached, or said that it is busy.
   *
   * @throws IsomqError `AUTH_REJECTED` (it says when the clock here may be off), `HTTP`, `CONNECT_FAILED` or
   * `CONNECTION_LOST` (in both it may have been taken), `TIMEOUT`, `ABORTED`, `CONFIG`
   */
  publish(stream: string, message: unknown, options?: WaitOptions): Promise<void>
}

type Settings = Required<Omit<TamburPublisherOptions, 'fetch' | 'logger'>> &
  Pick<TamburPublisherOptions, 'fetch' | 'logger'>

/** What nobody may read in an answer. */
const SECRET = /^oauth_(nonce|signature)$/
/** Characters of an explanation: it holds all that was signed. */
const MOST_SAID = 4_000

/**
 * Publishes to Tambur's streams and issues mode tokens.
 *
 * @throws IsomqError `CONFIG` when an option is wrong; the text names it
 */
export function createTamburPublisher(options: TamburPublisherOptions): TamburPublisher {
  const settings = o.parseOptions<Settings>(
    provider,
    {
      ...o.injected(),
      apiKey: o.filled(),
      appId: o.filled(),
      secret: o.filled(),
      apiHost: o.host('api.tambur.io'),
      ssl: o.flag(true),
      debug: o.flag(false),
      timeout: o.ms(30_000),
      retries: o.count(2, 0),
      fetch: o.callback(),
    },
    options,
  )
  const { clock, logger } = settings
  const http: HttpSetup = { provider, clock, fetch: settings.fetch }
  publishUrl({ ...settings, stream: 'x' })

  function trace(event: string, facts: Record<string, unknown>): void {
    // Nothing that a logger does may harm a call.
    if (logger) quiet((async () => logger({ provider, at: clock.now(), event, ...facts }))())
  }

  async function attempt(stream: string, message: string, signal: AbortSignal): Promise<void> {
    const timestamp = Math.floor(clock.now() / 1000)
    const { url, body, params } = await signPublish({
      ...settings,
      stream,
      message,
      timestamp,
      nonce: nonce(),
    })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await send(http, { url, body, signal, headers, method: 'POST' })
    trace('published', { stream, status: answer.status })
    if (isSuccess(answer)) return
    const hidden = [settings.secret, ...params.flatMap(([name, value]) => (SECRET.test(name) ? [value] : []))]
    if (answer.status !== 401 && answer.status !== 403) throw statusError(provider, answer, hidden)
    const said = excerpt(answer.text, hidden) || `status ${answer.status}`
    const text = `the service refused the signature (${said})${skewHint(clockSkew(answer.headers, clock))}`
    const debug = excerpt(answer.text, hidden, MOST_SAID)
    throw new IsomqError(provider, 'AUTH_REJECTED', text, { details: { status: answer.status, debug } })
  }

  return {
    ...createTokens(settings),
    async publish(stream, message, { signal, timeout = settings.timeout } = {}) {
      publishUrl({ ...settings, stream })
      const text = textOrJson(message, (cause) => wrong('"message" must be a text or a JSON value', cause))
      const retrying = (attempt: number, delay: number) => trace('retrying', { attempt, delay })
      const how = { ...settings, provider, may: isUntaken, retrying } as const
      await retryWithin({ signal, timeout }, how, (ended) => attempt(stream, text, ended))
    },
  }
}

const nonce = (): string => hex(globalThis.crypto.getRandomValues(new Uint8Array(16)))
