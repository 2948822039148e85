import { IsomqError } from '../core/errors.ts'
import { createLife, type Life } from '../core/life.ts'
import * as o from '../core/options.ts'
import { noTimeout, quiet, type WaitOptions, wait } from '../core/wait.ts'
import { createAnswers, parseAnswer } from './answers.ts'
import { checkMs, checkSender, checkText, payloadText } from './payload.ts'
import type { TamarRecord } from './ports.ts'
import { createSender, type TamarSettings } from './sender.ts'
import { endAll, type Step, type Steps, type Trail, takeStep, withTrail } from './step.ts'
import type { TamarClient, TamarClientOptions, TamarLifeEvents, TamarResult } from './types.ts'
import { provider, wrong } from './wrong.ts'

const RELIABLE = 1
const COMMAND = 2
/** How long a command may take, in milliseconds: in all, and what is left of that. */
interface CommandLimits {
  readonly signal: AbortSignal | undefined
  readonly timeout: number
  left(): number
  /** Whether its answer is waited for. */
  readonly waits: boolean
}

/** The last instant that a TIMESTAMP of MySQL can hold. */
const LAST = 2_147_483_647_000
const INT = 2 ** 31 - 1
/** Milliseconds that a broker has to close. */
const CLOSING = 5_000

const REALTIME: Step = { service: 'redis', failed: 'Redis did not confirm the realtime message' }
const READ: Step = { service: 'store', failed: 'MySQL did not give the row' }
const OPEN: Step = { service: 'broker', failed: 'RabbitMQ could not be reached' }
const CLOSE: Step = { service: 'broker', failed: 'the broker could not be closed' }

/**
 * Sends realtime, reliable and command messages to users over Redis, MySQL and RabbitMQ, which drivers reach.
 *
 * @throws IsomqError `CONFIG` when an option is wrong; the text names it
 */
