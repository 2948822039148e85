import type { ReconnectOptions } from '../core/backoff.ts'
import * as o from '../core/options.ts'
import type { WebSocketClass } from '../core/socket.ts'
import { readAuth, type WampAuth } from './auth.ts'
import { provider, wrong } from './wrong.ts'

/** Options of `createWampSession`. */
export interface WampSessionOptions extends o.Injected {
  url: string
  /** The version of WAMP: 1 for WebMQ and AutobahnJS 0.x, 2 for Crossbar.io and all that is alive. Default 2. */
  version?: 1 | 2 | undefined
  /** Version 2. Default `realm1`. */
  realm?: string | undefined
  /** Who signs in. Default: version 1 does not, version 2 does as nobody in particular. */
  auth?: WampAuth | undefined
  /** What `name:rest` means in topics and procedures, by name. */
  prefixes?: Record<string, string> | undefined
  /** Milliseconds the server has to answer what has no timeout of its own. Default 30,000. */
  answerTimeout?: number | undefined
  /** Calls that may wait for an answer; more are `QUEUE_FULL`. Default 10,000. */
  maxPending?: number | undefined
  /** Milliseconds for opening the socket and signing in together. Default 10,000. */
  connectTimeout?: number | undefined
  /**
   * Milliseconds of silence after which a call asks for a sign of life; without one in 10,000 more the socket is
   * replaced; 0 never. Default 300,000.
   */
  idleTimeout?: number | undefined
  /** When to try again; false never does. */
  reconnect?: false | ReconnectOptions | undefined
  /** Default: the runtime's, or that of `ws` where it has none. */
  WebSocket?: WebSocketClass | undefined
}

type Without = 'auth' | 'WebSocket' | 'logger'
/** The options with their defaults. */
export type WampSettings = Required<Omit<WampSessionOptions, Without>> & Pick<WampSessionOptions, Without>

/** @throws IsomqError `CONFIG`, which names the option */
export function readOptions(options: WampSessionOptions): WampSettings {
  const settings = o.parseOptions<WampSettings>(
    provider,
    {
      ...o.injected(),
      url: o.url('ws'),
      version: o.count(2, 1, 2) as o.Piece<1 | 2>,
      realm: o.text('realm1'),
      auth: o.object(),
      prefixes: o.texts(),
      answerTimeout: o.ms(30_000),
      maxPending: o.count(10_000),
      connectTimeout: o.ms(10_000),
      idleTimeout: o.ms(300_000),
      reconnect: o.reconnect(),
      WebSocket: o.callback(),
    },
    options,
  )
  for (const [name, uri] of Object.entries(settings.prefixes)) checkPrefix(name, uri)
  return { ...settings, auth: readAuth(settings.auth, settings.version) }
}

/** @throws IsomqError `CONFIG` */
export function checkPrefix(name: unknown, uri: unknown): void {
  if (typeof name === 'string' && name !== '' && !name.includes(':') && typeof uri === 'string' && uri !== '')
    return
  throw wrong('"prefixes" are names without ":" for URIs that are not empty', undefined, {
    option: 'prefixes',
  })
}
