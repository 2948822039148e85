import { expect, inject, test } from 'vitest'
import { faultsOf, soakEvents } from './handed.ts'
import { tambur } from './tambur.ts'
import { webmq } from './webmq.ts'

test.each([
  { name: 'tambur', plug: tambur },
  { name: 'webmq, version 1', plug: webmq(1) },
  { name: 'webmq, version 2', plug: webmq(2) },
])(
  'A9 · $name: 3,000 messages through 60 kills: what was handed over comes once, in order',
  async ({ plug }) => {
    const server = await plug(inject('playground'))
    const report = await soakEvents(server, { messages: 3_000, kills: 60, seed: 7 })
    expect([faultsOf(report, 60), report.published]).toEqual([[], 3_000])
  },
  120_000,
)
