import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { FakeClock } from '../support/clock.ts'
import { seeded } from '../support/random.ts'
import { fakeNetwork } from '../support/socket.ts'
import type { ContractPlug } from './plug.ts'
import { prism } from './prism.ts'
import { tamar } from './tamar.ts'
import { tambur } from './tambur.ts'
import { tmc } from './tmc.ts'
import { wamp1, wamp2 } from './wamp.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Connects and closes a client that nobody keeps; gives weak references to it and its socket. */
async function useAndForget(
  plug: ContractPlug,
  clock: FakeClock,
  signal: AbortSignal,
): Promise<WeakRef<object>[]> {
  const network = fakeNetwork()
  network.onDial = (socket) => queueMicrotask(() => plug.serve(socket).accept())
  const client = plug.create({ clock, random: seeded(1), WebSocket: network.WebSocket })
  client.on('message', () => {})
  if (plug.traits.messages) client.messages({ signal })
  await client.connect({ signal })
  plug.serve(network.last).deliver(1)
  await client.close({ signal })
  return [new WeakRef(client), new WeakRef(network.last)]
}

test.each([tmc, prism, tamar, tambur, wamp1, wamp2])(
  'A6 · a closed $name client is collected, and so is its socket',
  async (plug) => {
    const clock = new FakeClock()
    const { signal } = new AbortController()
    const references: WeakRef<object>[] = []
    for (let i = 0; i < 20; i++) references.push(...(await useAndForget(plug, clock, signal)))
    // A reference that was just made holds its object until the next turn.
    await new Promise((resolve) => setTimeout(resolve, 0))
    collect()
    expect(references.filter((reference) => reference.deref() !== undefined)).toEqual([])
  },
)
