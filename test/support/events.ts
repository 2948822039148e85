/** Anything with `on`, as all clients have it. */
interface Source {
  on(type: never, handler: (event: never) => unknown): () => void
}

/** Resolves with the first event of a type that fits; the listener is gone afterwards. */
export function once<E>(source: Source, type: string, fits: (event: E) => boolean = () => true): Promise<E> {
  return new Promise((resolve) => {
    const off = source.on(
      type as never,
      ((event: E) => {
        if (!fits(event)) return
        off()
        resolve(event)
      }) as never,
    )
  })
}

/** Resolves when a condition holds that no event announces, asking again as fast as the runtime lets it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** What a promise rejects with; fails when it does not. */
export async function rejection(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise
  } catch (error) {
    return error as Error & Record<string, unknown>
  }
  throw new Error('it did not reject')
}
