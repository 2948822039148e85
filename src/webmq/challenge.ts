import { systemClock } from '../core/clock.ts'
import { askServer, createGranter } from '../core/halves.ts'
import type { Fetch, HttpSetup } from '../core/http.ts'
import { saltOf, type WampChallenge } from './auth.ts'
import { signChallenge, type WampSalt } from './sign.ts'
import { provider, wrong } from './wrong.ts'

/** What a page asks its server to sign; see `challengeHandler` and `fetchSignature`. */
export interface WampChallengeAsk {
  readonly challenge: string
  readonly salt: WampSalt | undefined
  /** Who signs in, as the challenge says it: `authkey` of version 1, `authid` of version 2. */
  readonly id: string | undefined
}

/**
 * Decides about a page's wish for a signature: gives the secret of the user whom the request belongs to, or nothing to
 * refuse. Here the application looks at its cookie or header, and holds it against `id`.
 */
export type WampAuthorize = (
  request: Request,
  ask: WampChallengeAsk,
) => string | undefined | Promise<string | undefined>

/**
 * The server's half of a page's `auth.sign` (`fetchSignature` is the other): answers a POST of a challenge as JSON with
 * `{"signature":…}`, after `authorize` gave the user's secret; else with 400, 403, 405 or 500. For whatever has
 * `Request` and `Response`. The secret itself never leaves the server.
 */
export function challengeHandler(authorize: WampAuthorize): (request: Request) => Promise<Response> {
  if (typeof authorize !== 'function') throw wrong('challengeHandler() needs a function that authorizes')
  return createGranter(provider, 'challenge, and salt where there is one', readAsk, async (request, ask) => {
    const secret = await authorize(request, ask)
    return secret ? { signature: await signChallenge(ask.challenge, secret, ask.salt) } : false
  })
}

function readAsk({ challenge, salt }: Record<string, unknown>): WampChallengeAsk | undefined {
  if (typeof challenge !== 'string') return undefined
  try {
    const { authkey, authid, session, sessionid } = JSON.parse(challenge) as Record<string, unknown>
    // Nothing but a challenge is signed: whatever else a page sends could be meant for somebody else.
    if (session === undefined && sessionid === undefined) return undefined
    const id = authkey ?? authid
    return { challenge, salt: saltOf(salt, 1_000), id: typeof id === 'string' ? id : undefined }
  } catch {
    return undefined
  }
}

export interface FetchSignatureOptions {
  /** Further headers of the request, such as one against forged requests. */
  headers?: Readonly<Record<string, string>> | undefined
  /** Default: the runtime's, looked up at every call. */
  fetch?: Fetch | undefined
}

/**
 * The page's half: an `auth.sign` that asks a `challengeHandler` of the page's own server, cookies and all.
 *
 * @throws IsomqError (later, from the callback) `AUTH_REJECTED` when the server refuses, `HTTP`, `CONNECT_FAILED`
 */
export function fetchSignature(
  url: string,
  { headers, fetch }: FetchSignatureOptions = {},
): (asked: WampChallenge) => Promise<string> {
  const http: HttpSetup = { provider, clock: systemClock, fetch }
  return ({ challenge, salt, signal }) =>
    askServer(http, url, headers, { challenge, salt }, 'signature', signal)
}
