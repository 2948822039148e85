import { element } from './dom.ts'

/** So many are shown; the oldest go. */
export const KEPT = 200

/** What a user received, newest first and bounded, what is pinned above all else; each kind has its colour. */
export function createInbox<Kind extends string>(list: HTMLElement) {
  const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
  /** The order in which they came. */
  const numbers = new WeakMap<Element, number>()
  const pinned = new WeakSet<Element>()
  let last = 0

  function place(item: HTMLElement): void {
    const isPinned = pinned.has(item)
    const isBelow = (other: Element): boolean =>
      isPinned === pinned.has(other) ? numbers.get(other)! < numbers.get(item)! : isPinned
    const next = Array.from(list.children).find((other) => other !== item && isBelow(other)) ?? null
    // What stays where it is keeps the focus.
    if (item.parentElement !== list || item.nextElementSibling !== next) list.insertBefore(item, next)
  }

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
      numbers.set(item, ++last)
      place(item)
      while (list.childElementCount > KEPT) list.lastElementChild!.remove()
      return item
    },
    pin(item: HTMLElement, isPinned: boolean): void {
      if (isPinned === pinned.has(item)) return
      if (isPinned) pinned.add(item)
      else pinned.delete(item)
      place(item)
    },
    clear: () => list.replaceChildren(),
  }
}
