import type { Clock } from '../core/clock.ts'

/** What has not ended by then never will, in milliseconds: in Workers it ends with the request that began it. */
const GIVEN_UP = 60_000

/** Things that are done once for all who want them meanwhile, each under its name. */
export interface Flights<T> {
  /** What is under way. */
  of(name: string): Promise<T> | undefined
  /** The same, begun when there is none. */
  join(name: string, begin: () => Promise<T>): Promise<T>
}

export function createFlights<T>(clock: Clock): Flights<T> {
  const begun = new Map<string, { readonly at: number; readonly flight: Promise<T> }>()
  const flights: Flights<T> = {
    of(name) {
      const found = begun.get(name)
      return found && clock.now() - found.at < GIVEN_UP ? found.flight : undefined
    },
    join(name, begin) {
      const running = flights.of(name)
      if (running) return running
      const flight = begin().finally(() => begun.delete(name))
      begun.set(name, { at: clock.now(), flight })
      return flight
    },
  }
  return flights
}
