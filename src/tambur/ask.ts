import { toError } from '../core/errors.ts'
import { retry } from '../core/retry.ts'
import { wait } from '../core/wait.ts'
import type { TamburSettings } from './options.ts'
import type { TamburTokenAsk } from './tokens.ts'
import { filled, provider, wrong } from './wrong.ts'

/**
 * Asks the option `token` for the token of a mode. With `failed`, which is told of it, a failure that says of itself
 * that it may pass is tried again after growing pauses, until the signal ends it.
 *
 * @throws IsomqError `CONFIG` when it gives none, `TIMEOUT`, and whatever it throws
 */
export const askToken = (
  settings: TamburSettings,
  ask: TamburTokenAsk,
  signal: AbortSignal,
  failed?: (error: Error) => void,
): Promise<string> =>
  retry(
    {
      ...settings,
      provider,
      signal,
      retries: Number.POSITIVE_INFINITY,
      may: (error) =>
        failed !== undefined && (error as { retryable?: unknown } | undefined)?.retryable === true,
      retrying: (_, __, error) => failed?.(toError(error)),
    },
    () => once(settings, signal, ask),
  )

/** What the option gives, once. */
async function once(
  { token, tokenTimeout: timeout, clock }: TamburSettings,
  signal: AbortSignal,
  ask: TamburTokenAsk,
): Promise<string> {
  if (!token) throw wrong('modes need the option "token"')
  const given: unknown = await wait<unknown>(
    { signal, timeout },
    { provider, clock, what: 'token' },
    (resolve, reject) => {
      const abort = new AbortController()
      const run = async () => token({ ...ask, signal: abort.signal })
      run().then(resolve, reject)
      return () => abort.abort()
    },
  )
  return filled('token', given)
}
