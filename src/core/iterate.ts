import type { Delivery } from './delivery.ts'
import type { IsomqError, Provider } from './errors.ts'
import type { Consumer } from './inbox.ts'
import { aborted } from './wait.ts'

export interface MessagesOptions {
  /** Ends the iteration; the loop then throws `ABORTED`. */
  signal?: AbortSignal | undefined
  /** Messages that may be handed out and not yet acked or nacked. Default: no limit of its own. */
  concurrency?: number | undefined
}

export interface Iterating<D extends Delivery> extends Consumer<D> {
  readonly iterable: AsyncIterableIterator<D>
  end(error?: IsomqError): void
}

interface Taker<D> {
  resolve(result: IteratorResult<D>): void
  reject(error: Error): void
}

/** One `for await` loop over an inbox: takes a delivery only when the loop asks for one. */
export function createIterator<D extends Delivery>(
  provider: Provider,
  { signal, concurrency = Number.POSITIVE_INFINITY }: MessagesOptions,
  pump: () => void,
  left: () => void,
): Iterating<D> {
  const takers: Taker<D>[] = []
  let unsettled = 0
  let over = false
  let failure: IsomqError | undefined

  function end(error?: IsomqError): void {
    if (over) return
    over = true
    failure = error
    signal?.removeEventListener('abort', abort)
    left()
    for (const { resolve, reject } of takers.splice(0)) {
      if (failure) reject(failure)
      else resolve({ done: true, value: undefined })
      // An error is told once; after it the iteration is over.
      failure = undefined
    }
  }
  const abort = () => end(aborted(provider, 'messages', signal!))
  signal?.addEventListener('abort', abort)

  const iterable: AsyncIterableIterator<D> = {
    next() {
      if (signal?.aborted) abort()
      return new Promise<IteratorResult<D>>((resolve, reject) => {
        if (!over) {
          takers.push({ resolve, reject })
          return pump()
        }
        const error = failure
        failure = undefined
        if (error) reject(error)
        else resolve({ done: true, value: undefined })
      })
    },
    return() {
      end()
      return Promise.resolve({ done: true, value: undefined })
    },
    [Symbol.asyncIterator]: () => iterable,
  }

  return {
    iterable,
    end,
    free: () => takers.length > 0 && unsettled < concurrency,
    give(delivery) {
      unsettled++
      takers.shift()!.resolve({ done: false, value: delivery })
    },
    settled() {
      unsettled--
    },
  }
}
