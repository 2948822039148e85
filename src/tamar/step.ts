import { alarm, type Clock } from '../core/clock.ts'
import { IsomqError, toError } from '../core/errors.ts'
import { abort, type WaitOptions, wait } from '../core/wait.ts'
import { provider } from './wrong.ts'

/** What a send has left behind so far; it stands in the details of whatever ends it. */
export interface Trail {
  messageId?: string
  row: boolean | 'unknown'
}

export type TamarService = 'redis' | 'store' | 'broker'

export interface Step {
  readonly service: TamarService
  /** What failed, and what to do; `unsure` when it may have been done all the same. */
  readonly failed: string
  readonly unsure?: string
}

/** What all steps of a client have in common. */
export interface Steps {
  readonly clock: Clock
  /** Milliseconds. */
  readonly stepTimeout: number
  readonly chain: Chain
}

/** The steps that are under way. A Set, where so much comes and goes, would cost more than all the rest of a step. */
export interface Chain {
  first: UnderWay | undefined
}

/** Milliseconds longer than a driver may take: one that keeps to its limits says more of what kept it. */
const GRACE = 100
/** What a timer cannot count is no limit. */
const MOST = 2 ** 31 - GRACE

/** Ends what is under way: the client is closed, and waits no more. */
export function endAll(chain: Chain, error: Error): void {
  while (chain.first) chain.first.end(error)
}

/** A step: the limits that a driver gets, and a link of the chain. */
class UnderWay implements WaitOptions {
  readonly timeout: number
  /** Why the client ended it, if it did. */
  ended: Error | undefined
  before: UnderWay | undefined
  after: UnderWay | undefined
  #calledOff: AbortController | undefined
  #reject: (error: Error) => void = () => {}

  constructor(timeout: number) {
    this.timeout = timeout
  }

  /** Made when a driver asks for it: in Node one costs more than all the rest of a step. */
  get signal(): AbortSignal {
    this.#calledOff ??= new AbortController()
    return this.#calledOff.signal
  }

  callOff(cause: Error): void {
    if (this.#calledOff) abort(this.#calledOff, cause)
  }

  end(error: Error): void {
    this.ended = error
    this.#reject(error)
  }

  /** Joins a chain; returns what takes it out. */
  join(chain: Chain, reject: (error: Error) => void): () => void {
    this.#reject = reject
    this.after = chain.first
    if (chain.first) chain.first.before = this
    chain.first = this
    return () => {
      const { before, after } = this
      if (before) before.after = after
      else chain.first = after
      if (after) after.before = before
    }
  }
}

/**
 * Does one thing with one of the three services, within a limit; its failure says which of them it was. What the
 * driver still does is called off with its signal.
 */
export async function takeStep<T>(
  { clock, stepTimeout: timeout, chain }: Steps,
  { service, failed, unsure = failed }: Step,
  trail: Trail | undefined,
  act: (limits: WaitOptions) => T | PromiseLike<T>,
): Promise<T> {
  const step = new UnderWay(timeout)
  try {
    return await wait<T>({}, { provider, clock, what: 'answer' }, (resolve, reject) => {
      const leave = step.join(chain, reject)
      const late = () => reject(new IsomqError(provider, 'TIMEOUT', `no answer within ${timeout} ms`))
      const cancel = timeout && timeout < MOST ? alarm(clock, timeout + GRACE, late) : undefined
      // What a driver throws at once is no different from what it rejects with.
      new Promise<T>((done) => done(act(step))).then(resolve, reject)
      return () => {
        leave()
        cancel?.()
      }
    })
  } catch (thrown) {
    const cause = toError(thrown)
    step.callOff(cause)
    if (step.ended) throw step.ended
    const { retryable = false, code = undefined, details = {} } = cause instanceof IsomqError ? cause : {}
    // A driver that knows says so; of a row that was to be written, nobody else can.
    if (trail?.row === 'unknown' && details.row === false) trail.row = false
    const text = trail?.row === 'unknown' ? unsure : failed
    throw new IsomqError(provider, 'PROVIDER', `${text}; see the cause`, {
      cause,
      retryable,
      details: { service, ...(code && { code }) },
    })
  }
}

/**
 * The same error with what the send has left behind. To send again what may have a row would make a second one, and is
 * no way out; other calls are `repeatable`.
 */
export function withTrail(thrown: unknown, trail: Trail, repeatable: boolean = !trail.row): unknown {
  if (!(thrown instanceof IsomqError) || 'row' in thrown.details) return thrown
  return retold(thrown, { ...trail }, thrown.retryable && repeatable)
}

/** The same error with more in its details. */
export function retold(
  { code, message, cause, details, retryable }: IsomqError,
  more: Readonly<Record<string, unknown>>,
  again: boolean = retryable,
): IsomqError {
  const text = message.slice(provider.length + 2)
  return new IsomqError(provider, code, text, { cause, retryable: again, details: { ...details, ...more } })
}
