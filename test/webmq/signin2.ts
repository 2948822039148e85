// The server's side of a sign-in of version 2, step by step.
import type { WampAuth, WampSessionOptions } from 'isomq/webmq'
import { flush } from '../support/clock.ts'
import { until } from '../support/events.ts'
import type { Wamp2Script } from '../support/wamp.ts'
import { bench2, type WampBench } from './bench.ts'

export const SECRET = 'marker-secret'
export const CHALLENGE = JSON.stringify({
  session: 7,
  nonce: 'abc',
  authid: 'joe',
  authmethod: 'wampcra',
  authrole: 'user',
  timestamp: '2014-06-22T16:36:25.448Z',
})

type Bench = WampBench<Wamp2Script>

/** A session that is going to sign in. */
export const signing = (auth: WampAuth, options: Partial<WampSessionOptions> = {}): Bench =>
  bench2({ auth, ...options })

/** Goes on to where the server has been greeted. */
export async function greeted(b: Bench): Promise<Wamp2Script> {
  const script = await b.dial()
  script.open()
  await flush()
  return script
}

/** Sends a CHALLENGE, and gives the AUTHENTICATE that comes back. */
export async function challenged(
  script: Wamp2Script,
  method: unknown,
  ...extra: unknown[]
): Promise<unknown> {
  const before = script.messages.length
  script.send(4, method, ...extra)
  await until(() => script.messages.length > before || script.socket.isOver)
  return script.messages[before]
}
