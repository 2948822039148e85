import type { Injected } from '../core/options.ts'
import type { TamarEnv } from './env.ts'
import { planetscaleStore } from './planetscale.ts'
import type { TamarBroker, TamarRedis, TamarReplies, TamarStore } from './ports.ts'
import { managementBroker, stompBroker } from './rabbitmq.ts'
import { upstashRedis } from './upstash.ts'

export interface Drivers {
  readonly redis: TamarRedis
  readonly store: TamarStore
  readonly broker: TamarBroker
}

/** The drivers that an environment asks for; its variables have been looked at. */
export function createDrivers(env: TamarEnv, injected: Injected, replies: TamarReplies): Drivers {
  const { MSG_MYSQL_HOST: host, MSG_MYSQL_URL: mysql, MSG_RABBITMQ_URL: url = '' } = env
  const access = {
    ...injected,
    url,
    username: env.MSG_RABBITMQ_USERNAME!,
    password: env.MSG_RABBITMQ_PASSWORD!,
    vhost: env.MSG_RABBITMQ_VHOST,
  }
  const broker: TamarBroker = /^ws/i.test(url) ? stompBroker(access) : managementBroker(access)
  broker.listen(replies)
  return {
    broker,
    redis: upstashRedis({ ...injected, url: env.MSG_REDIS_URL!, token: env.MSG_REDIS_TOKEN! }),
    store: planetscaleStore({
      ...injected,
      ...(mysql ? { url: mysql } : { host }),
      username: env.MSG_MYSQL_USER!,
      password: env.MSG_MYSQL_PASSWORD!,
    }),
  }
}
