import { alarm, type Clock } from '../core/clock.ts'

/** Says when a connection is to be replaced, so that what stayed unacknowledged on it comes again. */
export interface Redelivery {
  /** A new connection: nothing stayed unacknowledged on it. */
  reset(): void
  /** A message came. */
  taken(): void
  /** One of them was settled, or left with the server because the buffer was full. */
  settled(how: 'acked' | 'unacked'): void
  full(): void
}

/** `replace` is told how many messages wait, and whether others were acknowledged meanwhile. */
export function createRedelivery(
  clock: Clock,
  after: number,
  replace: (waiting: number, progress: boolean) => void,
): Redelivery {
  let open = 0
  let waiting = 0
  let acked = false
  /** At the first moment without open messages. */
  let soon = false
  let cancel: (() => void) | undefined

  function go(): void {
    const [count, progress] = [waiting, acked]
    reset()
    replace(count, progress)
  }

  function reset(): void {
    cancel?.()
    cancel = undefined
    open = waiting = 0
    acked = soon = false
  }

  function missed(): void {
    waiting++
    if (!after) return
    cancel ??= alarm(clock, after, () => {
      if (open === 0) return go()
      soon = true
      cancel = alarm(clock, after, go)
    })
  }

  return {
    reset,
    taken() {
      open++
    },
    settled(how) {
      open--
      if (how === 'acked') acked = true
      else missed()
      if (soon && open <= 0) go()
    },
    full() {
      open--
      missed()
      if (after) soon = true
    },
  }
}
