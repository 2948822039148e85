import { expect } from 'vitest'
import { USERS, type User } from './twins.ts'
import type { Visit } from './visit.ts'

/** Connects both and opens their stream, without any mode. */
export async function openBoth(one: Visit): Promise<void> {
  for (const user of USERS) {
    await one.click(`${user}-toggle`)
    await one.says(`${user}-state`, 'open')
    await one.click(`${user}-open`)
    await one.says(`${user}-stream-state`, 'open')
  }
}

/** The same with every mode. */
export async function enterBoth(one: Visit): Promise<void> {
  await one.click('enter')
  await one.says('said', 'Alice and Bob are there, with every mode on.')
  await one.says('alice-present', 'bob')
  await one.says('bob-present', 'alice')
}

export async function publish(one: Visit, to: 'stream' | 'auth' | User, count = 1): Promise<void> {
  await one.part('to').selectOption(to)
  await one.click(`publish-${count}`)
}

/** At rest, page and emulator agree, and all that was handed over has arrived. */
export async function allArrived(one: Visit, received: number): Promise<void> {
  await one.says('count-received', received)
  await one.says('count-delivered', received)
  const { delivered, directsDelivered, published, directs } = await one.stats()
  expect(delivered! + directsDelivered!).toBe(received)
  await one.says('count-published', published!)
  await one.says('count-direct', directs!)
}
