import { IsomqError } from '../core/errors.ts'
import * as o from '../core/options.ts'
import { textOf } from './payload.ts'
import { areCounts, signChallenge, type WampSalt } from './sign.ts'
import { provider, wrong } from './wrong.ts'

/** What a server asks to be signed. */
export interface WampChallenge {
  readonly method: 'wampcra' | 'ticket'
  /** The text to sign; empty for a ticket. */
  readonly challenge: string
  /** How the secret is salted, if it is. */
  readonly salt: WampSalt | undefined
  /** Ends with the attempt to connect. */
  readonly signal: AbortSignal
}

/** Who signs in, and how: with one of `secret`, `ticket` and `sign`; without, as nobody in particular. */
export interface WampAuth {
  /** The key of version 1, the authid of version 2. */
  id?: string | undefined
  /** For challenges (WAMP-CRA). Servers only: a page must not have it. */
  secret?: string | undefined
  /** Sent as it is, by version 2. */
  ticket?: string | undefined
  /** Answers a challenge elsewhere; see `fetchSignature`. */
  sign?: ((challenge: WampChallenge) => string | Promise<string>) | undefined
  /** Passed on to the server, as `extra` or `authextra`. */
  extra?: Readonly<Record<string, unknown>> | undefined
}

/** @throws IsomqError `CONFIG` */
export function readAuth(given: WampAuth | undefined, version: 1 | 2): WampAuth | undefined {
  if (given === undefined) return undefined
  const auth = o.parseOptions<Fields>(
    provider,
    { id: o.text(), secret: o.text(), ticket: o.text(), sign: o.callback(), extra: o.object() },
    given,
  )
  const { id, secret, ticket, sign } = auth
  const ways = [secret, ticket, sign].filter((way) => way !== undefined).length
  const fault = (text: string) => wrong(`the option "auth" ${text}`, undefined, { option: 'auth' })
  if (ways > 1) throw fault('takes one of secret, ticket and sign')
  if (ways === 1 && id === undefined) throw fault('needs the id of who signs in')
  if (version === 1 && ticket !== undefined) throw fault('has no ticket in WAMP version 1')
  return auth
}

type Fields = { [K in keyof WampAuth]-?: WampAuth[K] }

/**
 * The answer to a challenge.
 *
 * @throws what `sign` throws, which {@link signInFailed} tells; IsomqError `CONFIG` when `sign` gives no text, `LIMIT` when the server asks for absurd work
 */
export async function answerChallenge(auth: WampAuth, asked: WampChallenge): Promise<string> {
  const { secret, ticket, sign } = auth
  if (asked.method === 'ticket' && ticket !== undefined) return ticket
  if (asked.method === 'wampcra' && secret !== undefined)
    return await signChallenge(asked.challenge, secret, asked.salt)
  if (!sign) {
    throw new IsomqError(
      provider,
      'AUTH_REJECTED',
      `the server asks for ${asked.method}; give the option "auth" for it`,
    )
  }
  const signature: unknown = await sign(asked)
  if (typeof signature === 'string' && signature !== '') return signature
  throw wrong('the option "auth.sign" must give a text that is not empty')
}

/** The salt that a challenge names, if it does. `iterations` are what the version means when it says nothing. */
export function saltOf(fields: unknown, iterations: number): WampSalt | undefined {
  const given = (fields ?? {}) as Record<string, unknown>
  if (typeof given.salt !== 'string') return undefined
  const salt = {
    salt: given.salt,
    iterations: Number(given.iterations ?? iterations),
    keylen: Number(given.keylen ?? 32),
  }
  if (areCounts(salt.iterations, salt.keylen)) return salt
  throw new IsomqError(provider, 'PROTOCOL', 'a salt without sensible iterations and length')
}

/** What a server says, which may quote what it was given: that is `hidden`. */
export const shown = (said: unknown, hidden: readonly (string | undefined)[]): string =>
  hidden.reduce<string>((text, it) => (it ? text.replaceAll(it, '…') : text), textOf(said)).slice(0, 200)

/** The server does not let this client in. */
export function notLetIn(
  reason: unknown,
  said: unknown,
  hidden: readonly (string | undefined)[],
  code: 'AUTH_REJECTED' | 'PROVIDER' = 'AUTH_REJECTED',
): IsomqError {
  const uri = shown(reason, hidden)
  const text = `the server refused the sign-in (${`${uri} ${shown(said, hidden)}`.trim()})`
  const remedy = code === 'PROVIDER' ? '' : '; check realm, id and secret'
  return new IsomqError(provider, code, text + remedy, { details: { uri } })
}
