import type { IsomqError } from '../core/errors.ts'
import type { Life } from '../core/life.ts'
import type { Line } from '../core/line.ts'
import type { Session } from '../core/session.ts'
import { quiet, type WaitOptions } from '../core/wait.ts'
import { createWish } from '../core/wish.ts'
import { createSubscription, type OwnSubscription } from './subscription.ts'
import type { WampEvent, WampEvents, WampMatch, WampSubscription } from './types.ts'
import type { Wire } from './wire.ts'
import { provider } from './wrong.ts'

/** A topic on the server, and whoever shares it here. */
export interface Topic {
  readonly topic: string
  readonly granted: boolean
  /** Somebody has a subscription or waits for one. */
  readonly wanted: boolean
  subscribe(limits: WaitOptions): Promise<WampSubscription>
  restore(session: Session): void
  lost(): void
  received(event: WampEvent): void
  end(error: IsomqError, told?: IsomqError): void
}

/** What topics use of the session that they belong to. */
export interface TopicOwner {
  readonly line: Line<Session>
  readonly life: Life<WampEvents>
  readonly answerTimeout: number
  /** Those that somebody wants or that the server may have, by their names. */
  readonly topics: Map<string, Topic>
  /** By what the present session's events name them. */
  readonly routes: Map<string | number, Topic>
  /** The version as the present session speaks it. */
  wire(): Wire
  /** The session is of no use any more: another one is needed. */
  leave(error: IsomqError): void
  /** Somebody was too slow for an event. */
  dropped(): void
}

export function createTopic(owner: TopicOwner, name: string, topic: string, match: WampMatch): Topic {
  const { line, life, topics, routes, wire, dropped } = owner
  const subscriptions = new Set<OwnSubscription>()
  let key: string | number | undefined
  /** Sessions that were asked and have not answered. */
  let asked = 0
  /** It was granted once, and is to be restored. */
  let held = false

  const wish = createWish({
    provider,
    clock: line.clock,
    what: `subscription of ${topic}`,
    async grant(session) {
      asked++
      try {
        await wire().subscribe(session, topic, match, (given) => {
          key = given
          routes.set(given, self)
        })
      } catch (error) {
        // No answer is no refusal: another session may have one.
        if (held && (error as IsomqError).code === 'TIMEOUT' && line.find() === session) {
          owner.leave(error as IsomqError)
        }
        throw error
      } finally {
        asked--
        tidy()
      }
    },
    granted() {
      held = true
    },
    refused(error) {
      held = false
      self.end(error, error)
      subscriptions.clear()
      tidy()
      life.status({ type: 'refused', topic, error })
    },
    unwanted(session) {
      const given = unroute()
      tidy()
      if (given !== undefined) quiet(revoke(session, given, {}))
    },
  })

  function unroute(): string | number | undefined {
    const given = key
    key = undefined
    if (given !== undefined) routes.delete(given)
    return given
  }

  /** Nothing is left of what nobody wants and the server was not asked for either. */
  function tidy(): void {
    if (!wish.wanted && asked === 0 && key === undefined) topics.delete(name)
  }

  /** Tells a session that nobody wants it any more. */
  const revoke = (
    session: Session,
    given: string | number,
    { signal, timeout = owner.answerTimeout }: WaitOptions,
  ) => wire().unsubscribe(session, given, { signal, timeout })

  async function leave(subscription: OwnSubscription, limits: WaitOptions): Promise<void> {
    subscriptions.delete(subscription)
    if (subscriptions.size > 0) return
    held = false
    const session = line.find()
    // What is not granted yet is given back when it is.
    const given = wish.unwant() ? unroute() : undefined
    tidy()
    // A session that is over has forgotten it by itself.
    if (given !== undefined && session) await revoke(session, given, limits)
  }

  const self: Topic = {
    topic,
    get granted() {
      return wish.granted
    },
    get wanted() {
      return wish.wanted
    },
    async subscribe(limits) {
      life.check()
      topics.set(name, self)
      const has = (one: OwnSubscription) => subscriptions.has(one)
      const subscription = createSubscription({ topic, match, has, leave, life, dropped })
      // It listens from now on: events may follow on the heels of the answer.
      subscriptions.add(subscription)
      try {
        const granted = wish.want(limits)
        const session = line.find()
        if (session) wish.ask(session)
        else if (wish.wanted) line.start()
        await granted
        return subscription
      } catch (error) {
        quiet(leave(subscription, {}))
        throw error
      }
    },
    restore: wish.ask,
    lost() {
      unroute()
      wish.lost()
    },
    received(event) {
      for (const subscription of [...subscriptions]) subscription.received(event)
    },
    end(error, told) {
      wish.end(error)
      for (const subscription of subscriptions) subscription.end(told)
    },
  }
  return self
}
