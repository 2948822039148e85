import { afterEach, expect } from 'vitest'
import { FakeClock, flush } from './clock.ts'
import { seeded } from './random.ts'
import { type FakeNetwork, fakeNetwork } from './socket.ts'

/** A time and a network for one client, which a test moves on. */
export interface Stage {
  readonly clock: FakeClock
  readonly network: FakeNetwork
  /** The options that bring a client here. */
  readonly options: Pick<FakeNetwork, 'WebSocket'> & {
    readonly clock: FakeClock
    readonly random: () => number
  }
}

export function stage(): Stage {
  const clock = new FakeClock()
  const network = fakeNetwork()
  return { clock, network, options: { clock, random: seeded(1), WebSocket: network.WebSocket } }
}

/** What is on a stage, as far as all clients are alike. */
interface Actor<Status> {
  readonly state: string
  on(type: 'error', handler: (error: Error) => void): unknown
  on(type: 'status', handler: (status: Status) => void): unknown
  close(options: { readonly timeout: number }): Promise<void>
}

/** What a client says of itself, from now on. */
export interface Said<Status> {
  readonly errors: (Error & { code?: string; details?: Readonly<Record<string, unknown>> })[]
  readonly statuses: Status[]
}

const playing: (Stage & { readonly actor: Pick<Actor<never>, 'close'> })[] = []

afterEach(async () => {
  for (const { actor, clock, network } of playing.splice(0)) {
    const closed = actor.close({ timeout: 1 })
    await clock.advance(1_000)
    await closed
    expect(clock.timers, 'timers left after close()').toBe(0)
    expect(
      network.sockets.filter(({ isOver }) => !isOver),
      'sockets left after close()',
    ).toEqual([])
  }
})

/** Listens to a client, and closes it after the test. */
export function enter<Status>(on: Stage, actor: Actor<Status>): Said<Status> {
  const said: Said<Status> = { errors: [], statuses: [] }
  actor.on('error', (error) => said.errors.push(error))
  actor.on('status', (status) => said.statuses.push(status))
  playing.push({ ...on, actor })
  return said
}

/** Moves on to the next attempt, whose socket is not open yet. */
export async function redial({ clock, network }: Stage, actor: { readonly state: string }): Promise<void> {
  await flush()
  for (let timers = 0; network.last.readyState !== 0; timers++) {
    if (timers === 1_000) throw new Error(`no further attempt; the state is ${actor.state}`)
    await clock.advance(clock.untilNext ?? 1)
  }
}
