// The fault run of `npm run soak -- --provider tamar`, a small one.
import { describe, expect, test } from 'vitest'
import { soakReliable } from './reliable.ts'
import { lacking, servers } from './services.ts'
import { faultsOf } from './soak.ts'

describe.skipIf(lacking)('on real servers', () => {
  test('A9 · 1,000 reliable messages through a kill of RabbitMQ and 20 cuts: none lost, none told wrongly', async () => {
    const wanted = { messages: 1_000, kills: 1, seed: 7 }
    const report = await soakReliable(servers(), wanted)
    expect(faultsOf(report, wanted)).toEqual([])
    expect(report).toMatchObject({ sent: 1_000, kills: 1, cuts: 20 })
  })
})
