import { alarm, type Clock } from '../core/clock.ts'
import { IsomqError, toError } from '../core/errors.ts'
import { createPending } from '../core/pending.ts'
import type { WaitOptions } from '../core/wait.ts'
import type { TamarRecord, TamarReplies } from './ports.ts'
import { provider } from './wrong.ts'

export interface AnswersSetup {
  readonly clock: Clock
  readonly lookEvery: number
  /** Reads rows; rejects when the table cannot be read, which is no harm here: there is a next time. */
  read(ids: readonly string[]): Promise<readonly TamarRecord[]>
  trace(event: string, facts: () => Record<string, unknown>): void
}

/** The answers to commands that somebody waits for, from the reply queue or, where that was lost, from the table. */
export interface Answers extends TamarReplies {
  readonly counters: { answered: number; found: number; unclaimed: number }
  readonly size: number
  /** Waits for the answer to a row's command, which was given `timeout` ms in all. */
  wait(correlationId: string, messageId: string, limits: WaitOptions, timeout: number): Promise<unknown>
  /** The command did not go out: ends the wait for its answer. */
  giveUp(correlationId: string, error: Error): void
  /** Ends the waits. */
  end(error: IsomqError): void
}

/** Who waits, and when to look for the answer in the table. */
interface Sought {
  readonly correlationId: string
  readonly messageId: string
  due: number
  pause: number
}

const FIRST_PAUSE = 1_000
const MOST_IDS = 100
/** Milliseconds that the look at the table may take with which a command ends. */
const LAST_LOOK = 5_000

/** @throws when it is no JSON, or no text at all, as drivers give that parse JSON themselves */
export function parseAnswer(text: unknown): unknown {
  if (typeof text === 'string') return JSON.parse(text)
  throw new TypeError('the store gave the answer as something else than JSON text')
}

export function createAnswers({ clock, lookEvery, read, trace }: AnswersSetup): Answers {
  const pending = createPending<string, { readonly json: unknown }>(provider, clock, Number.POSITIVE_INFINITY)
  const sought = new Map<string, Sought>()
  const counters = { answered: 0, found: 0, unclaimed: 0 }
  /** The longest pause between two looks. */
  const longest = lookEvery || FIRST_PAUSE * 30
  let cancel: (() => void) | undefined
  let looking = false
  /** Why answers may have been lost since the last one came. */
  let reason: Error | undefined

  /** Says whether somebody has waited for it. */
  function settle(correlationId: string, text: unknown): boolean {
    let answer: { readonly json: unknown } | IsomqError
    try {
      answer = { json: parseAnswer(text) }
    } catch (cause) {
      answer = new IsomqError(provider, 'PROTOCOL', 'the answer to the command is not JSON', { cause })
    }
    return pending.settle(correlationId, answer)
  }

  function plan(): void {
    cancel?.()
    cancel = undefined
    if (looking) return
    let next = Number.POSITIVE_INFINITY
    for (const { due } of sought.values()) next = Math.min(next, due)
    if (next < Number.POSITIVE_INFINITY) cancel = alarm(clock, Math.max(0, next - clock.now()), look)
  }

  async function look(): Promise<void> {
    const now = clock.now()
    // What is due soon is looked up with the rest: one query for many.
    const due = [...sought.values()].filter((one) => one.due <= now + Math.min(one.pause, longest) / 8)
    looking = true
    for (const one of due) {
      one.due = now + one.pause
      one.pause = Math.min(one.pause * 2, longest)
    }
    for (let at = 0; at < due.length; at += MOST_IDS) await find(due.slice(at, at + MOST_IDS))
    looking = false
    plan()
  }

  /** Looks for answers in the table. */
  async function find(wanted: readonly Sought[]): Promise<void> {
    try {
      const byId = new Map(wanted.map((one) => [one.messageId, one.correlationId]))
      for (const { id, commandResponse, status } of await read([...byId.keys()])) {
        const correlationId = byId.get(id) ?? ''
        if (commandResponse != null) {
          if (settle(correlationId, commandResponse)) counters.found++
        } else if (status === 'TIMED_OUT') {
          const text = 'the command expired before the client answered'
          pending.settle(correlationId, new IsomqError(provider, 'TIMEOUT', text, { retryable: false }))
        }
      }
    } catch (thrown) {
      reason = toError(thrown)
      trace('unread', () => ({ commands: wanted.length, error: String(thrown) }))
      const half = wanted.length >> 1
      if (half === 0 || (thrown as IsomqError).details?.code !== 'LIMIT') return
      // So many answers are more than one request may bring.
      await find(wanted.slice(0, half))
      await find(wanted.slice(half))
    }
  }

  let expiring: Sought[] = []
  let found: Promise<void> | undefined

  /** The last look; those of the same moment make one. */
  function lookLast(one: Sought): Promise<void> {
    expiring.push(one)
    found ??= new Promise((resolve) =>
      alarm(clock, 0, async () => {
        const all = expiring
        expiring = []
        found = undefined
        for (let at = 0; at < all.length; at += MOST_IDS) await find(all.slice(at, at + MOST_IDS))
        resolve()
      }),
    )
    return found
  }

  return {
    counters,
    get size() {
      return sought.size
    },
    get waiting() {
      return sought.size > 0
    },
    async wait(correlationId, messageId, limits, timeout) {
      const pause = lookEvery || Number.POSITIVE_INFINITY
      const one: Sought = { correlationId, messageId, due: clock.now() + pause, pause }
      sought.set(correlationId, one)
      if (!cancel) plan()
      try {
        const answer = pending.add(correlationId, 'answer to the command', limits, () => {})
        const { json } = await answer.catch(async (error: IsomqError) => {
          // The last chance of an answer that went to a queue that was gone.
          if (error.code !== 'TIMEOUT' || !error.retryable) throw error
          const late = pending.add(
            correlationId,
            'answer to the command',
            { signal: limits.signal },
            () => {},
          )
          const giveUp = () => {
            const text = `no answer to the command within ${timeout} ms`
            pending.settle(correlationId, new IsomqError(provider, 'TIMEOUT', text, { cause: reason }))
          }
          const cancel = alarm(clock, LAST_LOOK, giveUp)
          lookLast(one).then(giveUp)
          return late.finally(cancel)
        })
        counters.answered++
        return json
      } finally {
        sought.delete(correlationId)
        if (sought.size === 0) plan()
      }
    },
    giveUp: (correlationId, error) => void pending.settle(correlationId, error),
    reply(correlationId, body) {
      reason = undefined
      if (settle(correlationId, body)) return
      counters.unclaimed++
      trace('unclaimed', () => ({ correlationId }))
    },
    lost(cause) {
      reason = cause
      for (const one of sought.values()) {
        one.due = clock.now()
        one.pause = Math.min(FIRST_PAUSE, longest)
      }
      plan()
    },
    end: (error) => pending.rejectAll(error),
  }
}
