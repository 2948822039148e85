import { IsomqError } from '../core/errors.ts'
import { type Line, PATIENCE, useLine } from '../core/line.ts'
import type { State, StateChange } from '../core/machine.ts'
import { createReceiver } from '../core/receiver.ts'
import { aborted, type WaitOptions, wait } from '../core/wait.ts'
import { readId, readProduce } from './arguments.ts'
import { createDedupe } from './dedupe.ts'
import { createLink, type Link, type Team } from './link.ts'
import type { TmcDelivery, TmcMessage } from './message.ts'
import { readOptions, type TmcClientOptions } from './options.ts'
import type { TmcClient, TmcStatus } from './types.ts'

/**
 * A client of Taobao's message channel over WebSocket. It makes no connection until it is used.
 *
 * @throws IsomqError `CONFIG` when an option is wrong; the text names it
 */
export function createTmcClient(options: TmcClientOptions): TmcClient {
  const settings = readOptions(options)
  const { clock, maxContent, maxPending, answerTimeout } = settings
  const provider = 'tmc'
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
    start,
    stop,
  })
  const dedupe = createDedupe(clock, settings.dedupe)
  const team: Team = { settings, receiver, dedupe, counters, changed, gaveUp }
  const links = Array.from({ length: settings.connections }, (_, i) => createLink(team, i + 1))
  const signedIn = () => links.filter((link) => link.connection.session)

  function start(): void {
    for (const link of links) link.connection.start()
  }

  async function stop(error: IsomqError): Promise<void> {
    await Promise.all(links.map((link) => link.connection.stop(error)))
  }

  /** Refused or out of retries: none of the links will fare better. */
  function gaveUp(error: IsomqError): void {
    receiver.gaveUp(error)
    stop(error)
  }

  /** The client stands where its best connection stands. */
  function changed({ reason }: StateChange): void {
    const states = links.map((link) => link.connection.state)
    const from = state
    state =
      (['open', 'reconnecting', 'connecting', 'idle'] as const).find((s) => states.includes(s)) ?? 'closed'
    if (state !== from) receiver.changed({ from, to: state, reason })
  }

  /** Resolves when a link is signed in. */
  function anySignedIn(limits: WaitOptions): Promise<unknown> {
    const others = new AbortController()
    return wait(limits, { provider, clock, what: 'connection' }, (resolve, reject) => {
      for (const { connection } of links) connection.connect({ signal: others.signal }).then(resolve, reject)
      return () => others.abort()
    })
  }

  const line: Line<Link> = {
    provider,
    clock,
    check: receiver.check,
    start,
    find() {
      // They take turns.
      const ready = signedIn()
      return ready[turn++ % ready.length]
    },
    ready: anySignedIn,
  }

  return {
    get state() {
      return state
    },
    async connect({ signal, timeout = PATIENCE } = {}) {
      if (signal?.aborted) throw aborted(provider, 'connection', signal)
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
        lastRoundTrip = await useLine(line, limits, (link, left) =>
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
      const exactId = readId(id)
      await useLine(line, limits, (link) => link.ack({ exactId }))
    },
    async fail(id, reason = 'refused by the consumer', limits = {}) {
      const exactId = readId(id)
      await useLine(line, limits, (link) => link.nack({ exactId }, reason))
    },
    stats: () => ({
      ...receiver.stats(),
      ...counters,
      connections: signedIn().length,
      lastRoundTrip,
    }),
  }
}
