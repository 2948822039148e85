import { element } from './dom.ts'

/** What a user of a stream gets, and what becomes of it. */
export type Kind = 'message' | 'auth' | 'private' | 'direct' | 'up' | 'down' | 'reset' | 'gap'

const KEPT = 200

/** What two users said to each other, as one of them sees it: newest last. */
export function createChat(list: HTMLElement) {
  return {
    add(from: string, text: string, isOwn: boolean): void {
      const item = element('li', isOwn ? 'own' : '')
      item.append(element('b', '', from), ' ', element('span', 'text', text))
      list.append(item)
      while (list.childElementCount > KEPT) list.firstElementChild!.remove()
      list.scrollTop = list.scrollHeight
    },
    clear: () => list.replaceChildren(),
  }
}
