import { element } from './dom.ts'

/** So many are shown; the oldest go. */
export const KEPT = 200

/** What a user received, newest first and bounded; each kind has its colour. */
export function createInbox<Kind extends string>(list: HTMLElement) {
  const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
  return {
    /** Gives the item, to which there may be more to add. */
    add(kind: Kind, text: string): HTMLElement {
      const item = element('li')
      item.dataset.kind = kind
      item.append(
        element('time', '', time.format(Date.now())),
        element('span', 'kind', kind),
        element('span', 'text', text),
      )
      list.prepend(item)
      while (list.childElementCount > KEPT) list.lastElementChild!.remove()
      return item
    },
    clear: () => list.replaceChildren(),
  }
}
