import type { TamarRedis, TamarStore } from 'isomq/tamar'
import { planetscaleStore } from 'isomq/tamar/planetscale'
import type { ManagementBrokerOptions, StompBrokerOptions } from 'isomq/tamar/rabbitmq'
import { upstashRedis } from 'isomq/tamar/upstash'
import type { Env } from './cloudflare.ts'
import {
  gatewayAccess,
  missingOf,
  REAL,
  type RealAccess,
  realAccess,
} from './emulators/tamar-real-settings.ts'
import { CREDENTIALS } from './emulators/tamar-settings.ts'

/** How RabbitMQ is reached: by Web STOMP, or by its HTTP API. */
export type Via = 'stomp' | 'http'

/** The three services that a sender works with, as the drivers want them. */
export interface Site {
  readonly redis: TamarRedis
  readonly store: TamarStore
  /** One way to RabbitMQ, or both. */
  readonly stomp?: StompBrokerOptions
  readonly http?: ManagementBrokerOptions
}

/** What a page must know of the servers of its room. */
export interface ServersAnswer {
  /** Whether the room is there for real servers, which the environment names. */
  readonly isReal: boolean
  /** That room, when the environment names any. */
  readonly realRoom?: string | undefined
  /** Why it cannot work, if it cannot. */
  readonly problem?: string | undefined
  /** Variables that real servers in this room would need, and that are not there. */
  readonly missing: readonly string[]
  /** Ways to RabbitMQ from this room. */
  readonly ways: readonly Via[]
}

/**
 * The servers of a room: those that the environment names for the room "real", else those in the room itself.
 *
 * @throws ConfigError that says what the environment lacks, or what is wrong in it
 */
export function siteOf(origin: string, room: string, env: Env): Site {
  const access = room === REAL ? realAccess(env) : undefined
  return access === undefined ? embeddedSite(origin, room) : realSite(access)
}

export function serversOf(room: string, env: Env): ServersAnswer {
  const isHere = room === REAL
  let access: RealAccess | undefined
  let problem: string | undefined
  try {
    // What the gateway cannot work with is of no use to a page.
    access = gatewayAccess(env)
  } catch (error) {
    problem = (error as Error).message
  }
  const isNamed = access !== undefined || problem !== undefined
  return {
    isReal: isHere && isNamed,
    realRoom: isNamed ? REAL : undefined,
    problem,
    missing: isHere ? missingOf(env) : [],
    ways: !isHere || !isNamed ? BOTH : access === undefined ? [] : waysOf(realSite(access)),
  }
}

const BOTH: readonly Via[] = ['stomp', 'http']

/** The ways to RabbitMQ that a site has. */
export const waysOf = (site: Site): Via[] => BOTH.filter((via) => site[via] !== undefined)

function embeddedSite(origin: string, room: string): Site {
  const service = `${origin}/tamar/${room}`
  const { redisToken, mysqlPassword, rabbitUser, rabbitPassword } = CREDENTIALS
  const access = { username: rabbitUser, password: rabbitPassword }
  return {
    redis: upstashRedis({ url: `${service}/redis`, token: redisToken }),
    store: planetscaleStore({ url: service, username: room, password: mysqlPassword }),
    // The wire can break in the middle, as networks do.
    stomp: { ...access, url: `${service.replace(/^http/, 'ws')}/wire/ws` },
    http: { ...access, url: service },
  }
}

/** By the drivers and not by `fromEnv`, which keeps to itself how its socket to RabbitMQ is. */
function realSite({ redis, mysql, rabbit }: RealAccess): Site {
  return {
    redis: upstashRedis(redis),
    store: planetscaleStore(mysql),
    [/^ws/i.test(rabbit.url) ? 'stomp' : 'http']: rabbit,
  }
}
