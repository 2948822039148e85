import { expect, inject, test } from 'vitest'
import { faultsOf, soakEvents } from './handed.ts'
import { tambur } from './tambur.ts'

test('A9 · tambur: 3,000 messages through 60 kills: what was handed over comes once, in order', async () => {
  const server = await tambur(inject('playground'))
  const report = await soakEvents(server, { messages: 3_000, kills: 60, seed: 7 })
  expect([faultsOf(report, 60), report.published]).toEqual([[], 3_000])
}, 120_000)
