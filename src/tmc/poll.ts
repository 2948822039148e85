import { alarm, type Clock } from '../core/clock.ts'
import { toError } from '../core/errors.ts'
import type { Socket, SocketEvents } from '../core/socket.ts'

export interface PollOptions {
  readonly clock: Clock
  /** Pauses after an empty answer, in milliseconds: the first, and the longest. */
  readonly minWait: number
  readonly maxWait: number
  /** Whether there is room for what a poll may bring. */
  hungry(): boolean
  /** Asks once and hands over what comes; says how much that was. */
  ask(signal: AbortSignal): Promise<number>
}

/** A loop of requests in a socket's clothes, so that a connection can keep it up; `wake` ends a pause. */
export interface Poll extends Socket {
  wake(): void
}

/** Asks at once while messages come, and ever more rarely while none do. */
export function startPoll(options: PollOptions, events: SocketEvents): Poll {
  const { clock, minWait, maxWait } = options
  const abort = new AbortController()
  let pause = 0
  let cancel: (() => void) | undefined

  function step(): void {
    cancel?.()
    cancel = undefined
    if (abort.signal.aborted) return
    // Room may come without anybody saying so: looking costs nothing.
    if (!options.hungry()) return rest(minWait)
    options.ask(abort.signal).then(
      (got) => {
        if (abort.signal.aborted) return
        events.received('')
        pause = got > 0 ? 0 : Math.min(maxWait, Math.max(minWait, pause * 2))
        rest(pause)
      },
      (thrown) => abort.signal.aborted || events.closed(0, '', toError(thrown)),
    )
  }

  function rest(ms: number): void {
    cancel = alarm(clock, ms, step)
  }

  function destroy(): void {
    cancel?.()
    abort.abort()
  }

  events.opened()
  step()
  return {
    wake() {
      if (cancel) step()
    },
    send() {},
    close() {
      destroy()
      events.closed(1000, '')
    },
    destroy,
  }
}
