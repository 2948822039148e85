import { type Budget, budgets } from './budgets.ts'
import { bundle, gzipSize, thirdParty } from './bundle.ts'

export interface Size extends Budget {
  readonly size: number
  readonly own: number
  readonly over: boolean
}

async function measure(budget: Budget): Promise<Size> {
  const [whole, own] = await Promise.all([bundle(budget.code), bundle(budget.code, { external: thirdParty })])
  const size = gzipSize(whole)
  return { ...budget, size, own: gzipSize(own), over: size > (budget.most ?? Number.POSITIVE_INFINITY) }
}

/** Sizes are the same on every machine, so they may be asserted. */
export const measureAll = (): Promise<Size[]> => Promise.all(budgets.map(measure))
