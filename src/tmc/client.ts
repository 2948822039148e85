import { IsomqError } from '../core/errors.ts'
import type { State, StateChange } from '../core/machine.ts'
import { createReceiver } from '../core/receiver.ts'
import { type WaitOptions, wait } from '../core/wait.ts'
import { readId, readProduce } from './arguments.ts'
import { createDedupe } from './dedupe.ts'
import { createLink, type Link } from './link.ts'
import type { TmcDelivery, TmcMessage } from './message.ts'
import { readOptions, type TmcClientOptions } from './options.ts'
import type { TmcClient, TmcStatus } from './types.ts'

const PATIENCE = 30_000

/**
 * A client of Taobao's message channel over WebSocket. It makes no connection until it is used.
 *
 * @throws IsomqError `CONFIG` when an option is wrong; the text names it
 */
export function createTmcClient(options: TmcClientOptions): TmcClient {
  const settings = readOptions(options)
  const { clock, maxContent, maxPending, answerTimeout } = settings
  const provider = 'tmc'
  const dedupe = createDedupe(clock, settings.dedupe)
  const counters = { duplicates: 0, malformed: 0, produced: 0, reconnects: 0 }
  let state: State = 'idle'
  let lastRoundTrip: number | undefined
  let producing = 0
  let turn = 0

  const receiver = createReceiver<TmcDelivery, TmcMessage, TmcStatus>({
    ...settings,
    provider,
    prepare: (delivery) => delivery.prepare(maxContent),
    relieved() {
      for (const link of links) link.pull()
    },
    start() {
      for (const link of links) link.connection.start()
    },
    async stop(error) {
      await Promise.all(links.map((link) => link.connection.stop(error)))
    },
  })
  const links = Array.from({ length: settings.connections }, (_, i) => makeLink(i + 1))

  function makeLink(connection: number): Link {
    const own = createLink(settings, {
      message(delivery) {
        if (!dedupe.isDone(delivery.exactId)) return receiver.receive(delivery, delivery.retried > 0)
        counters.duplicates++
        delivery.ack()
      },
      done: (delivery) => dedupe.done(delivery.exactId),
      settled: receiver.settled,
      hungry: () => receiver.room > 0,
      lost: receiver.drop,
      // Refused or out of retries: none of the others will fare better.
      gaveUp(error) {
        receiver.gaveUp(error)
        for (const link of links) if (link !== own) link.connection.stop(error)
      },
      changed(change) {
        if (change.from === 'reconnecting' && change.to === 'open') counters.reconnects++
        stateChanged(change)
      },
      status(status) {
        if (status.type === 'disconnected' && status.error.code !== 'CLOSED') receiver.report(status.error)
        receiver.status({ ...status, connection })
      },
      malformed(error, frame) {
        counters.malformed++
        receiver.status({ type: 'malformed', error, bytes: frame.length, connection })
      },
      notice: receiver.report,
      trace: receiver.trace,
    })
    return own
  }

  /** The client stands where its best connection stands. */
  function stateChanged({ reason }: StateChange): void {
    const states = links.map((link) => link.connection.state)
    const to =
      (['open', 'reconnecting', 'connecting', 'idle'] as const).find((s) => states.includes(s)) ?? 'closed'
    const from = state
    if (to === from) return
    state = to
    receiver.trace('state', () => ({ from, to }))
    receiver.changed({ from, to, reason })
  }

  /** A link that is signed in; they take turns. */
  function signedIn(): Link | undefined {
    for (let i = 0; i < links.length; i++) {
      const link = links[turn++ % links.length]!
      if (link.connection.session) return link
    }
    return undefined
  }

  /** Resolves when a link is signed in. */
  function anySignedIn(limits: WaitOptions): Promise<unknown> {
    const others = new AbortController()
    return wait(limits, { provider, clock, what: 'connection' }, (resolve, reject) => {
      for (const { connection } of links) connection.connect({ signal: others.signal }).then(resolve, reject)
      return () => others.abort()
    })
  }

  /** Uses a link that is signed in; waits for one, and again when it is lost before it could be used. */
  async function useLink<T>(
    { signal, timeout = PATIENCE }: WaitOptions,
    use: (link: Link, left: number) => T,
  ): Promise<Awaited<T>> {
    const startedAt = clock.now()
    for (;;) {
      receiver.check()
      for (const link of links) link.connection.start()
      const left = timeout && Math.max(1, timeout - (clock.now() - startedAt))
      const link = signedIn()
      if (link) return await use(link, left)
      await anySignedIn({ signal, timeout: left })
    }
  }

  return {
    get state() {
      return state
    },
    async connect({ signal, timeout = PATIENCE } = {}) {
      receiver.revive()
      receiver.check()
      await Promise.all(links.map((link) => link.connection.connect({ signal, timeout })))
    },
    close: receiver.close,
    [Symbol.asyncDispose]: () => receiver.close(),
    on: receiver.on,
    messages: receiver.messages,
    async produce(message, limits = {}) {
      const fields = readProduce(message)
      if (producing >= maxPending) {
        const text = `${maxPending} produce calls are under way; await some first, or raise maxPending`
        throw new IsomqError(provider, 'QUEUE_FULL', text)
      }
      producing++
      try {
        lastRoundTrip = await useLink(limits, (link, left) =>
          link.produce(fields, {
            signal: limits.signal,
            timeout: Math.min(left || answerTimeout, answerTimeout || left),
          }),
        )
        counters.produced++
      } finally {
        producing--
      }
    },
    async confirm(id, limits = {}) {
      const exact = readId(id)
      await useLink(limits, (link) => link.confirm(exact))
    },
    async fail(id, reason = 'refused by the consumer', limits = {}) {
      const exact = readId(id)
      await useLink(limits, (link) => link.fail(exact, reason))
    },
    stats: () => ({
      ...receiver.stats(),
      ...counters,
      connections: links.filter((link) => link.connection.session).length,
      lastRoundTrip,
    }),
  }
}
