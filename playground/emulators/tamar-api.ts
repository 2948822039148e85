import { basicOf } from './basic.ts'
import { fromBase64, toBase64 } from './tamar-base64.ts'
import { BrokerError, EXCHANGE_TYPES, type Exchange, type ExchangeType } from './tamar-broker.ts'
import { answer, type Call } from './tamar-http.ts'
import type { Properties, Queue, Queued } from './tamar-queue.ts'
import type { TamarRoom } from './tamar-room.ts'

type Dict = Readonly<Record<string, unknown>>

/** A request that is refused with a status. */
class Refused extends Error {
  readonly status: number
  readonly error: string
  readonly reason: unknown

  constructor(status: number, error: string, reason: unknown) {
    super(error)
    this.status = status
    this.error = error
    this.reason = reason
  }
}

const bad = (reason: unknown): Refused => new Refused(400, 'bad_request', reason)
const notFound = (): Refused => new Refused(404, 'Object Not Found', 'Not Found')
const empty = (status: number): Response => new Response(null, { status })

/** RabbitMQ's HTTP API, as far as a client needs it that has no socket. */
export function management(room: TamarRoom, call: Call): Response {
  const [user, password] = basicOf(call.headers) ?? []
  const { rabbitUser, rabbitPassword } = room.credentials
  if (user !== rabbitUser || password !== rabbitPassword || room.troubles.refuses('api')) {
    const headers = { 'www-authenticate': 'Basic realm="RabbitMQ Management"' }
    return answer({ error: 'not_authorized', reason: 'Login failed' }, 401, headers)
  }
  try {
    return route(room, call, user)
  } catch (error) {
    if (error instanceof Refused) return answer({ error: error.error, reason: error.reason }, error.status)
    if (error instanceof BrokerError) {
      const isMissing = error.code === 'not_found'
      return answer(
        { error: isMissing ? 'not_found' : 'bad_request', reason: error.message },
        isMissing ? 404 : 400,
      )
    }
    throw error
  }
}

function route(room: TamarRoom, { method, path, body }: Call, user: string): Response {
  const [kind, vhost, ...rest] = path.map(decoded)
  if (kind === 'whoami') return answer({ name: user, tags: ['administrator'] })
  const isKnown = vhost === '/' && /^(exchanges|queues|bindings)$/.test(kind ?? '')
  if (!isKnown)
    throw vhost === undefined || method === 'GET'
      ? notFound()
      : new Refused(404, 'not_found', 'vhost_not_found')
  const [name = '', what, ...more] = rest
  const asked = (): Dict => parsed(body)
  if (kind === 'bindings') return bindings(room, method, rest, asked)
  if (what === undefined) {
    return kind === 'exchanges'
      ? exchange(room, method, builtIn(name), asked)
      : queue(room, method, name, asked)
  }
  if (method === 'POST' && more.length === 0) {
    if (kind === 'exchanges' && what === 'publish') return publish(room, builtIn(name), asked())
    if (kind === 'queues' && what === 'get') return get(room, name, asked())
  }
  throw notFound()
}

/** The default exchange has a name here alone. */
const builtIn = (name: string): string => (name === 'amq.default' ? '' : name)

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw notFound()
  }
}

function parsed(body: string): Dict {
  if (body === '') return {}
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    throw bad('not_json')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('not_json')
  return value as Dict
}

const isTrue = (value: unknown): boolean => value === true || value === 'true'

function exchange({ broker }: TamarRoom, method: string, name: string, asked: () => Dict): Response {
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

function queue({ broker }: TamarRoom, method: string, name: string, asked: () => Dict): Response {
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
function bindings(
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

/** What is asked for by name, which must be there. */
function needed(asked: Dict, ...names: readonly string[]): void {
  const missing = names.filter((name) => asked[name] === undefined)
  if (missing.length > 0) throw bad(`[${missing.map((name) => `{key_missing,${name}}`).join(',')}]`)
}

function publish(room: TamarRoom, exchange: string, asked: Dict): Response {
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

function get({ broker }: TamarRoom, name: string, asked: Dict): Response {
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
