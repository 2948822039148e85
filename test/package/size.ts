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
  const { most = Number.POSITIVE_INFINITY, without: outside = [] } = budget
  try {
    const size = await weigh(budget, { external: [...outside] }, folder)
    const own = await weigh(budget, { external: [...thirdParty, ...outside] }, folder)
    return { ...budget, size, own, over: size > most }
  } catch (error) {
    // Such as an export that is gone: it must not pass for a small one.
    console.error(`${budget.name}: ${(error as Error).message}`)
    return { ...budget, size: Number.NaN, own: Number.NaN, over: true }
  }
}

const weigh = async ({ code }: Budget, options: object, folder: string): Promise<number> =>
  gzipSize(await bundle(code, options, folder))
