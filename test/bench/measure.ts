// Comparing on a noisy machine: the candidates take turns in short rounds, and what counts is the median of the
// ratios within a round, where all of them had the same neighbours.

import { isThenable } from '../../src/core/wait.ts'

export interface Result {
  readonly name: string
  /** Nanoseconds per call, median of the rounds. */
  readonly ns: number
}

export interface Comparison {
  readonly results: readonly Result[]
  /** How many times faster `a` is than `b`. */
  ratio(a: string, b: string): number
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** What the candidates return goes in here, so that no engine leaves their work out. */
let sink: unknown

function time(work: (i: number) => unknown, calls: number): number {
  const from = process.hrtime.bigint()
  for (let i = 0; i < calls; i++) sink = work(i)
  return Number(process.hrtime.bigint() - from) / calls
}

/** Finds how many calls fill about `ms`. */
function calibrate(work: (i: number) => unknown, ms: number): number {
  for (let calls = 64; ; calls *= 2) {
    const took = (time(work, calls) * calls) / 1e6
    if (took >= ms) return calls
  }
}

async function timeAsync(work: (i: number) => unknown, calls: number): Promise<number> {
  const from = process.hrtime.bigint()
  for (let i = 0; i < calls; i++) {
    const given = work(i)
    sink = isThenable(given) ? await given : given
  }
  return Number(process.hrtime.bigint() - from) / calls
}

async function calibrateAsync(work: (i: number) => unknown, ms: number): Promise<number> {
  for (let calls = 16; ; calls *= 2) {
    const took = ((await timeAsync(work, calls)) * calls) / 1e6
    if (took >= ms) return calls
  }
}

type Candidates = Readonly<Record<string, (i: number) => unknown>>

export function compare(candidates: Candidates, rounds = 31): Comparison {
  const all = Object.entries(candidates)
  const calls = new Map(all.map(([name, work]) => [name, calibrate(work, 10)]))
  const times = new Times(all)
  for (const [name, work] of turns(all, rounds)) times.add(name, time(work, calls.get(name)!))
  return times.outcome()
}

/** The same for candidates of which some give promises: each of those is waited for before the next call. */
export async function compareAsync(candidates: Candidates, rounds = 31): Promise<Comparison> {
  const all = Object.entries(candidates)
  const calls = new Map<string, number>()
  for (const [name, work] of all) calls.set(name, await calibrateAsync(work, 10))
  const times = new Times(all)
  for (const [name, work] of turns(all, rounds)) {
    times.add(name, await timeAsync(work, calls.get(name)!))
  }
  return times.outcome()
}

/** Every other round the other way round: who comes first may meet a cold cache or a collection. */
export function* turns<T>(all: readonly T[], rounds: number): Generator<T> {
  for (let round = 0; round < rounds; round++) yield* round % 2 ? all.toReversed() : all
}

/** How long a call of each took, round by round. */
class Times {
  readonly #all: Map<string, number[]>

  constructor(candidates: readonly (readonly [name: string, work: unknown])[]) {
    this.#all = new Map(candidates.map(([name]) => [name, []]))
  }

  add(name: string, ns: number): void {
    this.#all.get(name)!.push(ns)
  }

  outcome(): Comparison {
    if (sink === compare) throw new Error('unreachable: it only keeps the results alive')
    const of = (name: string) => this.#all.get(name)!
    return {
      results: [...this.#all].map(([name, times]) => ({ name, ns: median(times) })),
      ratio: (a, b) => ratioOf(of(b), of(a)),
    }
  }
}

/** The median of `a[i] / b[i]`. */
export const ratioOf = (a: readonly number[], b: readonly number[]): number =>
  median(a.map((value, i) => value / b[i]!))
