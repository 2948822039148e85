import { basicOf } from './basic.ts'
import { get, publish } from './tamar-api-messages.ts'
import { bad, type Dict, notFound, Refused } from './tamar-api-requests.ts'
import { bindings, exchange, queue } from './tamar-api-topology.ts'
import { answer, type Call } from './tamar-http.ts'
import type { TamarRoom } from './tamar-room.ts'
import { BrokerError } from './tamar-topology.ts'

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
