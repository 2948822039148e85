// The variables that name the real servers of the room "real"; `fromEnv` of `isomq/tamar` reads the same.
import type { Env } from '../cloudflare.ts'

/** The room that real servers are for. */
export const REAL = 'real'

/** What the environment lacks, or what is wrong in it. */
export class ConfigError extends Error {}

/** Where Upstash's REST API is, or what speaks it before another Redis. */
export interface RedisAccess {
  /** Without a slash at the end. */
  readonly url: string
  readonly token: string
}

/** Where PlanetScale's HTTP API is, or what speaks it before another MySQL. */
export interface MysqlAccess {
  /** Without a slash at the end. */
  readonly url: string
  readonly username: string
  readonly password: string
}

/** Where RabbitMQ is. */
export interface RabbitAccess {
  /** `wss://HOST/ws` for Web STOMP, `https://HOST` for the HTTP API. */
  readonly url: string
  readonly username: string
  readonly password: string
  readonly vhost: string
}

export interface RealAccess {
  readonly redis: RedisAccess
  readonly mysql: MysqlAccess
  readonly rabbit: RabbitAccess
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

type Schemes = readonly ('http' | 'ws')[]

/** All that the environment lacks. */
export function missingOf(env: Env): string[] {
  const missing: string[] = NEEDED.filter((name) => !env[name])
  if (!env.MSG_MYSQL_URL && !env.MSG_MYSQL_HOST) missing.push('MSG_MYSQL_URL or MSG_MYSQL_HOST')
  return missing
}

/**
 * How the servers are reached that the environment names; undefined when it names none.
 *
 * @throws ConfigError that says what is missing or wrong: half a configuration is no wish for the embedded servers
 */
export function realAccess(env: Env, ways: Schemes = ['ws', 'http']): RealAccess | undefined {
  const { MSG_MYSQL_URL, MSG_MYSQL_HOST } = env
  const missing = missingOf(env)
  if (missing.length > NEEDED.length) return undefined
  if (missing.length > 0) throw new ConfigError(`the environment lacks ${missing.join(', ')}; set them`)
  return {
    redis: { url: checked('MSG_REDIS_URL', env.MSG_REDIS_URL!, ['http']), token: env.MSG_REDIS_TOKEN! },
    mysql: {
      url: checked('MSG_MYSQL_URL', MSG_MYSQL_URL || `https://${MSG_MYSQL_HOST}`, ['http']),
      username: env.MSG_MYSQL_USER!,
      password: env.MSG_MYSQL_PASSWORD!,
    },
    rabbit: {
      url: checked('MSG_RABBITMQ_URL', env.MSG_RABBITMQ_URL!, ways),
      username: env.MSG_RABBITMQ_USERNAME!,
      password: env.MSG_RABBITMQ_PASSWORD!,
      vhost: env.MSG_RABBITMQ_VHOST || '/',
    },
  }
}

/** The same for the gateway, which the HTTP API has no consumer to offer. */
export const gatewayAccess = (env: Env): RealAccess | undefined => realAccess(env, ['ws'])

function checked(name: keyof Env, text: string, schemes: Schemes): string {
  const fits = new RegExp(`^(${schemes.join('|')})s?://[^/?#@]+([/?#]|$)`, 'i')
  if (fits.test(text) && URL.canParse(text)) return text.replace(/\/$/, '')
  const says = schemes.map((scheme) => `${scheme} or ${scheme}s`).join(', ')
  throw new ConfigError(`${name} must be a URL with ${says}, without user and password`)
}
