/** Lets so many through at once, and the others in their order when there is room. */
export function createGate(most: number): <T>(act: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let inside = 0
  return async (act) => {
    // Who leaves hands his place on, so that nobody gets in between.
    if (inside < most) inside++
    else await new Promise<void>((enter) => waiting.push(enter))
    try {
      return await act()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else inside--
    }
  }
}
