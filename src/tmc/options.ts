import type { ReconnectOptions } from '../core/backoff.ts'
import { IsomqError } from '../core/errors.ts'
import * as o from '../core/options.ts'
import type { WebSocketClass } from '../core/socket.ts'
import type { TmcSignFields } from './sign.ts'

/** Options of `createTmcClient`. */
export interface TmcClientOptions extends o.Injected {
  appKey: string
  /** Signs the sign-in; never travels. Either this or `sign`. */
  appSecret?: string | undefined
  /** Makes the sign-in's signature somewhere else; called once per attempt. Either this or `appSecret`. */
  sign?: ((fields: TmcSignFields) => string | Promise<string>) | undefined
  /** The group whose messages to consume. Default `default`. */
  groupName?: string | undefined
  /** Default `ws://mc.api.taobao.com/`, the production server. */
  url?: string | undefined
  /** Sockets on the group; each message goes to one of them. Default 1. */
  connections?: number | undefined
  /** Milliseconds between pull requests, which are also the keep-alive; 0 sends none. Default 30,000. */
  pullInterval?: number | undefined
  /** Handlers of `on('message')` that may run at once. Default 16. */
  concurrency?: number | undefined
  /** Messages that may wait for a consumer; more are left with the server. Default 1,000. */
  maxBuffered?: number | undefined
  /** `produce` calls that may be under way; more are `QUEUE_FULL`. Default 1,000. */
  maxPending?: number | undefined
  /**
   * Milliseconds from a message's arrival to its deadline; past it the message is not confirmed and comes
   * again. Default 50,000, below the minute after which the server sends it again anyway; 0 sets none.
   */
  handlerTimeout?: number | undefined
  /** Milliseconds the server has to answer a `produce` once it was sent. Default 2,000. */
  answerTimeout?: number | undefined
  /** Milliseconds for signing, opening the socket and signing in together. Default 5,000. */
  connectTimeout?: number | undefined
  /**
   * Milliseconds of silence after which a socket is replaced; 0 never. Default 300,000: a quiet shop's server
   * says nothing, and what a dead line held back comes again after as long.
   */
  idleTimeout?: number | undefined
  /** Bytes that compressed content may inflate to. Default 8 MiB. */
  maxContent?: number | undefined
  /**
   * Milliseconds during which a message that was handled is confirmed at once, and not handed out, when it
   * comes again. Default 0: off.
   */
  dedupe?: number | undefined
  /** When to try again; false never does. */
  reconnect?: false | ReconnectOptions | undefined
  /** Names this client to the server. Default `isomq`. */
  sdk?: string | undefined
  /** Free text that the official clients send along. Default: left out. */
  intranetIp?: string | undefined
  /** Further headers of the sign-in, such as `token`, `minor_group`, `filter_exp`, `out_id`. */
  headers?: Record<string, string> | undefined
  /** Default: the runtime's, or that of `ws` where it has none. */
  WebSocket?: WebSocketClass | undefined
}

type Without = 'appSecret' | 'sign' | 'intranetIp' | 'WebSocket' | 'logger'

/** The options with their defaults. */
export type TmcSettings = Required<Omit<TmcClientOptions, Without>> & Pick<TmcClientOptions, Without>

/** @throws IsomqError `CONFIG`, which names the option */
export function readOptions(options: TmcClientOptions): TmcSettings {
  const settings = o.parseOptions<TmcSettings>(
    'tmc',
    {
      ...o.injected(),
      appKey: o.filled(),
      appSecret: o.text(),
      sign: o.callback(),
      groupName: o.text('default'),
      url: o.url('ws', 'ws://mc.api.taobao.com/'),
      connections: o.count(1),
      pullInterval: o.ms(30_000),
      concurrency: o.count(16),
      maxBuffered: o.count(1_000),
      maxPending: o.count(1_000),
      handlerTimeout: o.ms(50_000),
      answerTimeout: o.ms(2_000),
      connectTimeout: o.ms(5_000),
      idleTimeout: o.ms(300_000),
      maxContent: o.count(8 * 1024 * 1024),
      dedupe: o.ms(0),
      reconnect: o.reconnect(),
      sdk: o.text('isomq'),
      intranetIp: o.text(),
      headers: o.texts(),
      WebSocket: o.callback(),
    },
    options,
  )
  secretOrSign(settings)
  return settings
}

/** Exactly one of the two has to be given. */
export function secretOrSign({ appSecret, sign }: { appSecret?: unknown; sign?: unknown }): void {
  if ((appSecret === undefined) !== (sign === undefined)) return
  const text = 'give one of the options "appSecret" and "sign"'
  throw new IsomqError('tmc', 'CONFIG', text, { details: { option: 'appSecret' } })
}
