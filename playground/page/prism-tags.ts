import type { Who } from './life.ts'
import type { Timeline } from './timeline.ts'

const KEPT = 1000

/**
 * Handlers know a message by its tag, the server's events know what message that is. Either may be here first:
 * they come over different sockets.
 */
export function createTags(lives: Pick<Timeline, 'handled'>) {
  const ids = new Map<string, string>()
  const early = new Map<string, { readonly at: number; readonly type: 'handled' | 'failed' }>()
  return {
    /** On a new connection the numbers may begin anew. */
    connected(who: Who): void {
      for (const key of ids.keys()) if (key.startsWith(`${who} `)) ids.delete(key)
    },
    delivered(who: Who, tag: string, id: string): void {
      const key = `${who} ${tag}`
      ids.set(key, id)
      const end = early.get(key)
      if (end === undefined) return
      early.delete(key)
      lives.handled(id, end.at, who, end.type)
    },
    acked(who: Who, tag: string): void {
      ids.delete(`${who} ${tag}`)
    },
    /** A handler ended. */
    handled(who: Who, tag: string, at: number, type: 'handled' | 'failed'): void {
      const key = `${who} ${tag}`
      const id = ids.get(key)
      if (id !== undefined) return lives.handled(id, at, who, type)
      // While the events are cut off, deliveries are not told at all.
      if (early.size === KEPT) early.clear()
      early.set(key, { at, type })
    },
    clear(): void {
      ids.clear()
      early.clear()
    },
  }
}
