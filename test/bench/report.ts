import { table } from './table.ts'

/** One line of the outcome: a ratio against something, what it should be at least, and how it came about. */
export interface Row {
  readonly what: string
  readonly ratio: number
  /** Left out where the figure is there to be seen only. */
  readonly target?: number
  readonly figures: string
}

export function report(title: string, rows: readonly Row[]): void {
  console.log(`\n${title}`)
  table(
    ['what', 'ratio', 'target', '', 'figures'],
    rows.map(({ what, ratio, target, figures }) => [
      what,
      `${ratio.toFixed(2)} x`,
      target === undefined ? '' : `>= ${target.toFixed(2)} x`,
      target === undefined ? '' : ratio >= target ? 'reached' : 'MISSED',
      figures,
    ]),
  )
}

/** `ours 488 ns, theirs 552 ns` */
export const nanoseconds = (results: readonly { readonly name: string; readonly ns: number }[]): string =>
  results.map(({ name, ns }) => `${name} ${ns.toFixed(0)} ns`).join(', ')

export const count = (value: number): string => Math.round(value).toLocaleString('en-US')
