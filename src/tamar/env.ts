import type { Injected } from '../core/options.ts'
import type { WaitOptions } from '../core/wait.ts'
import { createTamarClient } from './client.ts'
import type { TamarBroker, TamarRedis, TamarReplies, TamarStore } from './ports.ts'
import type { TamarClient, TamarClientOptions } from './types.ts'
import { wrong } from './wrong.ts'

/**
 * What {@link fromEnv} reads. Of the names that the Python SDK reads it takes those that mean the same here; hosts and
 * ports of TCP sockets become URLs.
 */
export interface TamarEnv {
  /** URL of Upstash's REST API. */
  readonly MSG_REDIS_URL?: string | undefined
  readonly MSG_REDIS_TOKEN?: string | undefined
  /** Host of the database at PlanetScale; or `MSG_MYSQL_URL`. */
  readonly MSG_MYSQL_HOST?: string | undefined
  /** URL of an API like PlanetScale's. */
  readonly MSG_MYSQL_URL?: string | undefined
  readonly MSG_MYSQL_USER?: string | undefined
  readonly MSG_MYSQL_PASSWORD?: string | undefined
  /** `wss://HOST/ws` for Web STOMP, `https://HOST` for the HTTP API. */
  readonly MSG_RABBITMQ_URL?: string | undefined
  readonly MSG_RABBITMQ_USERNAME?: string | undefined
  readonly MSG_RABBITMQ_PASSWORD?: string | undefined
  /** Default `/`. */
  readonly MSG_RABBITMQ_VHOST?: string | undefined
}

const NEEDED = [
  'MSG_REDIS_URL',
  'MSG_REDIS_TOKEN',
  'MSG_MYSQL_USER',
  'MSG_MYSQL_PASSWORD',
  'MSG_RABBITMQ_URL',
  'MSG_RABBITMQ_USERNAME',
  'MSG_RABBITMQ_PASSWORD',
] as const

const URLS = ['MSG_REDIS_URL', 'MSG_MYSQL_URL', 'MSG_RABBITMQ_URL'] as const

/**
 * A client with the drivers for Upstash, PlanetScale and RabbitMQ, which are loaded when they are first used.
 *
 * @throws IsomqError `CONFIG`, which names all variables that are missing
 */
export function fromEnv(
  env: TamarEnv | Readonly<Record<string, unknown>>,
  options: Omit<TamarClientOptions, 'redis' | 'store' | 'broker'> = {},
): TamarClient {
  const given = Object(env) as TamarEnv
  const missing: string[] = NEEDED.filter((name) => !given[name])
  if (!given.MSG_MYSQL_HOST && !given.MSG_MYSQL_URL) missing.push('MSG_MYSQL_HOST or MSG_MYSQL_URL')
  if (missing.length > 0) {
    throw wrong(`the environment lacks ${missing.join(', ')}; set them`, undefined, { missing })
  }
  for (const name of URLS) {
    const url = given[name]
    const isBroker = name === 'MSG_RABBITMQ_URL'
    const fits = isBroker ? /^(ws|http)s?:\/\/[^/?#@]+([/?#]|$)/i : /^https?:\/\/[^/?#@]+([/?#]|$)/i
    if (url && !(fits.test(url) && URL.canParse(url))) {
      const says = `starts with ${isBroker ? 'wss:// or https://' : 'https://'}, without user and password`
      throw wrong(`${name} must be a URL that ${says}`, undefined, { option: name })
    }
  }
  if (!given.MSG_MYSQL_URL && !/^[^\s/?#@\\]+$/.test(given.MSG_MYSQL_HOST!)) {
    throw wrong('MSG_MYSQL_HOST must be a host such as aws.connect.psdb.cloud', undefined, {
      option: 'MSG_MYSQL_HOST',
    })
  }
  const { clock, random, logger } = options
  const injected: Injected = { clock, random, logger }
  return createTamarClient({
    ...options,
    redis: redisOf(given, injected),
    store: storeOf(given, injected),
    broker: brokerOf(given, injected),
  })
}

/** Makes something when it is first needed, and tries again after a failure. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make().catch((error) => {
      made = undefined
      throw error
    })
    return made
  }
}

function redisOf(env: TamarEnv, injected: Injected): TamarRedis {
  const redis = once(async () => {
    const { upstashRedis } = await import('./upstash.ts')
    return upstashRedis({ ...injected, url: env.MSG_REDIS_URL!, token: env.MSG_REDIS_TOKEN! })
  })
  return {
    publish: async (channel, message, limits) => (await redis()).publish(channel, message, limits),
    incr: async (key, limits) => (await redis()).incr(key, limits),
  }
}

function storeOf(env: TamarEnv, injected: Injected): TamarStore {
  const store = once(async () => {
    const { planetscaleStore } = await import('./planetscale.ts')
    const { MSG_MYSQL_HOST: host, MSG_MYSQL_URL: url } = env
    return planetscaleStore({
      ...injected,
      // An empty variable is none.
      ...(url ? { url } : { host }),
      username: env.MSG_MYSQL_USER!,
      password: env.MSG_MYSQL_PASSWORD!,
    })
  })
  return {
    insert: async (row, limits) => (await store()).insert(row, limits),
    select: async (ids, limits) => (await store()).select(ids, limits),
  }
}

function brokerOf(env: TamarEnv, injected: Injected): TamarBroker {
  let listener: TamarReplies | undefined
  let opening: Promise<TamarBroker> | undefined
  const open = once(async () => {
    const { managementBroker, stompBroker } = await import('./rabbitmq.ts')
    const access = {
      ...injected,
      url: env.MSG_RABBITMQ_URL!,
      username: env.MSG_RABBITMQ_USERNAME!,
      password: env.MSG_RABBITMQ_PASSWORD!,
      vhost: env.MSG_RABBITMQ_VHOST || undefined,
    }
    const opened: TamarBroker = /^ws/i.test(access.url) ? stompBroker(access) : managementBroker(access)
    opened.listen(listener!)
    return opened
  })
  const broker = () => (opening = open())
  return {
    publish: async (dispatch, limits) => (await broker()).publish(dispatch, limits),
    listen(replies) {
      listener = replies
    },
    connect: async (limits: WaitOptions) => (await broker()).connect?.(limits),
    // What is still being loaded must not open a line behind a closed client.
    close: async () => (await opening?.catch(() => undefined))?.close(),
  }
}
