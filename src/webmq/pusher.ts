import { IsomqError } from '../core/errors.ts'
import { excerpt, type Fetch, type HttpAnswer, type HttpSetup, send, statusError } from '../core/http.ts'
import * as o from '../core/options.ts'
import { isUntaken, retryWithin } from '../core/retry.ts'
import { clockSkew, skewHint } from '../core/skew.ts'
import { quiet, type WaitOptions } from '../core/wait.ts'
import { finishPush, type PushReceivers, preparePush } from './push.ts'
import type { PushDialect } from './sign.ts'
import { bothOrNone, provider, wrong } from './wrong.ts'

/** What both clients over HTTP take. */
export interface BridgeOptions extends o.Injected {
  /** The URL to which to POST. */
  endpoint: string
  /** With a secret every call is signed; both or neither. */
  key?: string | undefined
  secret?: string | undefined
  /** Milliseconds that a call may take, its retries included; 0 sets no limit. Default 30,000. */
  timeout?: number | undefined
  /** How often a call is tried again that the server is known not to have taken. Default 2. */
  retries?: number | undefined
  /** Default: the runtime's, looked up at every call. */
  fetch?: Fetch | undefined
}

/** Options of `createPushClient`. */
export interface PushClientOptions extends BridgeOptions {
  /** `webmq` (the default), or `autobahn` for the vendor's broker of 2012. */
  dialect?: PushDialect | undefined
}

export interface PushOptions extends PushReceivers, WaitOptions {}

export interface PushClient {
  /**
   * Publishes an event to the subscribers of a topic; resolves when the broker has taken it. Each attempt is signed
   * with its own time; tried again is only what the broker has certainly not taken.
   *
   * @throws IsomqError `CONFIG` when the event is no JSON, before anything is sent; `AUTH_REJECTED`, `HTTP` with
   * status and body, `CONNECT_FAILED` or `CONNECTION_LOST` (in both it may have been taken), `TIMEOUT`, `ABORTED`
   */
  push(topic: string, event: unknown, options?: PushOptions): Promise<void>
}

type Optional = 'key' | 'secret' | 'fetch' | 'logger'
/** The options with their defaults. */
export type BridgeSettings = Required<Omit<BridgeOptions, Optional>> & Pick<BridgeOptions, Optional>

export const bridgePieces = (): { [K in keyof BridgeSettings]-?: o.Piece<BridgeSettings[K]> } => ({
  ...o.injected(),
  endpoint: o.url('http'),
  key: o.text(),
  secret: o.text(),
  timeout: o.ms(30_000),
  retries: o.count(2, 0),
  fetch: o.callback(),
})

/** One attempt of a call: made anew each time, with a fresh signature. */
export interface BridgeCall {
  readonly url: string
  readonly body: string
  readonly type: string
  readonly signature: string | undefined
}

/** Sends a call, and again while that is safe; gives the answer whatever its status, save that of a refusal. */
export function sendCall(
  settings: BridgeSettings,
  { signal, timeout = settings.timeout }: WaitOptions,
  make: () => Promise<BridgeCall>,
  judge: (answer: HttpAnswer, hidden: readonly string[]) => void,
): Promise<HttpAnswer> {
  const { clock, fetch, logger } = settings
  const http: HttpSetup = { provider, clock, fetch }
  const trace = (event: string, facts: object) => {
    // Nothing that a logger does may harm a call.
    if (logger) quiet((async () => logger({ provider, at: clock.now(), event, ...facts }))())
  }
  const retrying = (attempt: number, delay: number) => trace('retrying', { attempt, delay })
  const how = { ...settings, provider, may: isUntaken, retrying } as const
  return retryWithin({ signal, timeout }, how, async (ended) => {
    const { url, body, type, signature = '' } = await make()
    const headers = { 'content-type': type }
    const answer = await send(http, { url, body, headers, method: 'POST', signal: ended })
    trace('answered', { status: answer.status })
    const hidden = [settings.secret ?? '', signature]
    refused(answer, hidden, settings)
    judge(answer, hidden)
    return answer
  })
}

/** @throws IsomqError `AUTH_REJECTED` */
function refused(
  { status, text, headers }: HttpAnswer,
  hidden: readonly string[],
  { clock }: BridgeSettings,
): void {
  if (status !== 401 && status !== 403) return
  const said = excerpt(text, hidden) || `status ${status}`
  const hint = skewHint(clockSkew(headers, clock)) || '; check key, secret and the clock'
  throw new IsomqError(provider, 'AUTH_REJECTED', `the server refused the call (${said})${hint}`, {
    details: { status, body: said },
  })
}

/**
 * Pushes events over HTTP to WebMQ's topics.
 *
 * @throws IsomqError `CONFIG` when an option is wrong; the text names it
 */
export function createPushClient(options: PushClientOptions): PushClient {
  type Settings = BridgeSettings & { readonly dialect: PushDialect }
  const settings = o.parseOptions<Settings>(
    provider,
    { ...bridgePieces(), dialect: o.word('webmq', 'autobahn') },
    options,
  )
  checkEndpoint(settings)
  const { clock } = settings
  return {
    async push(topic, event, { eligible, exclude, ...limits } = {}) {
      // What is wrong with it shows before anything waits, and what becomes of it later does not matter.
      const prepared = preparePush({ topic, event, eligible, exclude })
      const make = async (): Promise<BridgeCall> => {
        const timestamp = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`
        const made = await finishPush(prepared, { ...settings, timestamp })
        return { ...made, type: 'application/x-www-form-urlencoded' }
      }
      await sendCall(settings, limits, make, (answer, hidden) => {
        if (answer.status !== 202) throw statusError(provider, answer, hidden)
      })
    },
  }
}

/** Key and secret go together, and an endpoint's own query would be taken for ours. */
export function checkEndpoint(
  settings: BridgeSettings,
  option = 'endpoint',
  url: string = settings.endpoint,
): void {
  bothOrNone(settings)
  if (!/[?#]/.test(url)) return
  throw wrong(`the option "${option}" must have no query and no fragment`, undefined, { option })
}
