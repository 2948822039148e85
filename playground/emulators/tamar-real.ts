// The gateway's three services as real servers: those that the environment names serve the room "real", and no other.
import type { Env } from '../cloudflare.ts'
import { RealDispatches } from './tamar-real-dispatches.ts'
import { Link } from './tamar-real-link.ts'
import { RealRealtime, type RedisAccess } from './tamar-real-realtime.ts'
import { type MysqlAccess, RealRows } from './tamar-real-rows.ts'
import type { StompAccess } from './tamar-real-stomp.ts'
import type { TamarRoom } from './tamar-room.ts'
import type { Services } from './tamar-services.ts'

/** The room that real servers are for. */
export const REAL = 'real'

export interface RealAccess {
  readonly redis: RedisAccess
  readonly mysql: MysqlAccess
  readonly rabbit: StompAccess
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

/**
 * How the servers are reached that the environment names; undefined when it names none.
 *
 * @throws Error that says what is missing or wrong: half a configuration is no wish for the embedded servers
 */
export function realAccess(env: Env): RealAccess | undefined {
  const { MSG_MYSQL_URL, MSG_MYSQL_HOST } = env
  if (!MSG_MYSQL_URL && !MSG_MYSQL_HOST && NEEDED.every((name) => !env[name])) return undefined
  const missing: string[] = NEEDED.filter((name) => !env[name])
  if (!MSG_MYSQL_URL && !MSG_MYSQL_HOST) missing.push('MSG_MYSQL_URL or MSG_MYSQL_HOST')
  if (missing.length > 0) throw new Error(`the environment lacks ${missing.join(', ')}; set them`)
  const url = (name: keyof Env, text: string, scheme: 'http' | 'ws'): string => {
    const fits = URL.canParse(text) && new RegExp(`^${scheme}s?://[^/?#@]+([/?#]|$)`, 'i').test(text)
    if (!fits)
      throw new Error(`${name} must be a URL with ${scheme} or ${scheme}s, without user and password`)
    return text.replace(/\/$/, '')
  }
  return {
    redis: { url: url('MSG_REDIS_URL', env.MSG_REDIS_URL!, 'http'), token: env.MSG_REDIS_TOKEN! },
    mysql: {
      url: url('MSG_MYSQL_URL', MSG_MYSQL_URL || `https://${MSG_MYSQL_HOST}`, 'http'),
      username: env.MSG_MYSQL_USER!,
      password: env.MSG_MYSQL_PASSWORD!,
    },
    rabbit: {
      // The HTTP API has no consumer to offer.
      url: url('MSG_RABBITMQ_URL', env.MSG_RABBITMQ_URL!, 'ws'),
      username: env.MSG_RABBITMQ_USERNAME!,
      password: env.MSG_RABBITMQ_PASSWORD!,
      vhost: env.MSG_RABBITMQ_VHOST || '/',
    },
  }
}

export function realServices({ redis, mysql, rabbit }: RealAccess, { events }: TamarRoom): Services {
  const emit: ConstructorParameters<typeof Link>[1] = (build) => events.emit(build)
  const links = {
    realtime: new Link('realtime', emit, [redis.token]),
    dispatches: new Link('dispatches', emit, [rabbit.password]),
  }
  return {
    rows: new RealRows(mysql),
    dispatches: new RealDispatches(rabbit, links.dispatches),
    realtime: new RealRealtime(redis, links.realtime),
    links,
  }
}
