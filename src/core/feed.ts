import { IsomqError, type Provider } from './errors.ts'
import { createIterator } from './iterate.ts'

export interface FeedOptions {
  /** Ends the iteration; the loop then throws `ABORTED`. */
  signal?: AbortSignal | undefined
  /** Events that may wait for the loop; with more, the oldest are dropped and counted. Default 1,000. */
  maxBuffered?: number | undefined
}

/** Iterations over events that nobody acknowledges: each gets every event, and none waits for another. */
export interface Feed<T> {
  /** Iterates; with `ended` there is nothing to iterate over, and the loop throws it. */
  iterate(options: FeedOptions, ended?: IsomqError): AsyncIterableIterator<T>
  push(event: T): void
  /** Ends the iterations, with an error or without one, once they have handed out what is there. */
  end(error?: IsomqError): void
}

/** `dropped` is told of each event that a loop was too slow for. */
export function createFeed<T>(provider: Provider, dropped: () => void): Feed<T> {
  const loops = new Set<{ push(event: T): void; end(error?: IsomqError): void }>()
  return {
    iterate({ signal, maxBuffered = 1_000 }, ended) {
      if (!(maxBuffered >= 1)) {
        throw new IsomqError(provider, 'CONFIG', '"maxBuffered" must be a number from 1 on')
      }
      const queue: T[] = []
      const pump = () => {
        while (queue.length > 0 && loop.asks()) loop.give(queue.shift()!)
      }
      const loop = createIterator<T>(provider, { signal }, pump, () => loops.delete(entry))
      const entry = {
        push(event: T) {
          queue.push(event)
          pump()
          if (queue.length <= maxBuffered) return
          queue.shift()
          dropped()
        },
        end: (error?: IsomqError) => loop.end(error, queue),
      }
      loops.add(entry)
      if (ended) loop.end(ended)
      return loop.iterable
    },
    push(event) {
      for (const loop of loops) loop.push(event)
    },
    end(error) {
      for (const loop of [...loops]) loop.end(error)
    },
  }
}
