import type { ReconnectOptions } from '../core/backoff.ts'
import type { ConnectionStatus } from '../core/connection.ts'
import type { DeliveryStats } from '../core/delivery.ts'
import type { Fetch } from '../core/http.ts'
import * as o from '../core/options.ts'
import type { ReceiverEvents } from '../core/receiver.ts'
import type { WaitOptions } from '../core/wait.ts'
import type { TmcMessage } from './message.ts'
import type { TmcMethods } from './methods.ts'
import { secretOrSign } from './options.ts'
import type { TopSignMethod } from './sign.ts'
import type { TmcConsumer } from './types.ts'

/** Options of `createTmcPoller`. */
export interface TmcPollerOptions extends o.Injected {
  appKey: string
  /** Signs the calls; never travels. Either this or `sign`. */
  appSecret?: string | undefined
  /** Makes a call's signature over all its fields somewhere else. Either this or `appSecret`. */
  sign?: ((params: Readonly<Record<string, string>>) => string | Promise<string>) | undefined
  /** Default `md5`. */
  signMethod?: TopSignMethod | undefined
  /** Default `default`. */
  groupName?: string | undefined
  /** Default `https://eco.taobao.com/router/rest`, the production gateway. */
  url?: string | undefined
  /** Messages to ask for at once, 10 to 200. Default 100. */
  quantity?: number | undefined
  /** Pause after an answer without messages, in milliseconds; it doubles up to `maxWait`. Default 1,000. */
  minWait?: number | undefined
  /** Longest pause between two polls, in milliseconds. Default 30,000. */
  maxWait?: number | undefined
  /** Milliseconds that confirms are collected for, so that one call takes up to 200. Default 50. */
  confirmDelay?: number | undefined
  /** Milliseconds for one call. Default 10,000. */
  timeout?: number | undefined
  /** Handlers of `on('message')` that may run at once. Default 16. */
  concurrency?: number | undefined
  /** Messages that may wait for a consumer. Default 1,000. */
  maxBuffered?: number | undefined
  /** Milliseconds from a message's arrival to its deadline; 0 sets none. Default 50,000. */
  handlerTimeout?: number | undefined
  /** When to try again after a poll failed; false never does. */
  reconnect?: false | ReconnectOptions | undefined
  /** Default: the runtime's. */
  fetch?: Fetch | undefined
}

export type TmcPollerStatus = ConnectionStatus

export type TmcPollerEvents = ReceiverEvents<TmcMessage, TmcPollerStatus>

export interface TmcPollerStats extends DeliveryStats {
  readonly reconnects: number
}

export interface TmcPoller extends TmcConsumer<TmcPollerEvents>, Omit<TmcMethods, 'confirm'> {
  /** Resolves when the first poll was answered. Default `timeout` 30,000 ms; throws as `createTmcClient`'s does. */
  connect(options?: WaitOptions): Promise<void>
  /** Confirms messages by their ids. */
  confirm(ids: readonly (string | bigint)[], options?: WaitOptions): Promise<void>
  stats(): TmcPollerStats
}

type Without = 'appSecret' | 'sign' | 'fetch' | 'logger'

/** The options with their defaults. */
export type TmcPollerSettings = Required<Omit<TmcPollerOptions, Without>> & Pick<TmcPollerOptions, Without>

/** @throws IsomqError `CONFIG`, which names the option */
export function readPollerOptions(options: TmcPollerOptions): TmcPollerSettings {
  const settings = o.parseOptions<TmcPollerSettings>(
    'tmc',
    {
      ...o.injected(),
      appKey: o.filled(),
      appSecret: o.text(),
      sign: o.callback(),
      signMethod: o.word('md5', 'hmac', 'hmac-sha256'),
      groupName: o.text('default'),
      url: o.url('http', 'https://eco.taobao.com/router/rest'),
      quantity: o.count(100, 10, 200),
      minWait: o.count(1_000, 1, 2 ** 31 - 1),
      maxWait: o.ms(30_000),
      confirmDelay: o.ms(50),
      timeout: o.ms(10_000),
      concurrency: o.count(16),
      maxBuffered: o.count(1_000),
      handlerTimeout: o.ms(50_000),
      reconnect: o.reconnect(),
      fetch: o.callback(),
    },
    options,
  )
  secretOrSign(settings)
  return settings
}
