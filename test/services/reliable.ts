import { createTamarClient, type IsomqError, type TamarClient } from 'isomq/tamar'
import { planetscaleStore } from 'isomq/tamar/planetscale'
import { managementBroker, type StompBrokerOptions, stompBroker } from 'isomq/tamar/rabbitmq'
import { upstashRedis } from 'isomq/tamar/upstash'
import { until } from '../support/events.ts'
import { seeded } from '../support/random.ts'
import { Gateway } from './gateway.ts'
import { startPlanetScaleProxy } from './planetscale-proxy.ts'
import { GUEST, type RabbitPorts } from './rabbitmq.ts'
import { openRelay } from './relay.ts'
import { startUpstashProxy } from './upstash-proxy.ts'
import { judge, type Send, type Verdict } from './verdict.ts'

/** The servers that are sent through; the last one is killed. */
export interface SoakServers {
  readonly redis: { readonly port: number }
  readonly mysql: { readonly port: number }
  readonly rabbit: { readonly ports: RabbitPorts; kill(): Promise<void>; restart(): Promise<void> }
}

export interface ReliableOptions {
  readonly messages: number
  /** How often RabbitMQ is killed and started again. */
  readonly kills: number
  readonly seed: number
  /** Called about every five seconds. */
  readonly progress?: (now: ReliableProgress) => void
}

export interface ReliableProgress {
  readonly sent: number
  readonly resolved: number
  readonly rejected: number
  readonly kills: number
  readonly cuts: number
  readonly seconds: number
}

export interface ReliableReport extends ReliableProgress, Verdict {
  /** Connections that the cuts broke. */
  readonly broken: number
}

/** Of one client; there are four. */
const IN_FLIGHT = 8
/** Messages between two cuts, on average. */
const CUT_EVERY = 50
/** Milliseconds. Of the two clients of a broker one waits for a restarted server, and the other does not. */
const [PATIENT, IMPATIENT] = [30_000, 1_500]
/** Milliseconds that an application waits after a failure: a server that is down refuses faster than is of use. */
const REST = 250
const USERS = 100
const PROGRESS = 5_000

/**
 * Sends reliable messages, 32 at a time and over both brokers, while RabbitMQ is killed and comes back, and the
 * connections to all of the services are cut; then holds what the callers were told against what is there. Each
 * message carries its number; kills and cuts fall on the same numbers for the same seed.
 */
export async function soakReliable(servers: SoakServers, options: ReliableOptions): Promise<ReliableReport> {
  const { messages, kills, seed, progress } = options
  const { redis, mysql, rabbit } = servers
  const prefix = `soak-${seed}`
  const startedAt = Date.now()
  const sends: Send[] = []
  const count = { sent: 0, resolved: 0, rejected: 0, kills: 0, cuts: 0, broken: 0 }
  const now = (): typeof count & { seconds: number } => ({
    ...count,
    seconds: (Date.now() - startedAt) / 1_000,
  })
  const gateway = await Gateway.open({ redis: redis.port, mysql: mysql.port, amqp: rabbit.ports.amqp })
  await gateway.clear()
  const upstash = await startUpstashProxy(redis)
  const planetscale = await startPlanetScaleProxy(mysql)
  const relays = {
    redis: await openRelay(Number(new URL(upstash.url).port)),
    mysql: await openRelay(Number(new URL(planetscale.url).port)),
    stomp: await openRelay(rabbit.ports.stomp),
    management: await openRelay(rabbit.ports.management),
  }
  const at = (name: keyof typeof relays): string => `127.0.0.1:${relays[name].port}`
  let seeds = seed
  const drivers = (): { random: () => number } => ({ random: seeded(++seeds) })

  const client = (name: 'stomp' | 'management', stepTimeout: number): TamarClient => {
    // The servers are away for some seconds, and no longer.
    const access = {
      ...GUEST,
      ...drivers(),
      reconnect: { maxDelay: 2_000 },
    } satisfies Partial<StompBrokerOptions>
    const { username, password } = planetscale
    return createTamarClient({
      redis: upstashRedis({ url: `http://${at('redis')}`, token: upstash.token, ...drivers() }),
      store: planetscaleStore({ url: `http://${at('mysql')}`, username, password, ...drivers() }),
      broker:
        name === 'stomp'
          ? stompBroker({ url: `ws://${at('stomp')}/ws`, ...access })
          : managementBroker({ url: `http://${at('management')}`, ...GUEST, ...drivers() }),
      stepTimeout,
    })
  }

  async function send(by: TamarClient, n: number): Promise<void> {
    try {
      const id = await by.sendReliable(`${prefix}-${n % USERS}`, n)
      count.resolved++
      sends.push({ n, id })
    } catch (error) {
      count.rejected++
      const { code = String(error), details: { row, messageId } = {} } = Object(error) as Partial<IsomqError>
      sends.push({ n, code, row, messageId })
      await new Promise((resolve) => setTimeout(resolve, REST))
    }
  }

  async function work(by: TamarClient): Promise<void> {
    while (count.sent < messages) await send(by, ++count.sent)
  }

  const reached = (n: number): Promise<void> => until(() => count.sent >= n)

  async function kill(): Promise<void> {
    for (let done = 0; done < kills; done++) {
      await reached(Math.floor((messages * (done + 1)) / (kills + 1)))
      await rabbit.kill()
      count.kills++
      await rabbit.restart()
    }
  }

  async function cut(): Promise<void> {
    const random = seeded(seed)
    const ways = Object.values(relays)
    const points = Array.from({ length: Math.floor(messages / CUT_EVERY) }, () => random() * messages)
    for (const point of points.sort((a, b) => a - b)) {
      await reached(point)
      count.cuts++
      count.broken += ways[Math.floor(random() * ways.length)]!.cut()
    }
  }

  const clients = [
    client('stomp', PATIENT),
    client('stomp', IMPATIENT),
    client('management', PATIENT),
    client('management', IMPATIENT),
  ]
  const timer = setInterval(() => progress?.(now()), PROGRESS)
  try {
    const workers = clients.flatMap((by) => Array.from({ length: IN_FLIGHT }, () => work(by)))
    await Promise.all([kill(), cut(), ...workers])
    return { ...now(), ...(await judge(sends, gateway, prefix, clients[0]!)) }
  } finally {
    clearInterval(timer)
    await Promise.all(clients.map((one) => one.close()))
    await gateway.close()
    await Promise.all(Object.values(relays).map((relay) => relay.close()))
    await Promise.all([upstash.close(), planetscale.close()])
  }
}
