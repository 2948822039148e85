// Comparing on a noisy machine: the candidates take turns in short rounds, and what counts is the median of the
// ratios within a round, where all of them had the same neighbours.

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

export function compare(
  candidates: Readonly<Record<string, (i: number) => unknown>>,
  rounds = 31,
): Comparison {
  const all = Object.entries(candidates)
  const calls = new Map(all.map(([name, work]) => [name, calibrate(work, 10)]))
  const times = new Map<string, number[]>(all.map(([name]) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    // Every other round the other way round: who comes first may meet a cold cache or a collection.
    for (const [name, work] of round % 2 ? all.toReversed() : all) {
      times.get(name)!.push(time(work, calls.get(name)!))
    }
  }
  if (sink === compare) throw new Error('unreachable: it only keeps the results alive')
  return {
    results: all.map(([name]) => ({ name, ns: median(times.get(name)!) })),
    ratio: (a, b) => ratioOf(times.get(b)!, times.get(a)!),
  }
}

/** The median of `a[i] / b[i]`. */
export const ratioOf = (a: readonly number[], b: readonly number[]): number =>
  median(a.map((value, i) => value / b[i]!))
