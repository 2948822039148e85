import { createTamarClient, type TamarBroker, type TamarClient, type TamarClientOptions } from 'isomq/tamar'
import { planetscaleStore } from 'isomq/tamar/planetscale'
import { managementBroker, type StompBrokerOptions, stompBroker } from 'isomq/tamar/rabbitmq'
import { upstashRedis } from 'isomq/tamar/upstash'
import { Gateway } from './gateway.ts'
import { type PlanetScaleProxy, startPlanetScaleProxy } from './planetscale-proxy.ts'
import { GUEST } from './rabbitmq.ts'
import { openRelay, type Relay } from './relay.ts'
import { servers } from './services.ts'
import { startUpstashProxy, type UpstashProxy } from './upstash-proxy.ts'

/** Both ways to RabbitMQ. */
export const BROKERS = ['stomp', 'management'] as const
export type BrokerName = (typeof BROKERS)[number]

/** All that a client needs, on the real servers of this run. */
export interface World {
  readonly redis: UpstashProxy
  readonly store: PlanetScaleProxy
  readonly gateway: Gateway
  /** The way to Web STOMP, and to the HTTP API. */
  readonly relays: Readonly<Record<BrokerName, Relay>>
  broker(name: BrokerName, options?: Partial<StompBrokerOptions>): TamarBroker
  /** A client that is closed with the world, if not before. */
  client(name: BrokerName, options?: Partial<TamarClientOptions>): TamarClient
  /** Ends all clients, and forgets the faults. */
  reset(): Promise<void>
  close(): Promise<void>
}

export async function openWorld(): Promise<World> {
  const { redis, mysql, rabbit } = servers()
  const { amqp, stomp, management } = rabbit.ports
  const gateway = await Gateway.open({ redis: redis.port, mysql: mysql.port, amqp })
  const upstash = await startUpstashProxy(redis)
  const planetscale = await startPlanetScaleProxy(mysql)
  const relays = { stomp: await openRelay(stomp), management: await openRelay(management) }
  const clients = new Set<TamarClient>()

  const { url, username, password } = planetscale
  // Pauses between attempts at their shortest.
  const random = (): number => 0

  const world: World = {
    redis: upstash,
    store: planetscale,
    gateway,
    relays,
    broker(name, options) {
      if (name === 'management') {
        return managementBroker({ url: `http://127.0.0.1:${relays.management.port}`, ...GUEST, ...options })
      }
      return stompBroker({ url: `ws://127.0.0.1:${relays.stomp.port}/ws`, ...GUEST, ...options })
    },
    client(name, options) {
      const client = createTamarClient({
        redis: upstashRedis({ url: upstash.url, token: upstash.token, random }),
        store: planetscaleStore({ url, username, password, random }),
        broker: options?.broker ?? world.broker(name),
        ...options,
      })
      clients.add(client)
      return client
    },
    async reset() {
      upstash.heal()
      planetscale.heal()
      for (const relay of Object.values(relays)) relay.resume()
      await Promise.all([...clients].map((client) => client.close()))
      clients.clear()
      gateway.rabbit.onDispatch = () => {}
      await gateway.clear()
    },
    async close() {
      await world.reset()
      for (const relay of Object.values(relays)) await relay.close()
      await upstash.close()
      await planetscale.close()
      await gateway.close()
    },
  }
  return world
}
