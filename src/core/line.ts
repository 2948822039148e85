import type { Clock } from './clock.ts'
import type { Connection } from './connection.ts'
import type { Provider } from './errors.ts'
import type { Life, LifeEvents } from './life.ts'
import type { Session } from './session.ts'
import { aborted, noTimeout, type WaitOptions } from './wait.ts'

/** What calls go out on: something that is there only while a connection is. */
export interface Line<L> {
  readonly provider: Provider
  readonly clock: Clock
  /** @throws IsomqError when the client has ended */
  check(): void
  /** Dials, when that has not been done. */
  start(): void
  /** What can be used now, if anything. */
  find(): L | undefined
  /** Resolves when there may be something to find. */
  ready(limits: WaitOptions): Promise<unknown>
}

/** The line of a client whose connection comes back by itself. */
export interface ClientLine extends Line<Session> {
  /** What the client's `connect()` does. */
  connect(limits?: WaitOptions): Promise<void>
}

export function createLine(
  provider: Provider,
  clock: Clock,
  life: Pick<Life<LifeEvents<unknown>>, 'check' | 'revive'>,
  connection: Connection,
): ClientLine {
  return {
    provider,
    clock,
    check: life.check,
    start: connection.start,
    find: () => connection.session,
    ready: connection.connect,
    async connect({ signal, timeout = PATIENCE } = {}) {
      if (signal?.aborted) throw aborted(provider, 'connection', signal)
      life.revive()
      life.check()
      await connection.connect({ signal, timeout })
    },
  }
}

/** How long a call waits for a connection and its answer by default, in milliseconds. */
export const PATIENCE = 30_000

/**
 * Uses a line; waits for one, and again when it is lost before it could be used. `left` is what is left of the
 * timeout, 0 for no limit.
 */
export async function useLine<L, T>(
  line: Line<L>,
  { signal, timeout = PATIENCE }: WaitOptions,
  use: (found: L, left: number) => T,
): Promise<Awaited<T>> {
  const { provider, clock } = line
  if (!(timeout >= 0)) throw noTimeout(provider)
  const startedAt = clock.now()
  for (;;) {
    line.check()
    if (signal?.aborted) throw aborted(provider, 'connection', signal)
    line.start()
    // What it found overdue may have been the last try.
    line.check()
    const left = timeout && Math.max(1, timeout - (clock.now() - startedAt))
    const found = line.find()
    if (found) return await use(found, left)
    await line.ready({ signal, timeout: left })
  }
}
