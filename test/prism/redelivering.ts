// What the tests of lines that are replaced have in common.
import type { PrismBench } from './bench.ts'

export const MINUTE = 60_000

export const fails = (): never => {
  throw new Error('no')
}

/** How many sockets were opened. */
export const sockets = ({ network }: PrismBench): number => network.sockets.length
