import { describe } from 'vitest'
import { calls } from './calls.ts'
import { closing } from './closing.ts'
import { credentials } from './credentials.ts'
import { events } from './events.ts'
import { frames } from './frames.ts'
import { idle } from './idle.ts'
import { leaks } from './leaks.ts'
import { lifecycle } from './lifecycle.ts'
import { live } from './live.ts'
import type { ContractPlug } from './plug.ts'
import { receive } from './receive.ts'
import { reconnect } from './reconnect.ts'
import { settle } from './settle.ts'
import { watching } from './watching.ts'

/** What every client with a connection promises; the A-rows are complaints of users, turned into tests. */
export function contract(plug: ContractPlug): void {
  describe(`contract: ${plug.title ?? plug.name}`, () => {
    lifecycle(plug)
    closing(plug)
    receive(plug)
    if (plug.traits.acks) settle(plug)
    else if (plug.traits.messages) events(plug)
    calls(plug)
    reconnect(plug)
    credentials(plug)
    idle(plug)
    frames(plug)
    watching(plug)
    leaks(plug)
    live(plug)
  })
}
