import { part, setText } from './dom.ts'

/** What may be told besides what went wrong. */
export interface Circumstances {
  /** The cause, for those who unfold it. */
  readonly why?: string | undefined
  /** Names what it is about: the bar goes when that is `settled`. */
  readonly about?: string | undefined
}

/** The bar that tells the visitor what went wrong. */
export interface Problems {
  problem(text: string, circumstances?: Circumstances): void
  /** What this names is in order again. */
  settled(about: string): void
  /** The server does not answer; told until `solved`. */
  outage(text: string): void
  solved(): void
}

export function createProblems(): Problems {
  const bar = part(document, 'problem')
  const text = part(document, 'problem-text')
  const cause = part<HTMLDetailsElement>(document, 'problem-why')
  let isOutage = false
  let subject: string | undefined

  function show(what: string, outage: boolean, { why = '', about }: Circumstances = {}): void {
    isOutage = outage
    subject = about
    setText(text, what)
    setText(part(document, 'problem-cause'), why)
    cause.hidden = why === ''
    cause.open = false
    bar.hidden = false
  }
  function hide(): void {
    isOutage = false
    subject = undefined
    bar.hidden = true
    setText(text, '')
  }

  part(document, 'problem-close').addEventListener('click', hide)
  return {
    problem: (what, circumstances) => show(what, false, circumstances),
    settled: (about) => subject === about && hide(),
    outage: (what) => show(what, true),
    solved: () => isOutage && hide(),
  }
}
