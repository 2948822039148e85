import {
  createWampSession,
  type WampSession,
  type WampSessionOptions,
  type WampStatus,
  type WampSubscription,
} from 'isomq/webmq'
import { expect } from 'vitest'
import { enter, redial, type Said, type Stage, stage } from '../support/bench.ts'
import { flush } from '../support/clock.ts'
import { type Wamp1Script, type Wamp2Script, type WampScript, wampScript } from '../support/wamp.ts'

export interface WampBench<Script extends WampScript = WampScript>
  extends Omit<Stage, 'options'>,
    Said<WampStatus> {
  readonly session: WampSession
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

/** A session with a time and a network of its own; closed after the test. */
export function bench<Script extends WampScript>(
  version: 1 | 2,
  options: Partial<WampSessionOptions> = {},
): WampBench<Script> {
  const on = stage()
  const { clock, network } = on
  const session = createWampSession({
    url: 'ws://wamp.test/',
    version,
    ...on.options,
    ...options,
  })
  const said = enter<WampStatus>(on, session)
  const made: WampBench<Script> = {
    session,
    clock,
    network,
    ...said,
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
      await redial(on, session)
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
