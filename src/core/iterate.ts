import { IsomqError, type Provider } from './errors.ts'
import type { Consumer } from './handlers.ts'
import { aborted, onAbort } from './wait.ts'

export interface MessagesOptions {
  /** Ends the iteration; the loop then throws `ABORTED`. */
  signal?: AbortSignal | undefined
  /** Messages that may be handed out and not yet acked or nacked. Default: no limit of its own. */
  concurrency?: number | undefined
}

export interface Iterating<D> extends Consumer<D> {
  readonly iterable: AsyncIterableIterator<D>
  /** Ends the iteration, behind the `rest`. */
  end(error?: IsomqError, rest?: D[]): void
}

/** One `for await` loop over an inbox or a feed: takes a delivery only when the loop asks for one. */
export function createIterator<D>(
  provider: Provider,
  { signal, concurrency = Number.POSITIVE_INFINITY }: MessagesOptions,
  pump: () => void,
  left: () => void,
): Iterating<D> {
  if (!(concurrency >= 1)) {
    throw new IsomqError(provider, 'CONFIG', '"concurrency" must be a number from 1 on')
  }
  /** What resolves the calls of `next()` that wait for a delivery. */
  const asking: ((result: IteratorResult<D> | Promise<never>) => void)[] = []
  let over = false
  /** What is still handed out when it is over. */
  let rest: D[] = []
  let failure: IsomqError | undefined

  /** How the iteration ends: an error is told once, and after it there is nothing more. */
  function last(): IteratorResult<D> | Promise<never> {
    if (rest.length > 0) return { done: false, value: rest.shift()! }
    const error = failure
    failure = undefined
    return error ? Promise.reject(error) : { done: true, value: undefined }
  }

  function end(error?: IsomqError, others: D[] = []): void {
    if (over && rest.length === 0) return
    over = true
    rest = others
    failure = error
    leave?.()
    left()
    for (const resolve of asking.splice(0)) resolve(last())
  }
  const abort = () => end(aborted(provider, 'messages', signal!))
  const leave = signal && onAbort(signal, abort)

  const iterable: AsyncIterableIterator<D> = {
    next() {
      if (signal?.aborted) abort()
      return new Promise((resolve) => {
        if (over) return resolve(last())
        asking.push(resolve)
        pump()
      })
    },
    async return() {
      end()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]: () => iterable,
  }

  return {
    iterable,
    end,
    busy: 0,
    limit: concurrency,
    byHand: true,
    asks: () => asking.length > 0,
    give: (delivery) => asking.shift()!({ done: false, value: delivery }),
  }
}
