import type { Arguments, QueueOptions } from './tamar-queue.ts'

export const EXCHANGE_TYPES = ['direct', 'fanout', 'topic', 'headers'] as const
export type ExchangeType = (typeof EXCHANGE_TYPES)[number]

export interface Exchange {
  readonly type: ExchangeType
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly internal: boolean
  readonly arguments: Arguments
}

export interface Binding {
  readonly exchange: string
  readonly queue: string
  readonly key: string
}

/** Why the broker does not do what it was asked for, as AMQP says it. */
export class BrokerError extends Error {
  readonly code: 'not_found' | 'precondition_failed' | 'access_refused'

  constructor(code: BrokerError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** What the gateway needs is made like this. */
export const OURS: Exchange = {
  type: 'direct',
  durable: true,
  autoDelete: false,
  internal: false,
  arguments: {},
}
export const BUILT_IN: Readonly<Record<string, ExchangeType>> = {
  '': 'direct',
  'amq.direct': 'direct',
  'amq.fanout': 'fanout',
  'amq.topic': 'topic',
}

/** What outlives the broker's process besides messages. */
export interface KeptTopology {
  readonly exchanges: readonly (readonly [string, Exchange])[]
  readonly queues: readonly (readonly [string, QueueOptions])[]
  readonly bindings: readonly Binding[]
}

/** Whether a key fits one with which a queue is bound. */
export function fits(type: ExchangeType, bound: string, key: string): boolean {
  if (type === 'fanout') return true
  return type === 'topic' ? matches(bound.split('.'), key.split('.')) : type === 'direct' && bound === key
}

/** A star is one word, a hash any number of them. */
function matches([first, ...pattern]: readonly string[], words: readonly string[]): boolean {
  if (first === undefined) return words.length === 0
  if (first === '#')
    return matches(pattern, words) || (words.length > 0 && matches([first, ...pattern], words.slice(1)))
  return words.length > 0 && (first === '*' || first === words[0]) && matches(pattern, words.slice(1))
}

type Shown = Readonly<Record<string, unknown>>

export const shownExchange = ({ autoDelete, ...rest }: Exchange): Shown => ({
  type: rest.type,
  durable: rest.durable,
  auto_delete: autoDelete,
  internal: rest.internal,
  ...rest.arguments,
})

export const shownQueue = (options: QueueOptions): Shown => ({
  durable: options.durable,
  auto_delete: options.autoDelete,
  ...options.arguments,
})

/**
 * What is declared again must be as it is.
 *
 * @throws BrokerError that names the first difference
 */
export function agree(what: string, current: Shown, received: Shown): void {
  for (const name of new Set([...Object.keys(current), ...Object.keys(received)])) {
    if (current[name] === received[name]) continue
    const [now, given] = [current[name] ?? 'none', received[name] ?? 'none']
    const text = `received '${given}' but current is '${now}'`
    throw new BrokerError(
      'precondition_failed',
      `inequivalent arg '${name}' for ${what} in vhost '/': ${text}`,
    )
  }
}
