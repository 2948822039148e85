import { IsomqError, type Provider } from './errors.ts'
import type { Session } from './session.ts'
import { abort, quiet } from './wait.ts'

/** What can become of a delivery. Whatever comes first counts; what comes after it changes nothing. */
export type Outcome = 'acked' | 'nacked' | 'lost' | 'expired'

/** Counters since the client was made. */
export interface DeliveryStats {
  readonly received: number
  /** Settled by `ack`, or by handlers that ended well. */
  readonly acked: number
  readonly nacked: number
  /** Marked by the server as sent before. */
  readonly redelivered: number
  /** Left with the server because the buffer was full. */
  readonly overflowed: number
  /** Given up because their connection was lost before they were settled; they come again. */
  readonly lost: number
  /** Given up because their deadline passed; they come again. */
  readonly expired: number
  /** Waiting for a consumer now. */
  readonly buffered: number
}

/** How a provider tells the far side what became of a message. */
export interface Courier<D extends Delivery = Delivery> {
  readonly provider: Provider
  /** The consumer is done with the delivery, even when that can no longer be told to the far side. */
  done?(delivery: D): void
  /** Sends the ack; a promise where the protocol answers it. */
  ack(delivery: D): Promise<void> | undefined
  /** Sends the nack, where the protocol has one. */
  nack(delivery: D, reason: string): undefined
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
    return this.#promise('acked')
  }

  nack(reason?: string): Promise<void> {
    const given: unknown = reason
    return this.#promise('nacked', given instanceof Error ? given.message : reason)
  }

  #promise(outcome: 'acked' | 'nacked', reason?: string): Promise<void> {
    return quiet((async () => this.settle(outcome, reason))())
  }

  /**
   * Acks or nacks at once; what it returns is the far side's answer, where there is one.
   *
   * @throws IsomqError when it is too late
   */
  settle(outcome: 'acked' | 'nacked', reason = 'refused by the consumer'): Promise<void> | undefined {
    const courier = this.#courier
    if (outcome === 'acked' && this.outcome !== 'nacked') courier.done?.(this)
    // Whatever happened meanwhile: nothing is settled on another session than its own.
    if (this.from?.error) this.drop('lost', this.from.error)
    if (this.#error) throw this.#error
    if (this.outcome) return this.#answer
    try {
      this.#answer = outcome === 'acked' ? courier.ack(this) : courier.nack(this, reason)
    } catch (cause) {
      const text = 'the connection was lost; the message will come again'
      this.drop('lost', new IsomqError(courier.provider, 'CONNECTION_LOST', text, { cause }))
      throw this.#error
    }
    this.#end(outcome)
    return this.#answer
  }

  /** Ends the delivery without a word to the far side, which will send the message again. */
  drop(outcome: 'lost' | 'expired', error: IsomqError): void {
    if (this.outcome) return
    this.#error = error
    if (this.#abort) abort(this.#abort, error)
    this.#end(outcome)
  }

  #end(outcome: Outcome): void {
    this.outcome = outcome
    this.#courier.settled(this, outcome)
  }
}
