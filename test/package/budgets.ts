/** The most that a user pays for something: minified and gzipped bytes, third-party code included. */
export interface Budget {
  readonly name: string
  /** What the user writes. */
  readonly code: string
  readonly most?: number
  /** What it takes today, where that is more than the budget: it may only become less. */
  readonly today?: number
}

const all = (entry: string): string => `export * from '${entry}'`

export const budgets: readonly Budget[] = [
  {
    name: 'createTmcClient alone',
    code: "export { createTmcClient } from 'isomq/tmc'",
    most: 8000,
    today: 13_750,
  },
  { name: 'createTmcPoller alone', code: "export { createTmcPoller } from 'isomq/tmc'" },
  { name: 'isomq/tmc', code: all('isomq/tmc'), most: 12_000, today: 20_750 },
  { name: 'isomq/errors', code: all('isomq/errors'), most: 500 },
  { name: 'isomq', code: all('isomq') },
]
