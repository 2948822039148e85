import { Faults } from './faults.ts'

/** A challenge that cannot be: a text that is no JSON, no text at all, nothing. */
export const BAD_CHALLENGES = ['text', 'number', 'none'] as const
export type BadChallenge = (typeof BAD_CHALLENGES)[number]

/** What can go wrong with WAMP besides. */
export class WebmqFaults extends Faults {
  /** Whether a GOODBYE stays without an answer. */
  noGoodbye = false
  /** In place of the next challenges. */
  badChallenges: BadChallenge[] = []
  /** Iterations that the next challenges ask for; who does the sum is not let in. */
  hugeIterations: number[] = []
  /** What the next sockets are told to speak; "" is nothing. */
  subprotocols: string[] = []

  /** The challenge that goes out in place of this one. */
  garbled(challenge: string): unknown {
    const bad = this.badChallenges.shift()
    return bad === undefined ? challenge : { text: 'no JSON {', number: 42, none: null }[bad]
  }
}
