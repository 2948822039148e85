import { Faults } from './faults.ts'

/** What can go wrong with Tambur besides. */
export class TamburFaults extends Faults {
  /** Commands that still go without their answer. */
  noAcks = 0
  /** What the next connections get in place of an id. */
  handshakes: string[] = []
  /** HTTP statuses with which the next sockets are refused. */
  socketRefusals: number[] = []
}
