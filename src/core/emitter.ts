import mitt from 'mitt'
import { isThenable } from './wait.ts'

export interface Emitter<Events extends Record<string, unknown>> {
  /** Adds a handler and returns what takes it off again. */
  on<K extends keyof Events>(type: K, handler: (event: Events[K]) => unknown): () => void
  emit<K extends keyof Events>(type: K, event: Events[K]): void
  /** Whether anybody listens: costly events are made only then. */
  has(type: keyof Events): boolean
}

/**
 * Events whose handlers cannot harm: what one throws or rejects with goes to `failed`, and the other handlers
 * still run. A handler that is added twice is called twice and taken off one at a time.
 */
export function createEmitter<Events extends Record<string, unknown>>(
  failed: (thrown: unknown, type: keyof Events) => void,
): Emitter<Events> {
  const events = mitt<Events>()
  return {
    on(type, handler) {
      const rejected = (thrown: unknown) => failed(thrown, type)
      const safe = (event: Events[typeof type]) => {
        try {
          const result = handler(event)
          // Most give nothing to wait for, and to wait all the same takes longer than the rest.
          if (isThenable(result)) result.then(undefined, rejected)
        } catch (thrown) {
          rejected(thrown)
        }
      }
      events.on(type, safe)
      return () => events.off(type, safe)
    },
    emit: (type, event) => events.emit(type, event),
    has: (type) => !!events.all.get(type)?.length,
  }
}
