import type { MessagesOptions, StateChange } from 'isomq'
import { afterEach, expect } from 'vitest'
import { FakeClock, flush } from '../support/clock.ts'
import { until } from '../support/events.ts'
import { seeded } from '../support/random.ts'
import { type FakeNetwork, fakeNetwork } from '../support/socket.ts'
import type {
  ContractClient,
  ContractMessage,
  ContractOptions,
  ContractPlug,
  ContractStatus,
  ScriptedServer,
} from './plug.ts'

/** A client with its own time and network, and everything that it told. */
export interface Bench {
  readonly client: ContractClient
  readonly clock: FakeClock
  readonly network: FakeNetwork
  readonly states: StateChange[]
  readonly statuses: ContractStatus[]
  readonly errors: (Error & { code?: string })[]
  /** The server on the socket that was opened last. */
  readonly server: ScriptedServer
  /** Lets the client go through the sign-in. */
  signIn(): Promise<ScriptedServer>
  /** Refuses the sign-in, and resolves when the client has heard of it. */
  refuse(): Promise<void>
  /** Moves on to the next attempt and gives its server. */
  redial(): Promise<ScriptedServer>
  /** Delays of all retries so far. */
  readonly delays: number[]
}

/** Ends a client whatever its handlers do. */
export async function end(client: ContractClient, clock: FakeClock): Promise<void> {
  const closed = client.close({ timeout: 1 })
  await clock.advance(1_000)
  await closed
}

/**
 * Gives the bench of a provider. After each test every client of it is closed, and nothing may be left: no
 * timer, no socket.
 */
export function benchOf(plug: ContractPlug): (options?: ContractOptions) => Bench {
  const benches: Bench[] = []
  afterEach(async () => {
    for (const { client, clock, network } of benches.splice(0)) {
      await end(client, clock)
      expect(clock.timers, 'timers left after close()').toBe(0)
      expect(
        network.sockets.filter(({ isOver }) => !isOver),
        'sockets left after close()',
      ).toEqual([])
    }
  })
  return (options = {}) => {
    const bench = create(plug, options)
    benches.push(bench)
    return bench
  }
}

function create(plug: ContractPlug, options: ContractOptions): Bench {
  const clock = new FakeClock()
  const network = fakeNetwork()
  const client = plug.create({ clock, random: seeded(1), WebSocket: network.WebSocket, ...options })
  const states: StateChange[] = []
  const statuses: ContractStatus[] = []
  const errors: Error[] = []
  client.on('state', (change) => states.push(change))
  client.on('status', (status) => statuses.push(status))
  client.on('error', (error) => errors.push(error))
  const serve = () => plug.serve(network.last)
  return {
    client,
    clock,
    network,
    states,
    statuses,
    errors,
    get server() {
      return serve()
    },
    async signIn() {
      await flush()
      const server = serve()
      server.accept()
      await server.accepted?.()
      await flush()
      return server
    },
    async refuse() {
      const losses = () => statuses.filter(({ type }) => type === 'disconnected').length
      const before = losses()
      serve().refuse()
      await until(() => losses() > before)
    },
    async redial() {
      const before = network.sockets.length
      for (let timers = 0; network.sockets.length === before; timers++) {
        if (timers === 1_000) throw new Error(`no further attempt; the client is ${client.state}`)
        await clock.advance(clock.untilNext ?? 1)
      }
      return serve()
    },
    get delays() {
      return statuses.flatMap((status) => (status.type === 'retrying' ? [status.delay] : []))
    },
  }
}

/** What a server hears of messages that failed: nothing, where the protocol has no word for it. */
export const nacksOf =
  ({ traits }: ContractPlug) =>
  (...ids: string[]): string[] =>
    traits.nacks ? ids : []

/** What a server hears of messages that were handled well: nothing, where the protocol has no acks. */
export const acksOf =
  ({ traits }: ContractPlug) =>
  (...ids: string[]): string[] =>
    traits.acks ? ids : []

/** The next message of a new iteration, where there are any. */
export const nextOf = (
  { traits }: ContractPlug,
  client: ContractClient,
  options?: MessagesOptions,
): Promise<IteratorResult<ContractMessage>>[] => (traits.messages ? [client.messages(options).next()] : [])

/** Connects a bench and gives its server. */
export async function connected(bench: Bench): Promise<ScriptedServer> {
  const done = bench.client.connect()
  const server = await bench.signIn()
  await done
  return server
}
