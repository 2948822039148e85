import { type Budget, budgets } from './budgets.ts'
import { bundle, gzipSize, thirdParty } from './bundle.ts'

export interface Size extends Budget {
  readonly size: number
  /** Without third-party code. */
  readonly own: number
  readonly over: boolean
}

/** The sizes of isomq as it is installed in `folder`; they are the same everywhere, so they may be asserted. */
export const measureAll = (folder: string): Promise<Size[]> =>
  Promise.all(budgets.map((one) => measure(one, folder)))

async function measure(budget: Budget, folder: string): Promise<Size> {
  const [size, own] = await Promise.all(
    [{}, { external: thirdParty }].map((options) => weigh(budget, options, folder)),
  )
  return { ...budget, size: size!, own: own!, over: size! > (budget.most ?? Number.POSITIVE_INFINITY) }
}

const weigh = async ({ code }: Budget, options: object, folder: string): Promise<number> =>
  gzipSize(await bundle(code, options, folder))
