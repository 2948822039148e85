import { part, setText } from './dom.ts'

/** The figures above the time line. They are the server's, so that a client cannot flatter itself. */
export function createCounts(section: HTMLElement) {
  let reconnects = 0
  const set = (name: string, value: string | number) =>
    setText(part(section, `count-${name}`), typeof value === 'number' ? value.toLocaleString('en') : value)

  return {
    /** By their names in the page; `lost` should be 0, where nothing may get lost. */
    show(figures: Readonly<Record<string, string | number>>): void {
      for (const [name, value] of Object.entries(figures)) set(name, value)
      const { lost } = figures
      // A text tells that nobody can know.
      if (lost !== undefined)
        part(section, 'count-lost').dataset.lost = lost === '–' ? 'unknown' : String(lost !== 0)
    },
    reconnected(): void {
      set('reconnects', ++reconnects)
    },
    clear(): void {
      reconnects = 0
      set('reconnects', 0)
    },
  }
}
export type Counts = ReturnType<typeof createCounts>
