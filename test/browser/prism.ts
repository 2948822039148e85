import { expect } from 'vitest'
import type { Visit } from './visit.ts'

export const textOf = async (one: Visit, name: string): Promise<string> =>
  (await one.part(name).textContent()) ?? ''

/** Calls what the form says, and waits for the status or the error's code. */
export async function call(one: Visit, state: string): Promise<void> {
  await one.click('call')
  await one.says('call-state', state)
}

/** Logs in by the gateway's form. */
export async function logIn(one: Visit, user: string): Promise<void> {
  await one.click('login')
  await one.page.getByLabel('User').fill(user)
  await one.page.getByRole('button', { name: 'Sign in' }).click()
  await one.says('user-state', 'logged in')
}

/** At rest, page and emulator agree, and nothing is missing; `kept` are the copies that queues took. */
export async function nothingLost(one: Visit, published: number, kept = published): Promise<void> {
  await one.says('count-acked', kept)
  await one.says('count-waiting', 0)
  await one.says('count-published', published)
  await one.says('count-lost', 0)
  const stats = await one.stats()
  expect(stats).toMatchObject({ published, kept, acked: kept, waiting: 0, unacked: 0, acksUnknown: 0 })
  for (const figure of ['delivered', 'redelivered']) await one.says(`count-${figure}`, stats[figure]!)
}
