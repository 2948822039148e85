import { expect, inject, test } from 'vitest'
import { soak } from './run.ts'
import { tmc } from './tmc.ts'

test.each([{ name: 'tmc', plug: tmc }])(
  'A9 · $name: 3,000 messages through 60 kills, none lost and the buffer within its limit',
  async ({ plug }) => {
    const server = await plug(inject('playground'))
    const report = await soak(server, { messages: 3_000, kills: 60, seed: 7, maxBuffered: 100 })
    expect(report).toMatchObject({ sent: 3_000, lost: 0, left: 0 })
    expect(report.kills).toBeGreaterThanOrEqual(60)
    expect(report.peakBuffer).toBeLessThanOrEqual(100)
  },
  60_000,
)
