import {
  createTamburConnection,
  type StateChange,
  type TamburConnection,
  type TamburConnectionOptions,
  type TamburStatus,
  type TamburStream,
  type TamburTokenAsk,
} from 'isomq/tambur'
import { afterEach, expect } from 'vitest'
import { FakeClock, flush } from '../support/clock.ts'
import { seeded } from '../support/random.ts'
import { type FakeNetwork, fakeNetwork } from '../support/socket.ts'
import { TamburScript } from '../support/tambur.ts'

export interface TamburBench {
  readonly client: TamburConnection
  readonly clock: FakeClock
  readonly network: FakeNetwork
  readonly states: StateChange[]
  readonly statuses: TamburStatus[]
  readonly errors: (Error & { code?: string; details?: unknown })[]
  /** What the option `token` was asked, in order; it says `T1`, `T2` … */
  readonly asks: TamburTokenAsk[]
  /** The service on the socket that was opened last. */
  readonly script: TamburScript
  /** Connects and gives the service. */
  signIn(): Promise<TamburScript>
  /** The same, with a service that answers every command. */
  obeyed(): Promise<TamburScript>
  /** Moves on to the next attempt and gives its service. */
  redial(): Promise<TamburScript>
  /** Breaks the connection and gives the next one, signed in. */
  again(): Promise<TamburScript>
  /** A stream that is open, and has these modes, as `me`. */
  open(name?: string, ...modes: ('auth' | 'presence' | 'direct')[]): Promise<TamburStream>
}

const benches: TamburBench[] = []

afterEach(async () => {
  for (const { client, clock, network } of benches.splice(0)) {
    const closed = client.close()
    await clock.advance(1_000)
    await closed
    expect(clock.timers, 'timers left after close()').toBe(0)
    expect(
      network.sockets.filter(({ isOver }) => !isOver),
      'sockets left after close()',
    ).toEqual([])
  }
})

/** A connection with a time and a network of its own; closed after the test. */
export function bench(options: Partial<TamburConnectionOptions> = {}): TamburBench {
  const clock = new FakeClock()
  const network = fakeNetwork()
  const asks: TamburTokenAsk[] = []
  const client = createTamburConnection({
    ...(options.balancer === undefined && { url: 'wss://tambur.test/socket' }),
    clock,
    random: seeded(1),
    WebSocket: network.WebSocket,
    token({ signal: _, ...ask }) {
      asks.push(ask)
      return `T${asks.length}`
    },
    ...options,
  })
  const states: StateChange[] = []
  const statuses: TamburStatus[] = []
  const errors: TamburBench['errors'] = []
  client.on('state', (change) => states.push(change))
  client.on('status', (status) => statuses.push(status))
  client.on('error', (error) => errors.push(error))
  const made: TamburBench = {
    client,
    clock,
    network,
    states,
    statuses,
    errors,
    asks,
    get script() {
      return new TamburScript(network.last)
    },
    async signIn() {
      client.connect().catch(() => {})
      await flush()
      made.script.accept()
      await flush()
      return made.script
    },
    async obeyed() {
      network.onDial = (socket) => void new TamburScript(socket).obey()
      if (network.sockets.length > 0) made.script.obey()
      return made.signIn()
    },
    async redial() {
      const before = network.sockets.length
      for (let timers = 0; network.sockets.length === before; timers++) {
        if (timers === 1_000) throw new Error(`no further attempt; the connection is ${client.state}`)
        await clock.advance(clock.untilNext ?? 1)
      }
      return made.script
    },
    async again() {
      network.last.drop()
      await flush()
      const script = await made.redial()
      script.accept()
      await flush()
      return script
    },
    async open(name = 'news', ...modes) {
      const stream = client.stream(name)
      await stream.open()
      for (const mode of modes) {
        if (mode === 'auth') await stream.enableAuth()
        else if (mode === 'presence') await stream.enablePresence('me')
        else await stream.enableDirect('me')
      }
      return stream
    },
  }
  benches.push(made)
  return made
}

/** What has become of a promise, without waiting for it. */
export function watch(promise: Promise<unknown>): { readonly state: string } {
  const watched = { state: 'pending' }
  promise.then(
    () => {
      watched.state = 'resolved'
    },
    (error: { code?: string }) => {
      watched.state = error.code ?? String(error)
    },
  )
  return watched
}

export const CONFIG = expect.objectContaining({ name: 'IsomqError', code: 'CONFIG', provider: 'tambur' })
