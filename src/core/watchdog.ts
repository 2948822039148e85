import { alarm, type Clock } from './clock.ts'

export interface Watchdog {
  /** Something arrived: the line is alive. */
  heard(): void
  stop(): void
}

export interface WatchdogOptions {
  clock: Clock
  /** Milliseconds of silence after which the line is in doubt. */
  idle: number
  /** Milliseconds that a doubted line has to show life, after `probe` asked for it. */
  grace: number
  probe(): void
  /** Nothing came in `idle + grace`. */
  dead(): void
}

/**
 * Tells a silent line from a quiet one by the wall clock. Timers that fire late do not delay the verdict,
 * but after a sleep of the machine, when what arrived is still waiting to be read, the line gets its grace.
 */
export function watch({ clock, idle, grace, probe, dead }: WatchdogOptions): Watchdog {
  let last = clock.now()
  let probed = false
  let stopped = false
  let cancel = alarm(clock, idle, check)
  function check(): void {
    const quiet = Math.max(0, clock.now() - last)
    if (quiet >= idle + grace) return dead()
    if (quiet >= idle && !probed) {
      probed = true
      probe()
    }
    if (!stopped) cancel = alarm(clock, (quiet < idle ? idle : idle + grace) - quiet, check)
  }
  return {
    heard() {
      last = clock.now()
      probed = false
    },
    stop() {
      stopped = true
      cancel()
    },
  }
}
