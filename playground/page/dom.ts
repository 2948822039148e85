/** The element that script and tests know by this name. */
export function part<T extends HTMLElement = HTMLElement>(root: ParentNode, name: string): T {
  const found = root.querySelector<T>(`[data-testid="${partName(root, name)}"]`)
  if (found === null) throw new Error(`the page has no part "${partName(root, name)}"`)
  return found
}

/** Sections have parts of the same names: what `data-parts` says in front keeps them apart in the page. */
export function partName(root: ParentNode, name: string): string {
  const section = root instanceof Element ? root.closest<HTMLElement>('[data-parts]') : null
  return `${section?.dataset.parts ?? ''}${name}`
}

/** Sets a text only where it differs: a live region speaks up at each change of its nodes. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

export function element(tag: string, className = '', text = ''): HTMLElement {
  const made = document.createElement(tag)
  if (className !== '') made.className = className
  made.textContent = text
  return made
}

/** Such as `4 ms`, `1.25 s`, `5 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  return ms < 120_000 ? `${Number((ms / 1000).toFixed(2))} s` : `${Math.round(ms / 60_000)} min`
}

export const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`

/** What was thrown, for a reader. */
export const textOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

/** Runs `act` soon and then at most once per `pause` milliseconds, however often it is asked for. */
export function throttled(pause: number, act: () => Promise<void>): () => void {
  let running = false
  let asked = false
  return async function ask() {
    asked = true
    if (running) return
    running = true
    while (asked) {
      asked = false
      await act()
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
    running = false
  }
}
