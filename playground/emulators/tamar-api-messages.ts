import { bad, type Dict, empty, needed, Refused } from './tamar-api-requests.ts'
import { fromBase64, toBase64 } from './tamar-base64.ts'
import { answer } from './tamar-http.ts'
import type { Properties, Queued } from './tamar-queue.ts'
import type { TamarRoom } from './tamar-room.ts'

/** `/api/exchanges/VHOST/NAME/publish` */
export function publish(room: TamarRoom, exchange: string, asked: Dict): Response {
  needed(asked, 'routing_key', 'properties', 'payload', 'payload_encoding')
  const { routing_key, properties, payload, payload_encoding } = asked
  const body = bytesOf(String(payload), payload_encoding)
  for (const name of ['delivery_mode', 'priority', 'timestamp']) {
    const value = (properties as Dict)[name]
    if (value !== undefined && !Number.isInteger(value)) throw bad(['not_int', name])
  }
  if (!room.broker.exchanges.has(exchange))
    throw bad(`404 NOT_FOUND - no exchange '${exchange}' in vhost '/'`)
  const message = { exchange, key: String(routing_key), properties: properties as Properties, body }
  return answer({ routed: room.publish(message, 'api') > 0 })
}

function bytesOf(payload: string, encoding: unknown): Uint8Array {
  if (encoding === 'string') return new TextEncoder().encode(payload)
  if (encoding !== 'base64') throw bad(['unsupported_encoding', encoding])
  const bytes = fromBase64(payload)
  if (bytes === undefined) throw bad(['not_base64', payload])
  return bytes
}

const ACK_MODES = /^(ack|reject)_requeue_(true|false)$/

/** `/api/queues/VHOST/NAME/get` */
export function get({ broker }: TamarRoom, name: string, asked: Dict): Response {
  needed(asked, 'ackmode', 'count', 'encoding')
  const { count, ackmode, encoding } = asked
  // Here the real one fails, too.
  if (!ACK_MODES.test(String(ackmode))) return empty(500)
  if (!Number.isInteger(Number(count))) throw bad(['not_int', 'count'])
  const queue = broker.queues.get(name)
  if (queue === undefined) throw new Refused(404, 'not_found', `NOT_FOUND - no queue '${name}' in vhost '/'`)
  const messages = queue.get(Number(count))
  const left = queue.length
  const shownMessages = messages.map((message, i) => got(message, left + messages.length - i - 1, encoding))
  if (String(ackmode).endsWith('true')) queue.giveBack(messages)
  else for (const message of messages) queue.settle(message)
  return answer(shownMessages)
}

function got(
  { body, redelivered, exchange, key, properties }: Queued,
  left: number,
  encoding: unknown,
): object {
  const [payload, payload_encoding] = encoding === 'base64' ? [toBase64(body), 'base64'] : textOf(body)
  return {
    payload_bytes: body.length,
    redelivered,
    exchange,
    routing_key: key,
    message_count: left,
    // Without any the real one says an empty list.
    properties: Object.keys(properties).length === 0 ? [] : properties,
    payload,
    payload_encoding,
  }
}

function textOf(body: Uint8Array): [payload: string, encoding: string] {
  try {
    return [new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body), 'string']
  } catch {
    return [toBase64(body), 'base64']
  }
}
