import {
  createWampSession,
  type WampSession,
  type WampSessionOptions,
  type WampStatus,
  type WampSubscription,
} from 'isomq/webmq'
import { afterEach, expect } from 'vitest'
import { FakeClock, flush } from '../support/clock.ts'
import { seeded } from '../support/random.ts'
import { type FakeNetwork, fakeNetwork } from '../support/socket.ts'
import { type Wamp1Script, type Wamp2Script, type WampScript, wampScript } from '../support/wamp.ts'

export interface WampBench<Script extends WampScript = WampScript> {
  readonly session: WampSession
  readonly clock: FakeClock
  readonly network: FakeNetwork
  readonly errors: (Error & { code?: string; details?: Readonly<Record<string, unknown>> })[]
  readonly statuses: WampStatus[]
  /** The server on the socket that was opened last. */
  readonly script: Script
  /** Dials, and gives the server, whose socket is not open yet. */
  dial(): Promise<Script>
  /** Connects, without a sign-in, and gives the server. */
  open(id?: string | number): Promise<Script>
  /** Moves on to the next attempt, whose socket is not open yet. */
  redial(): Promise<Script>
  /** Breaks the connection and opens the next one. */
  again(id?: string | number): Promise<Script>
  /** A subscription that the server has granted. */
  subscribe(topic: string): Promise<WampSubscription>
}

const benches: WampBench[] = []

afterEach(async () => {
  for (const { session, clock, network } of benches.splice(0)) {
    const closed = session.close({ timeout: 1 })
    await clock.advance(1_000)
    await closed
    expect(clock.timers, 'timers left after close()').toBe(0)
    expect(
      network.sockets.filter(({ isOver }) => !isOver),
      'sockets left after close()',
    ).toEqual([])
  }
})

/** A session with a time and a network of its own; closed after the test. */
export function bench<Script extends WampScript>(
  version: 1 | 2,
  options: Partial<WampSessionOptions> = {},
): WampBench<Script> {
  const clock = new FakeClock()
  const network = fakeNetwork()
  const session = createWampSession({
    url: 'ws://wamp.test/',
    version,
    clock,
    random: seeded(1),
    WebSocket: network.WebSocket,
    ...options,
  })
  const errors: WampBench['errors'] = []
  const statuses: WampStatus[] = []
  session.on('error', (error) => errors.push(error))
  session.on('status', (status) => statuses.push(status))
  const made: WampBench<Script> = {
    session,
    clock,
    network,
    errors,
    statuses,
    get script() {
      return wampScript(network.last, version) as Script
    },
    async dial() {
      session.connect({ timeout: 0 }).catch(() => {})
      await flush()
      return made.script
    },
    async open(id) {
      const { session } = made
      const connecting = session.connect()
      await flush()
      const { script } = made
      script.accept(id)
      await connecting
      await flush()
      return script
    },
    async redial() {
      await flush()
      for (let timers = 0; network.last.readyState !== 0; timers++) {
        if (timers === 1_000) throw new Error(`no further attempt; the session is ${session.state}`)
        await clock.advance(clock.untilNext ?? 1)
      }
      return made.script
    },
    async again(id) {
      network.last.drop()
      const script = await made.redial()
      script.accept(id)
      await flush()
      return script
    },
    async subscribe(topic) {
      const subscribing = session.subscribe(topic)
      await flush()
      made.script.grant()
      return subscribing
    },
  }
  benches.push(made as WampBench)
  return made
}

export const bench1 = (options?: Partial<WampSessionOptions>): WampBench<Wamp1Script> =>
  bench<Wamp1Script>(1, options)
export const bench2 = (options?: Partial<WampSessionOptions>): WampBench<Wamp2Script> =>
  bench<Wamp2Script>(2, options)

/** What a test does with both versions. */
export const VERSIONS = [1, 2] as const

/** What an iteration gives, until it ends or throws. */
export async function collect<T>(loop: AsyncIterable<T>): Promise<{ items: T[]; error?: unknown }> {
  const items: T[] = []
  try {
    for await (const item of loop) items.push(item)
    return { items }
  } catch (error) {
    return { items, error }
  }
}

export const CONFIG = expect.objectContaining({ name: 'IsomqError', code: 'CONFIG', provider: 'webmq' })