export function createTamarClient(options: TamarClientOptions): TamarClient {
  const settings = o.parseOptions<TamarSettings>(
    provider,
    {
      ...o.injected(),
      redis: o.driver('publish', 'incr'),
      store: o.driver('insert', 'select'),
      broker: o.driver('publish', 'listen', 'close'),
      stepTimeout: o.ms(30_000),
      maxPayload: o.count(1_000_000),
      maxPending: o.count(10_000),
      lookEvery: o.ms(30_000),
    },
    options,
  )
  const { clock, redis, store, broker, maxPayload, maxPending } = settings
  const steps: TamarSettings & Steps = { ...settings, chain: { first: undefined } }
  let realtime = 0
  /** Commands that wait, from before their row is written on. */
  let waiting = 0

  const life: Life<TamarLifeEvents> = createLife({
    ...settings,
    provider,
    drain: () => sender.idle(),
    drop(error) {
      answers.end(error)
      endAll(steps.chain, error)
    },
    stop() {
      const stepTimeout = Math.min(settings.stepTimeout || CLOSING, CLOSING)
      return takeStep<unknown>({ ...steps, stepTimeout }, CLOSE, undefined, () => broker.close()).then(
        () => {},
        life.report,
      )
    },
  })
  const sender = createSender(steps, life)
  const read = (ids: readonly string[]): Promise<readonly TamarRecord[]> =>
    takeStep(steps, READ, undefined, async (limits) => {
      const rows = await store.select(ids, limits)
      if (Array.isArray(rows)) return rows
      throw new IsomqError(provider, 'PROTOCOL', 'the driver gave something that is no list of rows')
    })
  // MySQL compares without regard to upper and lower case.
  const find = async (id: string) =>
    (await read([id])).find((row) => String(row?.id).toLowerCase() === id.toLowerCase())
  const answers = createAnswers({ ...settings, read, trace: life.trace })
  broker.listen(answers)

  const bodyOf = (messageId: string): string => `{"message_id": ${JSON.stringify(messageId)}}`

  async function command(
    correlationId: string,
    trail: Trail,
    write: () => Promise<string>,
    { signal, timeout, left, waits }: CommandLimits,
  ): Promise<unknown> {
    let answer: Promise<unknown> | undefined
    await sender.follow({ signal }, trail, async () => {
      const messageId = await write()
      // The answer may come as soon as the message is out, and before its confirmation.
      const limits = { signal, timeout: left() }
      answer = waits ? quiet(answers.wait(correlationId, messageId, limits, timeout)) : undefined
      const sent = sender.publish({ body: bodyOf(messageId), correlationId }, trail, left())
      if (!answer) return sent
      sent.catch((error) => answers.giveUp(correlationId, error))
      // An answer says that it went out; that nobody waits any more says nothing.
      const answered = answer.catch((error) => {
        if (signal?.aborted || error.code === 'TIMEOUT') return sent
        throw error
      })
      await Promise.race([sent, answered])
    })
    return answer
  }

  const client: TamarClient = {
    async sendRealtime(userId, payload, limits = {}) {
      const channel = `realtime:user:${checkText('userId', userId)}`
      const text = payloadText(payload, maxPayload)
      life.check()
      await sender.follow(limits, { row: false }, () =>
        takeStep(steps, REALTIME, undefined, (within) => redis.publish(channel, text, within)),
      )
      realtime++
    },
    async sendReliable(userId, payload, options) {
      const { signal, timeout, ...by } = options ?? {}
      const fields = {
        targetUserId: checkText('userId', userId),
        pushType: RELIABLE,
        payload: payloadText(payload, maxPayload),
        commandRequestId: null,
        expiresAt: null,
        retryInterval: null,
      } as const
      checkSender(by)
      life.check()
      const trail: Trail = { row: false }
      return sender.follow({ signal, timeout }, trail, async () => {
        const messageId = await sender.write(fields, by, trail, signal)
        await sender.publish({ body: bodyOf(messageId) }, trail)
        return messageId
      })
    },
    async sendCommand<T>(userId: string, given: Parameters<TamarClient['sendCommand']>[1]): Promise<T> {
      if (Object(given) !== given) throw wrong('the command must be an object that has a type')
      const { type, data = null, timeout = 1_800_000, retryInterval = 60_000, signal, ...more } = given
      const { wait: waits = true, ...by } = more
      if (typeof waits !== 'boolean') throw wrong('"wait" must be true or false')
      const startedAt = clock.now()
      const commandRequestId = globalThis.crypto.randomUUID()
      const fields = {
        targetUserId: checkText('userId', userId),
        pushType: COMMAND,
        payload: payloadText(data, maxPayload, checkText('type', type)),
        commandRequestId,
        expiresAt: startedAt + checkMs('timeout', timeout, LAST - startedAt),
        retryInterval: checkMs('retryInterval', retryInterval, INT),
      } as const
      checkSender(by)
      life.check()
      if (waits && waiting >= maxPending) {
        const text = `${maxPending} commands wait for an answer; await some first, or raise maxPending`
        throw new IsomqError(provider, 'QUEUE_FULL', text)
      }
      const trail: Trail = { row: false }
      const left = () => Math.max(1, fields.expiresAt - clock.now())
      if (waits) waiting++
      try {
        const answer = await command(
          commandRequestId,
          trail,
          () => sender.write(fields, by, trail, signal, left),
          { signal, timeout, left, waits },
        )
        return (waits ? answer : trail.messageId) as T
      } catch (error) {
        throw withTrail(error, trail)
      } finally {
        if (waits) waiting--
      }
    },
    async dispatch(messageId, limits = {}) {
      checkText('messageId', messageId)
      life.check()
      const trail: Trail = { messageId, row: 'unknown' }
      const publishAgain = async () => {
        const row = await find(messageId)
        if (!row) throw missing(messageId)
        trail.row = true
        const correlationId = row.commandRequestId ?? undefined
        await sender.publish({ body: bodyOf(row.id), correlationId }, trail)
      }
      await sender.follow(limits, trail, publishAgain, true)
    },
    async result<T>(messageId: string, limits = {}) {
      checkText('messageId', messageId)
      life.check()
      const waits = { provider, clock, what: 'row' } as const
      const row = await wait<TamarRecord | undefined>(limits ?? {}, waits, (resolve, reject) => {
        find(messageId).then(resolve, reject)
        return undefined
      })
      if (!row) return undefined
      return { messageId: row.id, status: row.status, response: responseOf(row) } as TamarResult<T>
    },
    async connect(limits) {
      const { timeout: stepTimeout = settings.stepTimeout, signal } = limits ?? {}
      if (!(stepTimeout >= 0)) throw noTimeout(provider)
      life.revive()
      life.check()
      await wait<unknown>({ signal }, { provider, clock, what: 'connection' }, (resolve, reject) => {
        const open = (within: WaitOptions) => broker.connect?.({ ...within, ...(signal && { signal }) })
        takeStep<unknown>({ ...steps, stepTimeout }, OPEN, undefined, open).then(resolve, (error) =>
          reject(error.cause?.code === 'TIMEOUT' ? error.cause : error),
        )
        return undefined
      })
    },
    on: life.on,
    stats: () => ({ realtime, ...sender.counters, ...answers.counters, waiting }),
    close: life.close,
    [Symbol.asyncDispose]: () => life.close(),
  }
  return client
}

const NO_ROW =
  'there is no row with this id; send the message, or ask again where its write may still be under way'

const missing = (messageId: string): IsomqError =>
  new IsomqError(provider, 'PROVIDER', NO_ROW, {
    details: { service: 'store', messageId, row: false },
  })

function responseOf({ id, commandResponse }: TamarRecord): unknown {
  if (commandResponse == null) return undefined
  try {
    return parseAnswer(commandResponse)
  } catch (cause) {
    const text = 'the answer in the table is not JSON; see the cause'
    throw new IsomqError(provider, 'PROTOCOL', text, { cause, details: { messageId: id, row: true } })
  }
}
