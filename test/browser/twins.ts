import { expect } from 'vitest'
import type { Visit } from './visit.ts'

/** The two users whom some sections have. */
export type User = 'alice' | 'bob'
export const USERS = ['alice', 'bob'] as const

/** What a user received, oldest first. */
export const received = (one: Visit, user: User, ...kinds: readonly string[]): Promise<string[]> =>
  one
    .part(`${user}-inbox`)
    .locator('li')
    .evaluateAll(
      (items, kinds) =>
        (items as HTMLElement[])
          .filter(({ dataset }) => kinds.length === 0 || kinds.includes(dataset.kind!))
          .map((item) => `${item.dataset.kind}: ${item.querySelector('.text')!.textContent}`)
          .reverse(),
      kinds,
    )

/** Waits until a user has received so many of a kind. */
export async function got(one: Visit, user: User, kind: string, count: number): Promise<void> {
  const rows = one.part(`${user}-inbox`).locator(`li[data-kind="${kind}"]`)
  await expect.poll(() => rows.count(), { timeout: 15_000 }).toBe(count)
}
