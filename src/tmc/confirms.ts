import { alarm, type Clock } from '../core/clock.ts'
import { toError } from '../core/errors.ts'

/** Confirms on their way to the gateway, as few calls as possible. */
export interface Confirms {
  /** Resolves when the gateway has taken the confirm. */
  add(id: string): Promise<void>
  /** Sends what waits; resolves when nothing is under way any more, whether or not it went well. */
  flush(): Promise<void>
}

interface Waiting {
  readonly id: string
  resolve(): void
  reject(error: Error): void
}

/** Ids that one call may confirm. */
const MOST = 200

/** `confirm` sends a batch; it is called again for a batch that failed and may succeed later. */
export function createConfirms(
  clock: Clock,
  delay: number,
  confirm: (ids: string[]) => Promise<unknown>,
  failed: (error: Error) => void,
): Confirms {
  let batch: Waiting[] = []
  let cancel: (() => void) | undefined
  const underWay = new Set<Promise<void>>()

  function sendBatch(): void {
    cancel?.()
    cancel = undefined
    const now = batch
    batch = []
    if (now.length === 0) return
    const sending = confirm(now.map(({ id }) => id)).then(
      () => {
        for (const { resolve } of now) resolve()
      },
      (thrown) => {
        const error = toError(thrown)
        failed(error)
        for (const { reject } of now) reject(error)
      },
    )
    underWay.add(sending)
    sending.then(() => underWay.delete(sending))
  }

  return {
    add(id) {
      return new Promise((resolve, reject) => {
        batch.push({ id, resolve, reject })
        if (batch.length >= MOST) sendBatch()
        else cancel ??= alarm(clock, delay, sendBatch)
      })
    },
    async flush() {
      sendBatch()
      await Promise.all(underWay)
    },
  }
}
