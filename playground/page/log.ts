import { element } from './dom.ts'

export type Source = 'page' | 'second' | 'worker' | 'alice' | 'bob' | 'server'
export type Log = (source: Source, text: string, level?: 'error') => void

const NAMES: Record<Source, string> = {
  page: 'page',
  second: 'second',
  worker: 'Worker',
  alice: 'Alice',
  bob: 'Bob',
  server: 'server',
}
const KEPT = 100

/** A list of what happened, newest first and bounded. */
export function createLog(list: HTMLElement): Log & { clear(): void } {
  const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
  const log = (source: Source, text: string, level = ''): void => {
    const item = element('li', level)
    const source_ = element('span', `source ${source}`, NAMES[source])
    item.append(element('time', '', time.format(Date.now())), source_, element('span', 'text', text))
    list.prepend(item)
    while (list.childElementCount > KEPT) list.lastElementChild!.remove()
  }
  return Object.assign(log, { clear: () => list.replaceChildren() })
}
