import { IsomqError } from '../core/errors.ts'
import type { Life } from '../core/life.ts'
import { aborted, quiet, type WaitOptions, wait } from '../core/wait.ts'
import type { TamarDispatch, TamarRow } from './ports.ts'
import { type Step, type Steps, type Trail, takeStep, withTrail } from './step.ts'
import type { TamarClientOptions, TamarLifeEvents, TamarSender } from './types.ts'
import { provider } from './wrong.ts'

/** The options with their defaults. */
export type TamarSettings = Required<Omit<TamarClientOptions, 'logger'>> & Pick<TamarClientOptions, 'logger'>

/** What one kind of message has in its row. */
export type RowFields = Pick<
  TamarRow,
  'targetUserId' | 'pushType' | 'payload' | 'commandRequestId' | 'expiresAt' | 'retryInterval'
>

/** The steps of a send, in the order in which a crash between two of them does the least harm. */
export interface Sender {
  readonly counters: { rows: number; dispatched: number }
  /** Resolves when no send is on its way. */
  idle(): Promise<void>
  /**
   * Waits for a send as long as its caller does. What has begun goes on without him: to stop between row and dispatch
   * would leave a row that nobody knows of. A failure is `repeatable` when the same call may come again.
   */
  follow<T>(limits: WaitOptions, trail: Trail, send: () => Promise<T>, repeatable?: boolean): Promise<T>
  /**
   * Takes a sequence number and writes the row, within the limit of a step and `left` milliseconds; nothing is left when
   * the signal ends it before the row is begun.
   */
  write(
    fields: RowFields,
    sender: TamarSender,
    trail: Trail,
    signal?: AbortSignal,
    left?: () => number,
  ): Promise<string>
  /** Within the limit of a step, and `most` milliseconds. */
  publish(dispatch: TamarDispatch, trail: Trail, most?: number): Promise<void>
}

const SEQUENCE: Step = {
  service: 'redis',
  failed: 'Redis gave no sequence number, so nothing was written and nothing sent',
}
const ROW: Step = {
  service: 'store',
  failed: 'MySQL did not take the row, so nothing was sent',
  unsure: 'MySQL did not confirm the row; dispatch(messageId) sends it if it exists',
}
const DISPATCH: Step = {
  service: 'broker',
  failed:
    'the row exists, but RabbitMQ did not confirm its dispatch; call dispatch(messageId), do not send again',
}

const UNLIMITED = () => Number.POSITIVE_INFINITY

export function createSender(settings: TamarSettings & Steps, life: Life<TamarLifeEvents>): Sender {
  const { clock, redis, store, broker } = settings
  const counters = { rows: 0, dispatched: 0 }
  /** Sends on their way. */
  let running = 0
  let nowIdle: (() => void) | undefined

  /** The steps, none of which may take longer than `most`. */
  function within(most: number): Steps {
    if (most === Number.POSITIVE_INFINITY) return settings
    return { ...settings, stepTimeout: Math.min(settings.stepTimeout || most, most) }
  }

  function track<T>(sending: Promise<T>): Promise<T> {
    running++
    sending.then(ended, ended)
    return sending
  }

  function ended(): void {
    if (--running === 0) nowIdle?.()
  }

  return {
    counters,
    idle: () =>
      new Promise((resolve) => {
        nowIdle = resolve
        if (running === 0) resolve()
      }),
    async follow(limits, trail, send, repeatable) {
      let left = false
      try {
        return await wait(limits ?? {}, { provider, clock, what: 'confirmation' }, (resolve, reject) => {
          track(send()).then(resolve, (error) => {
            // Whom it concerns has gone, and there may be a row.
            if (left && trail.messageId) life.report(withTrail(error, trail, repeatable) as Error)
            reject(error)
          })
          return () => {
            left = true
          }
        })
      } catch (error) {
        throw withTrail(error, trail, repeatable)
      }
    },
    async write(fields, { senderType = 'server', senderId = null }, trail, signal, left = UNLIMITED) {
      const key = `seq:user:${fields.targetUserId}`
      const seq = await takeStep(within(left()), SEQUENCE, trail, async (limits) => {
        const given = await redis.incr(key, limits)
        const isExact = typeof given !== 'number' || Number.isSafeInteger(given)
        if (isExact && /^\d{1,19}$/.test(String(given))) return String(given)
        throw new IsomqError(provider, 'PROTOCOL', 'Redis answered INCR with something that is no number')
      })
      // Nobody waits any more, and nothing has been left.
      if (signal?.aborted) throw aborted(provider, 'confirmation', signal)
      const id = globalThis.crypto.randomUUID()
      trail.messageId = id
      trail.row = 'unknown'
      const nonce = globalThis.crypto.randomUUID()
      const row: TamarRow = { ...fields, id, senderType, senderId, seq, nonce, status: 'PENDING' }
      await takeStep(within(left()), ROW, trail, (limits) => store.insert(row, limits))
      trail.row = true
      counters.rows++
      life.trace('written', () => ({ messageId: id, seq }))
      return id
    },
    async publish(dispatch, trail, most = UNLIMITED()) {
      // It may outlive the wait for the answer, which can come first.
      const act = ({ timeout }: WaitOptions) => broker.publish(dispatch, { timeout })
      await quiet(track(takeStep<unknown>(within(most), DISPATCH, trail, act)))
      counters.dispatched++
      life.trace('dispatched', () => ({ messageId: trail.messageId }))
    },
  }
}
