import { IsomqError } from '../core/errors.ts'
import type { TamburMessage } from './types.ts'
import { provider } from './wrong.ts'

/** A message as a stream hands it out. */
export class TamburText implements TamburMessage {
  readonly stream: string
  readonly text: string
  readonly receivedAt: number
  /** Who sent it, when it is a direct message. */
  declare readonly from?: string

  constructor(stream: string, text: string, receivedAt: number, from: string | undefined) {
    this.stream = stream
    this.text = text
    this.receivedAt = receivedAt
    if (from !== undefined) (this as { from?: string }).from = from
  }

  json<T = unknown>(): T {
    try {
      return JSON.parse(this.text) as T
    } catch (cause) {
      throw new IsomqError(provider, 'PROTOCOL', 'the message is not JSON; read its text', { cause })
    }
  }
}
