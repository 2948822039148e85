// A23: secrets, tickets, signatures and challenges, and where they must not show.
import { IsomqError, type WampAuth } from 'isomq/webmq'
import { expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { flush } from '../support/clock.ts'
import { until } from '../support/events.ts'
import { AUTH, AUTHREQ, type Wamp1Script, type Wamp2Script } from '../support/wamp.ts'
import { bench, type WampBench } from './bench.ts'
import { hmac } from './crypto.ts'

const SECRET = 'MARKER-secret'
const TICKET = 'MARKER-ticket'
const SIGNED = 'MARKER-signed'
const challengeOf = (version: 1 | 2) =>
  JSON.stringify({ [version === 1 ? 'sessionid' : 'session']: 'x', nonce: 'MARKER-nonce', authextra: null })

const ways: readonly [name: string, version: 1 | 2, auth: WampAuth][] = [
  ['a secret', 1, { id: 'joe', secret: SECRET }],
  ['a callback', 1, { id: 'joe', sign: () => SIGNED }],
  ['a secret', 2, { id: 'joe', secret: SECRET }],
  ['a ticket', 2, { id: 'joe', ticket: TICKET }],
  ['a callback', 2, { id: 'joe', sign: () => SIGNED }],
]

test.each(ways)('A23 · %s of version %d shows nowhere, on any way to fail', async (_, version, auth) => {
  const challenge = challengeOf(version)
  const signature = await hmac(SECRET, challenge)
  const seen: unknown[] = []
  const b = bench(version, {
    auth,
    url: 'ws://wamp.test/?token=MARKER-query',
    connectTimeout: 5_000,
    reconnect: { refused: true },
    logger: (record) => seen.push(record),
  })
  for (const type of ['state', 'status', 'error', 'debug'] as const) {
    b.session.on(type, (event) => void seen.push(event))
  }
  const keep = (promise: Promise<unknown>) => promise.catch((error) => seen.push(error))
  keep(b.session.connect({ timeout: 100_000 }))
  const looping = keep(b.session.subscribe('t').then((it) => it.messages().next()))
  await flush()

  // What the server says quotes everything that it was given, and what it knows besides.
  const given = auth.secret ? [SECRET, signature] : [auth.ticket ?? SIGNED]
  const quoted = given.join(' ')
  await upToAnswer(b, version, challenge)
  if (version === 1) (b.script as Wamp1Script).fail(AUTH, 'http://x#no', quoted, { quoted })
  else b.script.send(3, { message: quoted, quoted }, `com.example.no ${quoted}`)
  await b.redial()
  // Dropped while it opens, dropped when it has, garbage in the handshake, a challenge that is none, no answer at all.
  b.network.last.drop()
  await b.redial()
  b.script.open()
  b.network.last.drop(1008, 'policy')
  await b.redial()
  b.script.open()
  b.script.socket.message('[garbage MARKER')
  await b.redial()
  await greet(b, version)
  if (version === 1) (b.script as Wamp1Script).result(AUTHREQ, 'MARKER no JSON {')
  else b.script.send(4, 'wampcra', { challenge: { MARKER: 'MARKER' } })
  await b.redial()
  await greet(b, version)
  await b.clock.advance(6_000)
  await b.redial()
  // Signed in: garbage, a call that times out, one that is refused, one that is cut.
  await upToAnswer(b, version, challenge)
  if (version === 1) (b.script as Wamp1Script).result(AUTH, {})
  else b.script.welcome()
  await until(() => b.session.state === 'open')
  b.script.grant()
  await flush()
  b.script.socket.message('[8,MARKER')
  b.script.socket.message('["MARKER"]')
  keep(b.session.call('x', ['MARKER'], { timeout: 10 }))
  await b.clock.advance(10)
  keep(b.session.publish('t', 'MARKER'))
  b.script.event('t', 'MARKER')
  await looping
  keep(b.session.call('y', ['MARKER']))
  await flush()
  b.network.last.drop()
  await keep(b.session.connect({ signal: AbortSignal.abort() }))
  await b.session.close()
  await keep(b.session.call('z'))
  await flush()

  const errors = seen.map((it) => (it instanceof Error ? it : (it as { error?: unknown } | undefined)?.error))
  const codes = new Set(errors.flatMap((it) => (it instanceof IsomqError ? [it.code] : [])))
  const ways = [
    'AUTH_REJECTED',
    'CONNECT_FAILED',
    'CONNECT_TIMEOUT',
    'CONNECTION_LOST',
    'PROTOCOL',
    'TIMEOUT',
  ]
  expect([...codes], 'ways to fail').toEqual(expect.arrayContaining(ways))
  const text = everything(seen)
  expect(text).toContain('AUTH_REJECTED')
  expect(text).not.toMatch(/MARKER/)
  expect(text).not.toContain(signature)
})

async function greet(b: WampBench, version: 1 | 2): Promise<void> {
  if (version === 1) b.script.accept()
  else b.script.open()
  await flush()
}

/** Goes on to where the client has answered the challenge. */
async function upToAnswer(b: WampBench, version: 1 | 2, challenge: string): Promise<void> {
  await greet(b, version)
  if (version === 1) (b.script as Wamp1Script).result(AUTHREQ, challenge)
  else {
    const { authmethods } = (b.script as Wamp2Script).messages[0]![2] as { authmethods: string[] }
    b.script.send(4, authmethods[0], { challenge })
  }
  const answers = () => (version === 1 ? b.script.calls.filter((uri) => uri === AUTH) : b.script.of(5))
  await until(() => answers().length > 0)
}
