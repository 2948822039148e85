import { describe } from 'vitest'
import { calls } from './calls.ts'
import { idle } from './idle.ts'
import { lifecycle } from './lifecycle.ts'
import type { ContractPlug } from './plug.ts'
import { receive } from './receive.ts'
import { reconnect } from './reconnect.ts'
import { settle } from './settle.ts'

/** What every client with a connection promises; the A-rows are complaints of users, turned into tests. */
export function contract(plug: ContractPlug): void {
  describe(`contract: ${plug.name}`, () => {
    lifecycle(plug)
    receive(plug)
    settle(plug)
    calls(plug)
    reconnect(plug)
    idle(plug)
  })
}
