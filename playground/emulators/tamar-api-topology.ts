import { bad, type Dict, empty, isTrue, notFound, Refused } from './tamar-api-requests.ts'
import { answer } from './tamar-http.ts'
import type { Queue } from './tamar-queue.ts'
import type { TamarRoom } from './tamar-room.ts'
import { EXCHANGE_TYPES, type Exchange, type ExchangeType } from './tamar-topology.ts'

/** `/api/exchanges/VHOST/NAME` */
export function exchange({ broker }: TamarRoom, method: string, name: string, asked: () => Dict): Response {
  switch (method) {
    case 'PUT': {
      const { type = 'direct', durable, auto_delete, internal, arguments: given } = asked()
      if (!EXCHANGE_TYPES.includes(type as ExchangeType)) throw bad(`unknown exchange type '${type}'`)
      const made: Exchange = {
        type: type as ExchangeType,
        durable: isTrue(durable),
        autoDelete: isTrue(auto_delete),
        internal: isTrue(internal),
        arguments: (given ?? {}) as Dict,
      }
      return empty(broker.declareExchange(name, made) ? 201 : 204)
    }
    case 'DELETE':
      if (!broker.deleteExchange(name)) throw notFound()
      return empty(204)
    case 'GET': {
      const found = broker.exchanges.get(name)
      if (found === undefined) throw notFound()
      const { type, durable, autoDelete, internal, arguments: given } = found
      return answer({ name, vhost: '/', type, durable, auto_delete: autoDelete, internal, arguments: given })
    }
  }
  throw new Refused(405, 'method_not_allowed', '')
}

/** `/api/queues/VHOST/NAME` */
export function queue({ broker }: TamarRoom, method: string, name: string, asked: () => Dict): Response {
  switch (method) {
    case 'PUT': {
      const { durable, auto_delete, arguments: given = {} } = asked()
      if (name.startsWith('amq.')) throw new Refused(401, 'not_authorised', 'Access refused.')
      const options = { durable: isTrue(durable), autoDelete: isTrue(auto_delete), arguments: given as Dict }
      checkExpiry(name, options.arguments['x-expires'])
      return empty(broker.declareQueue(name, options) ? 201 : 204)
    }
    case 'DELETE':
      if (!broker.deleteQueue(name)) throw notFound()
      return empty(204)
    case 'GET': {
      const found = broker.queues.get(name)
      if (found === undefined) throw notFound()
      return answer(shown(found))
    }
  }
  throw new Refused(405, 'method_not_allowed', '')
}

function checkExpiry(name: string, expires: unknown): void {
  if (expires === undefined || (Number.isInteger(expires) && (expires as number) > 0)) return
  const why = typeof expires === 'number' ? `{value_zero,${expires}}` : '"expected integer, got longstr"'
  throw bad(`invalid arg 'x-expires' for queue '${name}' in vhost '/': ${why}`)
}

const shown = ({ name, options, length, unconfirmed, consumers }: Queue): object => ({
  name,
  vhost: '/',
  type: 'classic',
  durable: options.durable,
  auto_delete: options.autoDelete,
  exclusive: options.owner !== undefined,
  arguments: options.arguments,
  consumers: consumers.length,
  messages: length + unconfirmed,
  messages_ready: length,
  messages_unacknowledged: unconfirmed,
  state: 'running',
})

/** `e/X/q/Q`, and the key for one that is to go. */
export function bindings(
  { broker }: TamarRoom,
  method: string,
  path: readonly string[],
  asked: () => Dict,
): Response {
  const [e, source = '', q, name = '', key] = path
  if (e !== 'e' || q !== 'q') throw notFound()
  if (method === 'POST' && key === undefined) {
    const { routing_key = '' } = asked()
    broker.bind(source, name, String(routing_key))
    return empty(201)
  }
  if (method === 'GET' && key === undefined) {
    const bound = broker.bindings.filter((one) => one.exchange === source && one.queue === name)
    return answer(
      bound.map(({ key: routing_key }) => ({
        source,
        vhost: '/',
        destination: name,
        destination_type: 'queue',
        routing_key,
        arguments: {},
        properties_key: encodeURIComponent(routing_key) || '~',
      })),
    )
  }
  if (method === 'DELETE' && key !== undefined && broker.unbind(source, name, key === '~' ? '' : key))
    return empty(204)
  throw notFound()
}
