// The server's side of a sign-in of version 1, step by step.
import type { WampAuth, WampSessionOptions } from 'isomq/webmq'
import { flush } from '../support/clock.ts'
import { until } from '../support/events.ts'
import { AUTH, AUTHREQ, type Wamp1Script } from '../support/wamp.ts'
import { bench1, type WampBench } from './bench.ts'

export const SECRET = 'marker-secret'
export const CHALLENGE = JSON.stringify({
  authid: 'gbTnaLQ2',
  authkey: 'joe',
  authextra: null,
  timestamp: '2012-07-10T17:03:34Z',
  sessionid: 'S1',
  extra: null,
})

/** A challenge with this `authextra`. */
export const salted = (authextra: object): string => JSON.stringify({ ...JSON.parse(CHALLENGE), authextra })

/** What the server lets a user do who signed in. */
export const RIGHTS = {
  pubsub: [{ uri: 'http://example.com/', prefix: true, pub: true, sub: true }],
  rpc: [{ uri: 'http://example.com/add', call: true }],
}

type Bench = WampBench<Wamp1Script>

/** A session that is going to sign in. */
export const signing = (auth: WampAuth, options: Partial<WampSessionOptions> = {}): Bench =>
  bench1({ auth, ...options })

/** Goes on to where the server is asked for a challenge. */
export async function asked(b: Bench): Promise<Wamp1Script> {
  const script = await b.dial()
  script.accept()
  await flush()
  return script
}

/** Answers with a challenge, and gives the signature that comes back. */
export async function challenged(script: Wamp1Script, challenge: unknown = CHALLENGE): Promise<unknown> {
  script.result(AUTHREQ, challenge)
  await until(() => script.calls.includes(AUTH) || script.socket.isOver)
  return script.of(2).find(([, uri]) => uri === AUTH)?.[2]
}
