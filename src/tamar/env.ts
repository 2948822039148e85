import type { Injected } from '../core/options.ts'
import { createTamarClient } from './client.ts'
import type { Drivers } from './drivers.ts'
import type { TamarReplies } from './ports.ts'
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

const OTHERS = ['MSG_MYSQL_HOST', 'MSG_MYSQL_URL', 'MSG_RABBITMQ_VHOST'] as const

const SITE = /^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/i
const SOCKET = /^wss?:\/\/[^/?#@\s]+([/?#]\S*)?$/i
const isSite = (url: string) => SITE.test(url) && URL.canParse(url)
const SITE_SAYS = 'a URL that starts with https://, without user, password and query'

/** What variables must be; the rest may be any text. */
const RULES: readonly (readonly [name: keyof TamarEnv, fits: (text: string) => boolean, says: string])[] = [
  ['MSG_REDIS_URL', isSite, SITE_SAYS],
  ['MSG_MYSQL_URL', isSite, SITE_SAYS],
  [
    'MSG_RABBITMQ_URL',
    (url) => isSite(url) || (SOCKET.test(url) && URL.canParse(url)),
    SITE_SAYS.replace('https://', 'wss:// or https://'),
  ],
  [
    'MSG_MYSQL_HOST',
    (host) => /^[^\s/?#@\\]+$/.test(host) && URL.canParse(`https://${host}`),
    'a host such as aws.connect.psdb.cloud',
  ],
  ['MSG_REDIS_TOKEN', (token) => !/[^ -~]/.test(token), 'what fits into a header'],
]

/**
 * A client with the drivers for Upstash, PlanetScale and RabbitMQ, which are loaded when they are first used. Of the
 * variables it keeps a copy.
 *
 * @throws IsomqError `CONFIG`, which names all variables that are missing
 */
export function fromEnv(
  env: TamarEnv | Readonly<Record<string, unknown>>,
  options: Omit<TamarClientOptions, 'redis' | 'store' | 'broker'> = {},
): TamarClient {
  const given: Partial<Record<keyof TamarEnv, string>> = {}
  for (const name of [...NEEDED, ...OTHERS]) {
    const value = (Object(env) as Record<string, unknown>)[name]
    if (value != null && typeof value !== 'string') {
      throw wrong(`${name} must be a text`, undefined, { option: name })
    }
    if (value?.trim()) given[name] = value
  }
  const missing: string[] = NEEDED.filter((name) => !given[name])
  if (!given.MSG_MYSQL_HOST && !given.MSG_MYSQL_URL) missing.push('MSG_MYSQL_HOST or MSG_MYSQL_URL')
  if (missing.length > 0) {
    throw wrong(`the environment lacks ${missing.join(', ')}; set them`, undefined, { missing })
  }
  for (const [option, fits, says] of RULES) {
    const text = given[option]
    // The URL stands for the host.
    const isUsed = text !== undefined && !(option === 'MSG_MYSQL_HOST' && given.MSG_MYSQL_URL)
    if (isUsed && !fits(text)) throw wrong(`${option} must be ${says}`, undefined, { option })
  }
  return createTamarClient({ ...options, ...lateDrivers(given, options) })
}

/** Drivers that are loaded by their first use; when that fails, by the next. */
function lateDrivers(env: TamarEnv, { clock, random, logger }: Injected): Drivers {
  let replies: TamarReplies | undefined
  let loading: Promise<Drivers> | undefined
  async function load(): Promise<Drivers> {
    try {
      loading ??= import('./drivers.ts').then(({ createDrivers }) =>
        createDrivers(env, { clock, random, logger }, replies!),
      )
      return await loading
    } catch (error) {
      loading = undefined
      throw error
    }
  }
  return {
    redis: {
      publish: async (...given) => (await load()).redis.publish(...given),
      incr: async (...given) => (await load()).redis.incr(...given),
    },
    store: {
      insert: async (...given) => (await load()).store.insert(...given),
      select: async (...given) => (await load()).store.select(...given),
    },
    broker: {
      publish: async (...given) => (await load()).broker.publish(...given),
      listen(listener) {
        replies = listener
      },
      connect: async (limits) => (await load()).broker.connect?.(limits),
      // What is still being loaded must not open a line behind a closed client.
      close: async () => (await loading?.catch(() => undefined))?.broker.close(),
    },
  }
}
