import { StompError } from './tamar-destinations.ts'
import type { Frame } from './tamar-frames.ts'

/** The open transactions of a connection, with the frames that wait in them. */
export class Transactions {
  readonly #open = new Map<string, Frame[]>()

  begin(frame: Frame): void {
    this.#open.set(nameOf(frame), [])
  }

  add(name: string, frame: Frame): void {
    this.#named(name).push(frame)
  }

  /** Ends one; gives what has waited, as if it had been in none. */
  take(frame: Frame): Frame[] {
    const name = nameOf(frame)
    const frames = this.#named(name)
    this.#open.delete(name)
    return frames.map(({ command, headers, body }) => {
      const bare = new Map([...headers].filter(([header]) => header !== 'transaction'))
      return { command, headers: bare, body }
    })
  }

  #named(name: string): Frame[] {
    const frames = this.#open.get(name)
    if (frames !== undefined) return frames
    throw new StompError('Bad transaction', `Invalid transaction identifier: ${JSON.stringify(name)}\n`)
  }
}

function nameOf({ command, headers }: Frame): string {
  const name = headers.get('transaction')
  if (name !== undefined) return name
  throw new StompError('Missing transaction', `"${command}" must include a 'transaction' header\n`)
}
