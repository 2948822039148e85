import { createTamarClient, type TamarBroker, type TamarClient, type TamarStats } from 'isomq/tamar'
import { planetscaleStore } from 'isomq/tamar/planetscale'
import { managementBroker, type StompBroker, stompBroker } from 'isomq/tamar/rabbitmq'
import { upstashRedis } from 'isomq/tamar/upstash'
import type { EmulatorEvent } from './emulators/events.ts'
import { CREDENTIALS } from './emulators/tamar-settings.ts'
import { told } from './told.ts'

/** How RabbitMQ is reached: by Web STOMP, or by its HTTP API. */
export type Via = 'stomp' | 'http'

export interface Sender {
  /** Made when it is first needed. */
  client(via: Via): TamarClient
  /** The state of the socket to RabbitMQ, and the sums of all clients. */
  stats(): { readonly state: string; readonly client: TamarStats }
  close(): Promise<unknown>
}

const POLL_EVERY = 500
/** Nobody wants to look at a pause of half a minute. */
const RECONNECT = { minDelay: 300, maxDelay: 1500 }

/** What sends to the users of a room: one client for each way to RabbitMQ, over the room's own three services. */
export function createSender(
  origin: string,
  room: string,
  emit: (build: () => EmulatorEvent) => void,
): Sender {
  const service = `${origin}/tamar/${room}`
  const { redisToken, mysqlPassword, rabbitUser, rabbitPassword } = CREDENTIALS
  const access = { username: rabbitUser, password: rabbitPassword }
  const clients = new Map<Via, TamarClient>()
  let socket: StompBroker | undefined

  function brokerOf(via: Via): TamarBroker {
    if (via === 'http') return managementBroker({ ...access, url: service, pollEvery: POLL_EVERY })
    // The wire can break in the middle, as networks do.
    const url = `${service.replace(/^http/, 'ws')}/wire/ws`
    const broker = stompBroker({ ...access, url, reconnect: RECONNECT })
    broker.on('state', ({ from, to, reason }) =>
      emit(() => ({ type: 'state', from, to, reason: told(reason) })),
    )
    broker.on('error', ({ message }) => emit(() => ({ type: 'error', message })))
    socket = broker
    return broker
  }

  function made(via: Via): TamarClient {
    const client = createTamarClient({
      redis: upstashRedis({ url: `${service}/redis`, token: redisToken }),
      store: planetscaleStore({ url: service, username: room, password: mysqlPassword }),
      broker: brokerOf(via),
    })
    client.on('error', ({ message }) => emit(() => ({ type: 'error', message })))
    clients.set(via, client)
    return client
  }

  return {
    client: (via) => clients.get(via) ?? made(via),
    stats() {
      const client: Record<string, number> = {}
      for (const one of clients.values()) {
        for (const [name, count] of Object.entries(one.stats())) client[name] = (client[name] ?? 0) + count
      }
      return { state: socket?.state ?? 'idle', client: { ...NONE, ...client } }
    },
    close: () => Promise.all(Array.from(clients.values(), (client) => client.close())),
  }
}

const NONE: TamarStats = {
  realtime: 0,
  rows: 0,
  dispatched: 0,
  answered: 0,
  found: 0,
  unclaimed: 0,
  waiting: 0,
}
