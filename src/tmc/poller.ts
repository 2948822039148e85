import { createConnection } from '../core/connection.ts'
import type { Courier } from '../core/delivery.ts'
import { IsomqError } from '../core/errors.ts'
import { createReceiver } from '../core/receiver.ts'
import { aborted, quiet } from '../core/wait.ts'
import { readId } from './arguments.ts'
import { createConfirms } from './confirms.ts'
import type { TmcMessage } from './message.ts'
import { createMethods } from './methods.ts'
import { type Poll, startPoll } from './poll.ts'
import { PolledDelivery } from './polled.ts'
import {
  readPollerOptions,
  type TmcPoller,
  type TmcPollerOptions,
  type TmcPollerStatus,
} from './polleroptions.ts'
import { callTop, listOf } from './top.ts'

const PATIENCE = 30_000
/** Fewer than this many messages cannot be asked for. */
const FEWEST = 10
/** The gateway's codes for who may not call at all: missing or wrong signature, app key, session. */
const REFUSALS: readonly unknown[] = [24, 25, 26, 27, 28, 29]

/**
 * A client of Taobao's message channel over the HTTP gateway, for runtimes or moments without a socket. It
 * sends nothing until it is used.
 *
 * @throws IsomqError `CONFIG` when an option is wrong; the text names it
 */
export function createTmcPoller(options: TmcPollerOptions): TmcPoller {
  const settings = readPollerOptions(options)
  const { clock, groupName: group_name, quantity } = settings
  const provider = 'tmc'
  let calls = new AbortController()
  const setup = { ...settings, provider, ended: () => calls.signal } as const
  /** Handed to the inbox and not settled: the gateway may give a message out again meanwhile. */
  const underWay = new Set<string>()
  let poll: Poll | undefined
  let reconnects = 0

  const receiver = createReceiver<PolledDelivery, TmcMessage, TmcPollerStatus>({
    ...setup,
    relieved: () => poll?.wake(),
    start: () => connection.start(),
    flush: () => confirms.flush(),
    async stop(error) {
      calls.abort(error)
      await connection.stop(error)
    },
  })
  const methods = createMethods(setup, receiver.check)
  const confirms = createConfirms(
    clock,
    settings.confirmDelay,
    (ids) => methods.confirm(ids),
    receiver.report,
  )
  const courier: Courier<PolledDelivery> = {
    provider,
    ack: ({ id }) => quiet(confirms.add(id)),
    // The gateway has no word for failed: what is not confirmed comes again.
    nack: () => undefined,
    settled(delivery, outcome) {
      underWay.delete(delivery.id)
      receiver.settled(delivery, outcome)
    },
  }

  const connection = createConnection({
    ...setup,
    connectTimeout: settings.timeout * 2,
    idleTimeout: 0,
    dial: () => ({ url: settings.url }),
    open(events) {
      poll = startPoll(
        { ...settings, ask, hungry: () => receiver.room() >= Math.min(FEWEST, settings.maxBuffered) },
        events,
      )
      return poll
    },
    received: (session) => session.accept(),
    gaveUp(error) {
      receiver.gaveUp(error)
      connection.stop(error)
    },
    changed(change) {
      if (change.from === 'reconnecting' && change.to === 'open') reconnects++
      receiver.changed(change)
    },
    status: receiver.status,
  })

  /** Asks once; says how many messages came that were not under way already. */
  async function ask(signal: AbortSignal): Promise<number> {
    const most = Math.max(FEWEST, Math.min(quantity, receiver.room()))
    const answer = await callTop(
      setup,
      'taobao.tmc.messages.consume',
      { group_name, quantity: most },
      { signal },
    ).catch((error: IsomqError) => {
      throw error instanceof IsomqError && REFUSALS.includes(Number(error.details.code))
        ? refused(error)
        : error
    })
    const fresh = listOf(answer, 'messages', 'tmc_message').filter(({ id }) => !underWay.has(String(id)))
    receiver.trace('received', () => ({ messages: fresh.length }))
    let taken = 0
    for (const message of fresh) {
      if (!/^-?\d+$/.test(String(message.id))) {
        receiver.report(new IsomqError(provider, 'PROTOCOL', 'the gateway gave out a message without an id'))
        continue
      }
      const delivery = new PolledDelivery(courier, clock.now(), message)
      underWay.add(delivery.id)
      if (receiver.receive(delivery, false)) taken++
      else underWay.delete(delivery.id)
    }
    return taken
  }

  return {
    ...methods,
    get state() {
      return connection.state
    },
    async connect({ signal, timeout = PATIENCE } = {}) {
      if (signal?.aborted) throw aborted(provider, 'connection', signal)
      receiver.revive()
      receiver.check()
      if (calls.signal.aborted) calls = new AbortController()
      await connection.connect({ signal, timeout })
    },
    close: receiver.close,
    [Symbol.asyncDispose]: () => receiver.close(),
    on: receiver.on,
    messages: receiver.messages,
    confirm: async (ids, limits) =>
      methods.confirm(
        ids.map((id) => String(readId(id))),
        limits,
      ),
    stats: () => ({ ...receiver.stats(), reconnects }),
  }
}

const refused = (error: IsomqError) =>
  new IsomqError(
    'tmc',
    'AUTH_REJECTED',
    'the gateway refused the caller; check app key, secret and session',
    {
      cause: error,
      details: error.details,
    },
  )
