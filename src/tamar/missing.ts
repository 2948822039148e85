import { IsomqError } from '../core/errors.ts'
import type { Injected } from '../core/options.ts'
import { quiet } from '../core/wait.ts'
import type { TamarService } from './step.ts'
import { provider } from './wrong.ts'

// What keeps the drivers over HTTP waiting, or from working at all.

/** What only the users of one driver install, and one of them has not. */
export const notInstalled = (name: string, cause: unknown): IsomqError =>
  new IsomqError(provider, 'CONFIG', `"${name}" could not be loaded; install it`, { cause })

/** Tells a logger of what is tried again. */
export function tellRetries(
  { clock, logger }: Pick<Injected, 'clock' | 'logger'>,
  service: TamarService,
): (attempt: number, delay: number, error: unknown) => void {
  return (attempt, delay, error) => {
    if (!logger) return
    const facts = { service, attempt, delay, error: String(error) }
    // Nothing that a logger does may harm a call.
    quiet((async () => logger({ provider, at: clock!.now(), event: 'retrying', ...facts }))())
  }
}
