import type { Fetch } from '../core/http.ts'
import * as o from '../core/options.ts'
import type { WebSocketClass } from '../core/socket.ts'
import type { PrismSigned } from './sign.ts'
import { provider, wrong } from './wrong.ts'

/** Options of `createPrismClient`. */
export interface PrismClientOptions extends o.Injected {
  /** Such as `https://HOST/api` or, for the sandbox, `https://HOST/api-sandbox`. */
  baseUrl: string
  /** The application's key, which the protocol calls `client_id`. */
  key: string
  /** Signs every call; never travels, save with `auth: 'secret'`. Either this or `sign`. */
  secret?: string | undefined
  /** Makes signatures somewhere else, for pages, which must not have the secret. Either this or `secret`. */
  sign?: ((request: PrismSigned) => string | Promise<string>) | undefined
  /** The token of the user in whose name to call, or what gives it; asked for every attempt. */
  accessToken?: string | (() => string | Promise<string>) | undefined
  /**
   * `sign` (the default) signs every call; `secret` sends the secret instead, as the vendor's own clients do, which
   * needs `https`. Notify is always signed.
   */
  auth?: 'sign' | 'secret' | undefined
  /** Milliseconds that a call may take, its retries included; 0 sets no limit. Default 30,000. */
  timeout?: number | undefined
  /** How often a GET is tried again. Default 2. */
  retries?: number | undefined
  /** Default: the runtime's, looked up at every call. */
  fetch?: Fetch | undefined
  /** Default: the runtime's, or that of `ws` where it has none. */
  WebSocket?: WebSocketClass | undefined
}

type Without = 'secret' | 'sign' | 'accessToken' | 'fetch' | 'WebSocket' | 'logger'

/** The options with their defaults. */
export type PrismSettings = Required<Omit<PrismClientOptions, Without>> & Pick<PrismClientOptions, Without>

/** @throws IsomqError `CONFIG`, which names the option */
export function readOptions(options: PrismClientOptions): PrismSettings {
  const settings = o.parseOptions<PrismSettings>(
    provider,
    {
      ...o.injected(),
      baseUrl: o.url('http'),
      key: o.filled(),
      secret: o.text(),
      sign: o.callback(),
      accessToken: o.textOrCallback(),
      auth: o.word('sign', 'secret'),
      timeout: o.ms(30_000),
      retries: o.count(2, 0),
      fetch: o.callback(),
      WebSocket: o.callback(),
    },
    options,
  )
  const { secret, sign, auth, baseUrl } = settings
  const fault = (option: string, text: string) => wrong(text, undefined, { option })
  if ((secret === undefined) === (sign === undefined)) {
    throw fault('secret', 'give one of the options "secret" and "sign"')
  }
  const { protocol, origin, pathname } = new URL(baseUrl)
  if (/[?#]/.test(baseUrl)) throw fault('baseUrl', 'the option "baseUrl" must have no query and no fragment')
  if (auth === 'secret' && (protocol !== 'https:' || secret === undefined)) {
    const text =
      'the option "auth" may be "secret" only with a "secret" and a "baseUrl" of https://: nothing else hides it'
    throw fault('auth', text)
  }
  return { ...settings, baseUrl: origin + pathname }
}
