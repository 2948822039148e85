import { systemClock } from '../core/clock.ts'
import { askServer, createGranter } from '../core/halves.ts'
import type { Fetch, HttpSetup } from '../core/http.ts'
import { modeToken, type TamburGrant, type TamburMode } from './sign.ts'
import { provider, wrong } from './wrong.ts'

/** What a page asks its server to be granted; see `tokenHandler` and `fetchToken`. */
export interface TamburTokenAsk {
  readonly mode: TamburMode
  readonly stream: string
  /** For `presence` and `direct`. */
  readonly userId?: string | undefined
  readonly subscriberId: string
}

/**
 * Decides about a page's wish for a mode token: `false` refuses it, `true` grants it as it is, a user id grants it
 * for that user, whatever the page said. Here the application looks at its cookie or header.
 */
export type TamburAuthorize = (
  request: Request,
  ask: TamburTokenAsk,
) => boolean | string | Promise<boolean | string>

export interface TamburTokens {
  /** Lets a subscriber receive what is published to `auth:STREAM`. */
  authToken(stream: string, subscriberId: string): Promise<string>
  /** Lets a subscriber be seen in a stream as a user, and see the others. */
  presenceToken(stream: string, userId: string, subscriberId: string): Promise<string>
  /** Lets a subscriber send direct messages as a user, and receive them. */
  directToken(stream: string, userId: string, subscriberId: string): Promise<string>
  /**
   * The server's half of a page's `token` callback (`fetchToken` is the other): answers a POST of a
   * {@link TamburTokenAsk} as JSON with `{"token":…}`, after `authorize` has allowed it; else with 400, 403, 405 or
   * 500. For whatever has `Request` and `Response`.
   */
  tokenHandler(authorize: TamburAuthorize): (request: Request) => Promise<Response>
}

type Signer = Pick<TamburGrant, 'apiKey' | 'appId' | 'secret'>

export function createTokens({ apiKey, appId, secret }: Signer): TamburTokens {
  const sign = (ask: TamburTokenAsk) => modeToken({ ...ask, apiKey, appId, secret })
  return {
    authToken: (stream, subscriberId) => sign({ mode: 'auth', stream, subscriberId }),
    presenceToken: (stream, userId, subscriberId) => sign({ mode: 'presence', stream, userId, subscriberId }),
    directToken: (stream, userId, subscriberId) => sign({ mode: 'direct', stream, userId, subscriberId }),
    tokenHandler(authorize) {
      if (typeof authorize !== 'function') throw wrong('tokenHandler() needs a function that authorizes')
      const says = 'mode, stream, userId (not for auth), subscriberId'
      return createGranter(provider, says, readAsk, async (request, ask) => {
        const allowed = await authorize(request, ask)
        if (allowed !== true && (typeof allowed !== 'string' || allowed === '')) return false
        const userId = ask.mode !== 'auth' && typeof allowed === 'string' ? allowed : ask.userId
        return { token: await sign({ ...ask, userId }) }
      })
    },
  }
}

function readAsk(fields: Record<string, unknown>): TamburTokenAsk | undefined {
  const { mode, stream, userId, subscriberId } = fields
  const texts = [mode, stream, subscriberId, ...(mode === 'auth' ? [] : [userId])]
  if (!texts.every((one) => typeof one === 'string' && one !== '')) return undefined
  if (!/^(auth|presence|direct)$/.test(mode as string)) return undefined
  return { mode, stream, subscriberId, ...(mode !== 'auth' && { userId }) } as TamburTokenAsk
}

export interface TamburFetchTokenOptions {
  /** Further headers of the request, such as one against forged requests. */
  headers?: Readonly<Record<string, string>> | undefined
  /** Default: the runtime's, looked up at every call. */
  fetch?: Fetch | undefined
}

/**
 * The page's half: a `token` callback that asks a `tokenHandler` of the page's own server, cookies and all.
 *
 * @throws IsomqError (later, from the callback) `AUTH_REJECTED` when the server refuses, `HTTP`, `CONNECT_FAILED`
 */
export function fetchToken(
  url: string,
  { headers, fetch }: TamburFetchTokenOptions = {},
): (ask: TamburTokenAsk & { readonly signal: AbortSignal }) => Promise<string> {
  const http: HttpSetup = { provider, clock: systemClock, fetch }
  return ({ signal, ...ask }) => askServer(http, url, headers, ask, 'token', signal)
}
