import { createEmitter } from '../core/emitter.ts'
import { IsomqError, toError } from '../core/errors.ts'
import { createFeed } from '../core/feed.ts'
import type { Life } from '../core/life.ts'
import { aborted, noTimeout, type WaitOptions } from '../core/wait.ts'
import type { WampEvent, WampEvents, WampMatch, WampSubscription } from './types.ts'
import { provider, wrong } from './wrong.ts'

/** A subscription, as its topic sees it. */
export interface OwnSubscription extends WampSubscription {
  received(event: WampEvent): void
  /** Ends the loops; `told` is what they throw. */
  end(told?: IsomqError): void
}

export interface SubscriptionOwner {
  readonly topic: string
  readonly match: WampMatch
  has(subscription: OwnSubscription): boolean
  leave(subscription: OwnSubscription, limits: WaitOptions): Promise<void>
  readonly life: Life<WampEvents>
  dropped(): void
}

/** Events that may wait for the first who listens. */
const EARLY = 1_000

export function createSubscription(owner: SubscriptionOwner): OwnSubscription {
  const emitter = createEmitter<{ event: WampEvent }>((thrown) => owner.life.report(toError(thrown)))
  const feed = createFeed<WampEvent>(provider, owner.dropped)
  /** What came before anybody could listen: the first events may follow on the heels of the answer. */
  let early: WampEvent[] | undefined = []

  function flush(): void {
    const waiting = early ?? []
    early = undefined
    for (const event of waiting) subscription.received(event)
  }

  const subscription: OwnSubscription = {
    topic: owner.topic,
    match: owner.match,
    get active() {
      return owner.has(subscription)
    },
    on(type, handler) {
      if (type !== 'event' || typeof handler !== 'function') throw wrong("on() takes 'event' and a function")
      const off = emitter.on(type, handler)
      flush()
      return off
    },
    messages(options = {}) {
      const over = new IsomqError(provider, 'CLOSED', 'the subscription is over; subscribe again')
      const loop = feed.iterate(options, subscription.active ? owner.life.ended : over)
      flush()
      return loop
    },
    async unsubscribe(limits = {}) {
      const { signal, timeout = 0 } = limits
      if (signal?.aborted) throw aborted(provider, 'answer', signal)
      if (!(timeout >= 0)) throw noTimeout(provider)
      if (!subscription.active) return
      feed.end()
      await owner.leave(subscription, limits)
    },
    received(event) {
      // A handler before this one may have ended it.
      if (!subscription.active) return
      if (!early) {
        emitter.emit('event', event)
        return feed.push(event)
      }
      early.push(event)
      if (early.length <= EARLY) return
      early.shift()
      owner.dropped()
    },
    end: feed.end,
  }
  return subscription
}
