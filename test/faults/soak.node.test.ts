import { expect, inject, test } from 'vitest'
import { prism } from './prism.ts'
import { soak } from './run.ts'
import { tmc } from './tmc.ts'

test.each([
  { name: 'tmc', plug: tmc },
  { name: 'prism', plug: prism },
])(
  'A9 · $name: 3,000 messages through 60 kills, none lost and the buffer within its limit',
  async ({ plug }) => {
    const server = await plug(inject('playground'))
    const report = await soak(server, { messages: 3_000, kills: 60, seed: 7, maxBuffered: 100 })
    expect(report).toMatchObject({ lost: 0, left: 0 })
    const { published = 0, unexplained = 0, failed = 0 } = report.publishes ?? {}
    // What a break took with it, the server never took; it was told.
    expect([unexplained, failed]).toEqual([0, 0])
    expect(report.sent).toBeGreaterThanOrEqual(3_000 - published)
    if (!report.publishes) expect(report.sent).toBe(3_000)
    expect(report.kills).toBeGreaterThanOrEqual(60)
    expect(report.peakBuffer).toBeLessThanOrEqual(100)
  },
  60_000,
)
