import * as o from '../core/options.ts'
import type { PrismNotifyOptions } from './notifytypes.ts'
import { provider } from './wrong.ts'

/** The options with their defaults. */
export type PrismNotifySettings = Required<PrismNotifyOptions>

/** @throws IsomqError `CONFIG`, which names the option */
export const readNotifyOptions = (options: PrismNotifyOptions): PrismNotifySettings =>
  o.parseOptions<PrismNotifySettings>(
    provider,
    {
      queue: o.anyText(''),
      path: o.text('/platform/notify'),
      concurrency: o.count(16),
      maxBuffered: o.count(10_000),
      maxPending: o.count(1_000),
      maxUnsent: o.count(1024 * 1024, 0),
      maxKey: o.count(256, 1, 0xffff),
      maxBody: o.count(65_536, 0, 0x7fffffff),
      handlerTimeout: o.ms(0),
      redeliverAfter: o.ms(60_000),
      connectTimeout: o.ms(10_000),
      idleTimeout: o.ms(300_000),
      reconnect: o.reconnect(),
    },
    options,
  )
