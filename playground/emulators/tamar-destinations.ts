// Where the destinations of STOMP lead in RabbitMQ.
import type { Broker } from './tamar-broker.ts'
import type { Frame } from './tamar-frames.ts'

/** What a destination names. */
export type Destination =
  | { readonly is: 'exchange'; readonly exchange: string; readonly key: string }
  /** One that is made when it is not there. */
  | { readonly is: 'queue'; readonly queue: string }
  | { readonly is: 'amq-queue'; readonly queue: string }
  | { readonly is: 'topic'; readonly key: string }
  | { readonly is: 'reply-queue'; readonly queue: string }
  | { readonly is: 'temp-queue'; readonly name: string }

/** An ERROR frame: its `message`, and its text. */
export class StompError extends Error {
  readonly title: string

  constructor(title: string, text: string) {
    super(text)
    this.title = title
  }
}

const TYPES = '/temp-queue, /exchange, /topic, /queue, /amq/queue, /reply-queue/.'

/** Reads a destination. */
export function destinationOf(text: string): Destination {
  if (!text.startsWith('/')) return { is: 'queue', queue: text }
  const [, type, rest = ''] = /^\/(amq\/queue|[a-z-]+)\/(.+)$/s.exec(text) ?? []
  const parts = rest.split('/').map(unescaped)
  const [first = '', key = ''] = parts
  const isOne = parts.length === 1
  switch (type) {
    case 'exchange':
      if (parts.length <= 2) return { is: 'exchange', exchange: first, key }
      throw new StompError('Invalid destination', `'/${rest}' is not a valid exchange destination\n`)
    case 'queue':
      if (isOne) return { is: 'queue', queue: first }
      throw new StompError('Invalid destination', `'/${rest}' is not a valid queue destination\n`)
    case 'topic':
      if (isOne) return { is: 'topic', key: first }
      throw new StompError('Invalid destination', `'/${rest}' is not a valid topic destination\n`)
    case 'amq/queue':
      return { is: 'amq-queue', queue: unescaped(rest) }
    case 'reply-queue':
      return { is: 'reply-queue', queue: unescaped(rest) }
    case 'temp-queue':
      return { is: 'temp-queue', name: rest }
  }
  const known = `'${text}' is not a valid destination.\nValid destination types are: ${TYPES}\n`
  throw new StompError('Unknown destination', known)
}

export const invalidFor = (destination: string, command: string): StompError =>
  new StompError('Invalid destination', `'${destination}' is not a valid destination for '${command}'\n`)

/** The destination of a message that comes from an exchange. */
export function destinationFrom(exchange: string, key: string): string {
  if (exchange === '') return `/queue/${escaped(key)}`
  if (exchange === 'amq.topic') return `/topic/${escaped(key)}`
  return `/exchange/${escaped(exchange)}/${escaped(key)}`
}

/** How a `reply_to` of AMQP is shown to a consumer. */
export const replyDestination = (replyTo: string): string =>
  replyTo.startsWith('/') ? replyTo : `/reply-queue/${escaped(replyTo)}`

// A slash is all that is written in another way.
const escaped = (name: string): string => name.replaceAll('/', '%2F')
const unescaped = (name: string): string => name.replaceAll('%2F', '/')

/** What a frame names, which it must. */
export function destinationHeader({ command, headers }: Frame): string {
  const destination = headers.get('destination')
  if (destination !== undefined) return destination
  throw new StompError('Missing destination', `"${command}" must include a 'destination' header\n`)
}

/** Where a message goes that is sent to a destination; a queue is made on first use. */
export function targetOf(broker: Broker, text: string): { exchange: string; key: string } {
  const destination = destinationOf(text)
  switch (destination.is) {
    case 'exchange':
      return destination
    case 'topic':
      return { exchange: 'amq.topic', key: destination.key }
    case 'temp-queue':
      throw invalidFor(text, 'SEND')
    case 'queue':
      broker.declareQueue(destination.queue, { durable: true, autoDelete: false, arguments: {} })
  }
  return { exchange: '', key: destination.queue }
}
