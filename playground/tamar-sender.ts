import { createTamarClient, type TamarBroker, type TamarClient, type TamarStats } from 'isomq/tamar'
import { managementBroker, type StompBroker, stompBroker } from 'isomq/tamar/rabbitmq'
import type { EmulatorEvent } from './emulators/events.ts'
import { ConfigError } from './emulators/tamar-real-settings.ts'
import { type Site, type Via, waysOf } from './tamar-sites.ts'
import { told } from './told.ts'

export interface Sender {
  /**
   * Made when it is first needed; without a way, by the one that there is.
   *
   * @throws ConfigError when RabbitMQ cannot be reached in this way
   */
  client(via?: Via): TamarClient
  /** The state of the socket to RabbitMQ, and the sums of all clients. */
  stats(): { readonly state: string; readonly client: TamarStats }
  close(): Promise<unknown>
}

const POLL_EVERY = 500
/** Nobody wants to look at a pause of half a minute. */
const RECONNECT = { minDelay: 300, maxDelay: 1500 }

const NAMES: Readonly<Record<Via, string>> = { stomp: 'Web STOMP', http: 'the HTTP API' }

/** What sends to the users of a room: one client for each way to RabbitMQ, over the same three services. */
export function createSender(site: Site, emit: (build: () => EmulatorEvent) => void): Sender {
  const [first] = waysOf(site)
  const clients = new Map<Via, TamarClient>()
  let socket: StompBroker | undefined

  function brokerOf(via: Via): TamarBroker {
    const { stomp, http } = site
    if (via === 'http' && http !== undefined) return managementBroker({ ...http, pollEvery: POLL_EVERY })
    if (via === 'http' || stomp === undefined) {
      const [wanted, other] = [NAMES[via], NAMES[first!]]
      throw new ConfigError(
        `MSG_RABBITMQ_URL leads to ${other} of RabbitMQ: by ${wanted} nothing can be sent here`,
      )
    }
    const broker = stompBroker({ ...stomp, reconnect: RECONNECT })
    broker.on('state', ({ from, to, reason }) =>
      emit(() => ({ type: 'state', from, to, reason: told(reason) })),
    )
    broker.on('error', ({ message }) => emit(() => ({ type: 'error', message })))
    socket = broker
    return broker
  }

  function made(via: Via): TamarClient {
    const client = createTamarClient({
      redis: site.redis,
      store: site.store,
      broker: brokerOf(via),
    })
    client.on('error', ({ message }) => emit(() => ({ type: 'error', message })))
    clients.set(via, client)
    return client
  }

  return {
    client: (via = first!) => clients.get(via) ?? made(via),
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

/** Of a sender that has sent nothing. */
export const NONE: TamarStats = {
  realtime: 0,
  rows: 0,
  dispatched: 0,
  answered: 0,
  found: 0,
  unclaimed: 0,
  waiting: 0,
}
