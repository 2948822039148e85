import { alarm, type Clock } from '../core/clock.ts'
import type { IsomqError } from '../core/errors.ts'
import type { Session } from '../core/session.ts'
import { type WaitOptions, wait } from '../core/wait.ts'
import { provider } from './wrong.ts'

export type PublishFrame = Uint8Array<ArrayBuffer>

/** What waits to be published, and goes out in the order of the calls. */
export interface Outbox {
  readonly size: number
  /** Resolves with the number of the frame once a socket has taken it. */
  add(frame: PublishFrame, limits: WaitOptions): Promise<number>
  /** A session is there: hands over what waits. */
  flush(): void
  /** Nothing of what waits will ever go out. */
  end(error: IsomqError): void
}

export interface OutboxOptions {
  readonly clock: Clock
  /** Bytes that may wait for the network. */
  readonly maxUnsent: number
  find(): Session | undefined
  /** A socket took a frame; gives its number. */
  sent(): number
  /** What led to a timeout. */
  why(): unknown
}

/** How often it looks whether the network has taken what is before it, in milliseconds. */
const LOOK = 10

interface Held {
  readonly frame: PublishFrame
  resolve(number: number): void
  reject(error: IsomqError): void
}

export function createOutbox({ clock, maxUnsent, find, sent, why }: OutboxOptions): Outbox {
  const line = new Set<Held>()
  let cancelLook: (() => void) | undefined

  /** The number of a frame that was handed over; none when there is nobody to take it now. */
  function handOver(frame: PublishFrame): number | undefined {
    const session = find()
    if (!session || session.buffered > maxUnsent) return undefined
    try {
      session.send(frame)
    } catch {
      return undefined
    }
    return sent()
  }

  function flush(): void {
    for (const { frame, resolve } of line) {
      const number = handOver(frame)
      if (number === undefined) return look()
      resolve(number)
    }
  }

  /** The next session asks by itself; that this one has room again nobody tells. */
  function look(): void {
    if (!find()) return
    cancelLook ??= alarm(clock, LOOK, () => {
      cancelLook = undefined
      flush()
    })
  }

  return {
    get size() {
      return line.size
    },
    async add(frame, limits) {
      const number = line.size === 0 ? handOver(frame) : undefined
      if (number !== undefined) return number
      const what = 'connection that takes the message'
      return wait<number>(limits, { provider, clock, what, why }, (resolve, reject) => {
        const one = { frame, resolve, reject }
        line.add(one)
        look()
        return () => line.delete(one)
      })
    },
    flush,
    end(error) {
      cancelLook?.()
      cancelLook = undefined
      for (const { reject } of line) reject(error)
    },
  }
}
