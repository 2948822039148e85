import { IsomqError, type Provider } from './errors.ts'
import type { Session } from './session.ts'
import { quiet } from './wait.ts'

/** What can become of a delivery. Whatever comes first counts; what comes after it changes nothing. */
export type Outcome = 'acked' | 'nacked' | 'lost' | 'expired'

/** How a provider tells the far side what became of a message. */
export interface Courier<D extends Delivery = Delivery> {
  readonly provider: Provider
  /** Sends the ack; a promise where the protocol answers it. */
  ack(delivery: D): void | Promise<void>
  /** The consumer is done with the delivery, even when that can no longer be told to the far side. */
  acked?(delivery: D): void
  /** Sends the nack, where the protocol has one. */
  nack(delivery: D, reason: string): void | Promise<void>
  /** The delivery is over, whichever way. */
  settled(delivery: D, outcome: Outcome): void
}

/** One message on its way to its consumer; providers add what theirs holds. */
export abstract class Delivery {
  readonly #courier: Courier
  /** The session that brought it, and the only one that may settle it. */
  readonly from: Session | undefined
  readonly receivedAt: number
  outcome: Outcome | undefined
  #error: IsomqError | undefined
  #answer: Promise<void> | undefined
  #abort: AbortController | undefined

  constructor(courier: Courier, from: Session | undefined, receivedAt: number) {
    this.#courier = courier
    this.from = from
    this.receivedAt = receivedAt
  }

  /**
   * Ends when the delivery can no longer be acked: its connection is gone or its deadline has passed. Its
   * message will come again, so that work on it may as well stop.
   */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#error) this.#abort.abort(this.#error)
    return this.#abort.signal
  }

  ack(): Promise<void> {
    this.#courier.acked?.(this)
    return this.#settle('acked', () => this.#courier.ack(this))
  }

  nack(reason = 'refused by the consumer'): Promise<void> {
    return this.#settle('nacked', () => this.#courier.nack(this, reason))
  }

  /** Ends the delivery without a word to the far side, which will send the message again. */
  drop(outcome: 'lost' | 'expired', error: IsomqError): void {
    if (this.outcome) return
    this.#error = error
    this.#abort?.abort(error)
    this.#end(outcome)
  }

  #settle(outcome: 'acked' | 'nacked', tell: () => void | Promise<void>): Promise<void> {
    if (this.#error) return quiet(Promise.reject(this.#error))
    if (this.outcome) return this.#answer ?? Promise.resolve()
    try {
      const answer = tell()
      this.#end(outcome)
      if (answer) this.#answer = quiet(answer)
      return this.#answer ?? Promise.resolve()
    } catch (thrown) {
      this.drop('lost', this.#lostBy(thrown))
      return quiet(Promise.reject(this.#error))
    }
  }

  #lostBy(thrown: unknown): IsomqError {
    if (thrown instanceof IsomqError && thrown.code === 'CONNECTION_LOST') return thrown
    const text = 'the ack could not be sent; the message will come again'
    return new IsomqError(this.#courier.provider, 'CONNECTION_LOST', text, { cause: thrown })
  }

  #end(outcome: Outcome): void {
    this.outcome = outcome
    this.#courier.settled(this, outcome)
  }
}
