import { type Dict, isDict, type List, type Payload, randomId, WampError } from './webmq-payload.ts'

export const MATCHES = ['exact', 'prefix', 'wildcard'] as const
export type Match = (typeof MATCHES)[number]

/** Who is subscribed, or publishes. */
export interface Peer {
  /** Text in version 1, a number in version 2. */
  readonly id: string | number
  readonly authid: string
  readonly role: string
}

export interface Subscriber extends Peer {
  deliver(publication: Publication, subscription: Subscription, retained: boolean): void
}

export interface Subscription {
  readonly id: number
  readonly topic: string
  readonly match: Match
  readonly members: Set<Subscriber>
}

export interface Publication {
  /** Counts up in the room. */
  readonly number: number
  readonly id: number
  readonly topic: string
  readonly payload: Payload
  /** As they were given; what concerns the receivers is checked. */
  readonly options: Dict
  /** Who it says that it is from. */
  readonly publisher: Peer | undefined
}

/** Subscriptions, and what is retained for those to come. */
export class Broker {
  readonly retained = new Map<string, Publication>()
  readonly #exact = new Map<string, Subscription>()
  readonly #patterns = new Map<string, Subscription>()

  get size(): number {
    return this.#exact.size + this.#patterns.size
  }

  subscribe(subscriber: Subscriber, topic: string, match: Match): Subscription {
    const [map, key] = this.#place(topic, match)
    let subscription = map.get(key)
    if (subscription === undefined) {
      subscription = { id: randomId(), topic, match, members: new Set() }
      map.set(key, subscription)
    }
    subscription.members.add(subscriber)
    return subscription
  }

  unsubscribe(subscriber: Subscriber, { topic, match, members }: Subscription): void {
    members.delete(subscriber)
    const [map, key] = this.#place(topic, match)
    if (members.size === 0) map.delete(key)
  }

  #place(topic: string, match: Match): [map: Map<string, Subscription>, key: string] {
    return match === 'exact' ? [this.#exact, topic] : [this.#patterns, `${match} ${topic}`]
  }

  /** Whether anybody would get what is published. */
  hears(topic: string): boolean {
    return this.#matching(topic).length > 0
  }

  /** Gives it to all whom it is for. */
  dispatch(publication: Publication, excluded: Peer | undefined): void {
    for (const subscription of this.#matching(publication.topic)) {
      // A delivery can end the session that gets it.
      for (const member of [...subscription.members]) {
        if (member !== excluded && isFor(publication.options, member))
          member.deliver(publication, subscription, false)
      }
    }
  }

  #matching(topic: string): Subscription[] {
    const exact = this.#exact.get(topic)
    const found = exact === undefined ? [] : [exact]
    for (const pattern of this.#patterns.values()) if (fits(pattern, topic)) found.push(pattern)
    return found
  }

  /** What is retained of what somebody has just subscribed to. */
  recall(subscription: Subscription, subscriber: Subscriber): void {
    for (const publication of this.retained.values()) {
      if (fits(subscription, publication.topic) && isFor(publication.options, subscriber))
        subscriber.deliver(publication, subscription, true)
    }
  }
}

function fits({ topic: pattern, match }: Subscription, topic: string): boolean {
  if (match === 'exact') return topic === pattern
  if (match === 'prefix') return topic.startsWith(pattern)
  const [wanted, given] = [pattern.split('.'), topic.split('.')]
  return wanted.length === given.length && wanted.every((part, i) => part === '' || part === given[i])
}

/** Lists that choose the receivers, and what they name: each that is given must fit. */
const LISTS = [
  ['exclude', 'eligible', ({ id }: Peer) => String(id)],
  ['exclude_authid', 'eligible_authid', ({ authid }: Peer) => authid],
  ['exclude_authrole', 'eligible_authrole', ({ role }: Peer) => role],
] as const

function isFor(options: Dict, peer: Peer): boolean {
  return LISTS.every(([exclude, eligible, of]) => {
    if (isAmong(of(peer), options[exclude])) return false
    return options[eligible] === undefined || isAmong(of(peer), options[eligible])
  })
}

/** Over HTTP an id of version 2 may be text. */
const isAmong = (name: string, list: unknown): boolean =>
  list !== undefined && (list as List).some((one) => String(one) === name)

/** What an event says besides what was published. */
export const eventDetails = (
  { topic, options: { forward_for }, publisher }: Publication,
  { match }: Subscription,
  retained: boolean,
): Dict => ({
  ...(match !== 'exact' && { topic }),
  ...(retained && { retained }),
  ...(forward_for !== undefined && { forward_for }),
  ...(publisher && {
    publisher: publisher.id,
    publisher_authid: publisher.authid,
    publisher_authrole: publisher.role,
  }),
})

/** What is wrong with the options of a publication. */
export function optionFault(options: Dict): string | undefined {
  for (const name of ['acknowledge', 'exclude_me', 'disclose_me', 'retain']) {
    const value = options[name]
    if (value !== undefined && typeof value !== 'boolean') return `"${name}" must be true or false`
  }
  for (const [exclude, eligible] of LISTS) {
    const isName = exclude === 'exclude' ? isId : (one: unknown) => typeof one === 'string'
    for (const name of [exclude, eligible]) {
      const list = options[name]
      if (list !== undefined && !(Array.isArray(list) && list.every(isName)))
        return `"${name}" must be a list of ${isName === isId ? 'session ids' : 'texts'}`
    }
  }
  const route = options.forward_for
  if (route === undefined || (Array.isArray(route) && route.every(isDict))) return undefined
  return '"forward_for" must be a list of sessions'
}

const isId = (one: unknown): boolean => typeof one === 'string' || Number.isInteger(one)

const URIS: Readonly<Record<Match, RegExp>> = {
  exact: /^([^\s.#]+\.)*[^\s.#]+$/,
  prefix: /^([^\s.#]+\.)*[^\s.#]*$/,
  wildcard: /^([^\s.#]*\.)*[^\s.#]*$/,
}

/** Whether version 2 takes a text for a URI, or a pattern of them. */
export const isUri = (text: string, match: Match = 'exact'): boolean => URIS[match].test(text)

export const invalidUri = (uri: string): WampError =>
  new WampError('wamp.error.invalid_uri', `<${uri}> is no URI here`)
