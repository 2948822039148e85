import type { ReconnectOptions } from '../core/backoff.ts'
import { IsomqError } from '../core/errors.ts'
import type { Fetch } from '../core/http.ts'
import * as o from '../core/options.ts'
import type { WebSocketClass } from '../core/socket.ts'
import type { TamburTokenAsk } from './tokens.ts'
import { provider } from './wrong.ts'

/** Options of `createTamburConnection`. No secret is among them: pages may have them all. */
export interface TamburConnectionOptions extends o.Injected {
  /** Either these two and `balancer`, or `url`. */
  apiKey?: string | undefined
  appId?: string | undefined
  /** Host that says where the socket is, and port where it is not the usual one. */
  balancer?: string | undefined
  /** The socket's URL, in place of a balancer. */
  url?: string | undefined
  /** `https` and `wss` with a balancer, not `http` and `ws`. Default true. */
  ssl?: boolean | undefined
  /**
   * Gives the token of a mode; asked again after every reconnect, since a token holds for one subscriber id. See
   * `fetchToken`. Needed for modes only.
   */
  token?: ((ask: TamburTokenAsk & { readonly signal: AbortSignal }) => string | Promise<string>) | undefined
  /** Milliseconds that `token` may take; 0 sets no limit. Default 10,000. */
  tokenTimeout?: number | undefined
  /** Milliseconds the service has to answer a command once it was sent. Default 10,000. */
  answerTimeout?: number | undefined
  /** Calls of `open` and `direct` that may wait; more are `QUEUE_FULL`. Default 10,000. */
  maxPending?: number | undefined
  /** Milliseconds for the balancer, the socket and the handshake together. Default 10,000. */
  connectTimeout?: number | undefined
  /**
   * Milliseconds of silence after which the service is asked for a sign of life; without one for 10 seconds more the
   * socket is replaced. 0 never does. Default 300,000.
   */
  idleTimeout?: number | undefined
  /** When to try again; false never does. */
  reconnect?: false | ReconnectOptions | undefined
  /** Default: the runtime's, looked up at every call. */
  fetch?: Fetch | undefined
  /** Default: the runtime's, or that of `ws` where it has none. */
  WebSocket?: WebSocketClass | undefined
}

type Without = 'apiKey' | 'appId' | 'balancer' | 'url' | 'token' | 'fetch' | 'WebSocket' | 'logger'

/** The options with their defaults. */
export type TamburSettings = Required<Omit<TamburConnectionOptions, Without>> &
  Pick<TamburConnectionOptions, Without>

/** @throws IsomqError `CONFIG`, which names the option */
export function readOptions(options: TamburConnectionOptions): TamburSettings {
  const settings = o.parseOptions<TamburSettings>(
    provider,
    {
      ...o.injected(),
      apiKey: o.text(),
      appId: o.text(),
      balancer: o.host(),
      url: o.optionalUrl('ws'),
      ssl: o.flag(true),
      token: o.callback(),
      tokenTimeout: o.ms(10_000),
      answerTimeout: o.ms(10_000),
      maxPending: o.count(10_000),
      connectTimeout: o.ms(10_000),
      idleTimeout: o.ms(300_000),
      reconnect: o.reconnect(),
      fetch: o.callback(),
      WebSocket: o.callback(),
    },
    options,
  )
  const { url, balancer } = settings
  const isBoth = (url === undefined) === (balancer === undefined)
  const lacking = (['apiKey', 'appId'] as const).find((name) => settings[name] === undefined)
  const option = isBoth ? 'url' : balancer && lacking
  if (!option) return settings
  const text = `the option "${option}" does not fit the others: give "url", or "balancer", "apiKey" and "appId"`
  throw new IsomqError(provider, 'CONFIG', text, { details: { option } })
}
