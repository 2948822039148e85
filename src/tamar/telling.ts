import type { Injected } from '../core/options.ts'
import { quiet } from '../core/wait.ts'
import type { TamarService } from './step.ts'
import { provider } from './wrong.ts'

type Told = Pick<Injected, 'clock' | 'logger'>

/** Tells a driver's logger, which may do what it likes: no call is harmed by it. */
export function tell({ clock, logger }: Told, event: string, facts: Record<string, unknown>): void {
  if (logger) quiet((async () => logger({ provider, at: clock!.now(), event, ...facts }))())
}

/** Tells it of what is tried again. */
export const tellRetries =
  (to: Told, service: TamarService) =>
  (attempt: number, delay: number, error: unknown): void =>
    tell(to, 'retrying', { service, attempt, delay, error: String(error) })
