import { part, setText } from './dom.ts'

/** The bar that tells the visitor what went wrong. */
export interface Problems {
  problem(text: string): void
  /** The server does not answer; told until `solved`. */
  outage(text: string): void
  solved(): void
}

export function createProblems(): Problems {
  const bar = part(document, 'problem')
  const text = part(document, 'problem-text')
  let isOutage = false

  function show(what: string, outage: boolean): void {
    isOutage = outage
    setText(text, what)
    bar.hidden = false
  }
  function hide(): void {
    isOutage = false
    bar.hidden = true
    setText(text, '')
  }

  part(document, 'problem-close').addEventListener('click', hide)
  return {
    problem: (what) => show(what, false),
    outage: (what) => show(what, true),
    solved: () => isOutage && hide(),
  }
}
