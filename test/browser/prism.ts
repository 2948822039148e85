import { atRest, type Visit } from './visit.ts'

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

/** Nothing is missing; `kept` are the copies that queues took. */
export const nothingLost = (one: Visit, published: number, kept = published): Promise<void> =>
  atRest(one, { acked: kept, published }, { kept, unacked: 0, acksUnknown: 0 }, ['delivered', 'redelivered'])
