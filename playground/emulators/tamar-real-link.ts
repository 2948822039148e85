import type { EmulatorEvent } from './events.ts'

export type LinkState = 'idle' | 'connecting' | 'open'

/** Milliseconds: the longest pause between two attempts, and how long a link is up that counts as healthy. */
const [LONGEST, HEALTHY] = [10_000, 5000]
const FIRST = 250

/** The way to one of the real servers: how it is, who is told, and when to try again. */
export class Link {
  state: LinkState = 'idle'
  readonly #name: string
  readonly #emit: (build: () => EmulatorEvent) => void
  readonly #hidden: readonly string[]
  #failures = 0
  #openedAt = Number.POSITIVE_INFINITY

  /** What is in `hidden` is never told. */
  constructor(name: string, emit: (build: () => EmulatorEvent) => void, hidden: readonly string[]) {
    this.#name = name
    this.#emit = emit
    this.#hidden = hidden
  }

  opening(): void {
    this.#turn('connecting')
  }

  opened(): void {
    if (this.state === 'open') return
    this.#openedAt = Date.now()
    this.#turn('open')
  }

  /** It is not wanted any more. */
  closed(): void {
    this.#failures = 0
    this.#turn('idle')
  }

  /** Tells why it is lost; gives how many milliseconds to wait before the next attempt. */
  failed(error: unknown): number {
    if (Date.now() - this.#openedAt > HEALTHY) this.#failures = 0
    this.#openedAt = Number.POSITIVE_INFINITY
    this.#turn('connecting', redacted(error, this.#hidden))
    return Math.random() * Math.min(LONGEST, FIRST * 2 ** this.#failures++)
  }

  #turn(state: LinkState, reason?: string): void {
    if (state === this.state && reason === undefined) return
    this.state = state
    this.#emit(() => ({ type: 'gateway-link', link: this.#name, state, reason }))
  }
}

/** What an error says, in short and without secrets. */
export function redacted(error: unknown, hidden: readonly string[]): string {
  let text = error instanceof Error ? error.message : String(error)
  for (const secret of hidden) if (secret !== '') text = text.replaceAll(secret, '***')
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

/** Resolves after so many milliseconds, or when the signal ends the wait. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })
