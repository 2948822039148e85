import type { Clock } from '../core/clock.ts'
import { IsomqError, toError } from '../core/errors.ts'
import { wait } from '../core/wait.ts'
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

/** Does one thing with one of the three services, within a limit; its failure says which of them it was. */
export async function takeStep<T>(
  { clock, stepTimeout }: { readonly clock: Clock; readonly stepTimeout: number },
  { service, failed, unsure = failed }: Step,
  trail: Trail | undefined,
  act: (limits: { timeout: number }) => T | PromiseLike<T>,
): Promise<T> {
  const limits = { timeout: stepTimeout }
  try {
    return await wait<T>(limits, { provider, clock, what: 'answer' }, (resolve, reject) => {
      // What a driver throws at once is no different from what it rejects with.
      new Promise<T>((done) => done(act(limits))).then(resolve, reject)
      return undefined
    })
  } catch (thrown) {
    const cause = toError(thrown)
    const { retryable = false, code = undefined, details = {} } = cause instanceof IsomqError ? cause : {}
    // A driver that knows says so; of a row that was to be written, nobody else can.
    if (trail?.row === 'unknown' && details.row === false) trail.row = false
    const text = trail?.row === 'unknown' ? unsure : failed
    throw new IsomqError(provider, 'PROVIDER', `${text}; see the cause`, {
      cause,
      // To send again what has a row would make a second one.
      retryable: retryable && !trail?.row,
      details: { service, ...(code && { code }), ...trail },
    })
  }
}

/** The same error with what the send has left behind. */
export function withTrail(thrown: unknown, trail: Trail): unknown {
  if (!(thrown instanceof IsomqError) || 'row' in thrown.details) return thrown
  return retold(thrown, { ...trail }, thrown.retryable && !trail.row)
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
