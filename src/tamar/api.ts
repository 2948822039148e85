import { encodeText } from '../core/bytes.ts'
import { base64 } from '../core/encoding.ts'
import { IsomqError } from '../core/errors.ts'
import { excerpt, type Fetch, type HttpAnswer, isSuccess, send, statusError } from '../core/http.ts'
import type { Injected } from '../core/options.ts'
import { retryWithin } from '../core/retry.ts'
import type { WaitOptions } from '../core/wait.ts'
import { createGate } from './gate.ts'
import { tellRetries } from './telling.ts'
import { provider } from './wrong.ts'

export interface ApiSettings extends Required<Omit<Injected, 'logger'>>, Pick<Injected, 'logger'> {
  readonly url: string
  readonly username: string
  readonly password: string
  readonly retries: number
  readonly concurrency: number
  readonly fetch?: Fetch | undefined
}

type Request = [method: string, path: string, fields?: object]

/** RabbitMQ's HTTP API; its answers as JSON, undefined where they are empty. */
export interface Api {
  /** Asks once. */
  ask(limits: WaitOptions, ...request: Request): Promise<unknown>
  /** Asks again after what is passing; what is asked for twice must do no harm. */
  askAgain(limits: WaitOptions, ...request: Request): Promise<unknown>
}

export function createApi(settings: ApiSettings): Api {
  const { username, password } = settings
  const base = settings.url.replace(/(\/api)?\/*$/, '')
  const credentials = base64(encodeText(`${username}:${password}`))
  const headers = { authorization: `Basic ${credentials}`, 'content-type': 'application/json' }
  const hidden = [password, credentials]
  const how = { ...settings, provider, may: isPassing, retrying: tellRetries(settings, 'broker') } as const
  const gate = createGate(settings.concurrency)

  async function ask(limits: WaitOptions, ...[method, path, fields]: Request): Promise<unknown> {
    const body = fields && JSON.stringify(fields)
    const asked = { ...limits, url: `${base}/api/${path}`, method, headers, body }
    return judge(await gate(() => send(how, asked)), hidden, `${method} ${path}`)
  }

  return {
    ask,
    askAgain: (limits, ...request) => retryWithin(limits, how, (signal) => ask({ signal }, ...request)),
  }
}

/** @throws IsomqError `AUTH_REJECTED`, `PROVIDER` with RabbitMQ's reason, `HTTP`, `PROTOCOL` */
function judge(answer: HttpAnswer, hidden: readonly string[], asked: string): unknown {
  const { status, text } = answer
  const details = { status, body: excerpt(text, hidden) }
  if (status === 401 || status === 403) {
    const hint = `RabbitMQ refused ${asked}; check user, password and vhost, and what the user may do there`
    throw new IsomqError(provider, 'AUTH_REJECTED', hint, { details })
  }
  if (isSuccess(answer) && text === '') return undefined
  try {
    const found = JSON.parse(text)
    if (isSuccess(answer)) return found
    if (status < 500 && typeof found?.reason === 'string') {
      const said = excerpt(found.reason, hidden)
      throw new IsomqError(provider, 'PROVIDER', `RabbitMQ answered with "${said}" to ${asked}`, { details })
    }
  } catch (thrown) {
    if (thrown instanceof IsomqError) throw thrown
    // The reason would quote the text, and with it what may not be shown.
    if (isSuccess(answer)) throw strange(details)
  }
  throw statusError(provider, answer, hidden)
}

export const strange = (details?: Readonly<Record<string, unknown>>): IsomqError => {
  const what = 'RabbitMQ answered with something else; check that the URL is that of its HTTP API'
  return new IsomqError(provider, 'PROTOCOL', what, details && { details })
}

/** Whether to try again; to publish twice does no harm. */
const isPassing = (error: unknown): boolean =>
  error instanceof IsomqError && (error.retryable || error.code === 'CONNECTION_LOST')
