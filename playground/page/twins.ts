import { part } from './dom.ts'

/** The two users of a section. */
export const NAMES = { alice: 'Alice', bob: 'Bob' } as const
export type UserName = keyof typeof NAMES

export const otherOf = (who: UserName): UserName => (who === 'alice' ? 'bob' : 'alice')

/** Both users have the same card, which the page has once. */
export function makeCard(section: HTMLElement, who: UserName): void {
  const names: Readonly<Record<string, string>> = { who, name: NAMES[who], other: NAMES[otherOf(who)] }
  const html = part(section, 'user').innerHTML
  const filled = html.replace(/\{(who|name|other)\}/g, (_, which: string) => names[which]!)
  part(section, 'users').insertAdjacentHTML('beforeend', filled)
}
