// Headers of STOMP and properties of AMQP, as RabbitMQ turns the ones into the others.
import { destinationFrom, destinationOf, replyDestination, StompError } from './tamar-destinations.ts'
import type { Properties, Queued } from './tamar-queue.ts'

type Headers = ReadonlyMap<string, string>

/** In the order in which they go out. */
const TEXTS = [
  ['app-id', 'app_id'],
  ['user-id', 'user_id'],
  ['type', 'type'],
  ['timestamp', 'timestamp'],
  ['amqp-message-id', 'message_id'],
  ['expiration', 'expiration'],
  ['reply-to', 'reply_to'],
  ['correlation-id', 'correlation_id'],
  ['priority', 'priority'],
  ['persistent', 'delivery_mode'],
  ['content-encoding', 'content_encoding'],
  ['content-type', 'content_type'],
] as const

const NUMBERS: ReadonlySet<string> = new Set(['timestamp', 'priority'])
const NEVER: ReadonlySet<string> = new Set(['destination', 'content-length', 'transaction'])

/** What becomes of the headers of SEND; `reply` gives the name of the connection's own queue for a name in `/temp-queue/`. */
export function propertiesOf(headers: Headers, reply: (name: string) => string): Properties {
  const known = new Map<string, string>(TEXTS)
  const properties: Record<string, unknown> = {}
  // What has no meaning of its own goes on to the receiver, the receipt included.
  const others: Record<string, string> = {}
  for (const [name, value] of headers) {
    const property = known.get(name)
    if (property === undefined) {
      if (!NEVER.has(name)) others[name] = value
    } else if (property === 'delivery_mode') properties[property] = modeOf(value)
    else if (property === 'reply_to') properties[property] = replyTo(value, reply)
    else properties[property] = NUMBERS.has(property) ? wholeNumber(value) : value
  }
  return { ...properties, headers: others }
}

function modeOf(persistent: string): number {
  if (persistent === 'true') return 2
  throw new StompError('', 'STOMP died')
}

function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new StompError('', 'STOMP died')
}

function replyTo(text: string, reply: (name: string) => string): string {
  if (!text.startsWith('/')) return text
  try {
    const destination = destinationOf(text)
    if (destination.is === 'temp-queue') return reply(text)
    return destination.is === 'reply-queue' ? destination.queue : text
  } catch {
    throw new StompError('Processing error', 'Processing error')
  }
}

/** The headers of MESSAGE that tell of the message itself. */
export function headersOf({ exchange, key, properties, redelivered, body }: Queued): {
  destination: string
  redelivered: string
  rest: [name: string, value: string][]
} {
  const rest: [string, string][] = Object.entries(properties.headers ?? {})
  for (const [name, property] of TEXTS) {
    const value = properties[property]
    if (value === undefined) continue
    if (property === 'delivery_mode') {
      if (value === 2) rest.push([name, 'true'])
    } else rest.push([name, property === 'reply_to' ? replyDestination(String(value)) : String(value)])
  }
  rest.push(['content-length', String(body.length)])
  return { destination: destinationFrom(exchange, key), redelivered: String(redelivered), rest }
}
