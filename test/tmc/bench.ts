import { createTmcClient, type TmcClient, type TmcClientOptions, type TmcStatus } from 'isomq/tmc'
import { afterEach, expect } from 'vitest'
import { FakeClock, flush } from '../support/clock.ts'
import { seeded } from '../support/random.ts'
import { type FakeNetwork, fakeNetwork } from '../support/socket.ts'
import { TmcScript } from '../support/tmc.ts'

export interface TmcBench {
  readonly client: TmcClient
  readonly clock: FakeClock
  readonly network: FakeNetwork
  readonly errors: (Error & { code?: string; details?: unknown })[]
  readonly statuses: { readonly type: string; readonly connection?: number }[]
  /** The server on the socket that was opened last. */
  readonly script: TmcScript
  /** Connects and gives the server. */
  signIn(token?: string): Promise<TmcScript>
  /** Breaks the connection and gives the next one. */
  again(token?: string): Promise<TmcScript>
}

const benches: TmcBench[] = []

afterEach(async () => {
  for (const { client, clock } of benches.splice(0)) {
    const closed = client.close({ timeout: 1 })
    await clock.advance(1_000)
    await closed
    expect(clock.timers, 'timers left after close()').toBe(0)
  }
})

/** A TMC client with a time and a network of its own; closed after the test. */
export function bench(options: Partial<TmcClientOptions> = {}): TmcBench {
  const clock = new FakeClock()
  const network = fakeNetwork()
  const client = createTmcClient({
    appKey: '12345678',
    appSecret: 'appsecret',
    clock,
    random: seeded(1),
    WebSocket: network.WebSocket,
    ...(options.sign && { appSecret: undefined }),
    ...options,
  })
  const errors: TmcBench['errors'] = []
  const statuses: TmcStatus[] = []
  client.on('error', (error) => errors.push(error))
  client.on('status', (status) => statuses.push(status as TmcStatus))
  const made: TmcBench = {
    client,
    clock,
    network,
    errors,
    statuses,
    get script() {
      return new TmcScript(network.last)
    },
    async signIn(token) {
      client.connect().catch(() => {})
      await flush()
      const { script } = made
      script.accept(token)
      await flush()
      return script
    },
    async again(token) {
      const before = network.sockets.length
      network.last.drop()
      await flush()
      while (network.sockets.length === before && clock.untilNext !== undefined)
        await clock.advance(clock.untilNext)
      return made.signIn(token)
    },
  }
  benches.push(made)
  return made
}
