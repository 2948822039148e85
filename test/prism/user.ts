// A user, and the server that gives and takes the tokens.
import type { PrismSession, PrismUser } from 'isomq/prism'
import { type Answer, type Call, type Gateway, gateway, ok } from './gateway.ts'

const isToken = ({ url }: Call) => url.pathname === '/oauth/token'

export interface User extends Gateway {
  /** What the user began with. */
  readonly session: PrismSession
  readonly as: PrismUser
  /** The calls for tokens so far. */
  tokens(): Call[]
  /** All other calls so far. */
  others(): Call[]
}

/** A user whose access token has so many milliseconds left. The server gives new ones of an hour each. */
export function user(
  left: number,
  {
    token,
    answer = () => ok(),
    refreshed,
    ...fields
  }: Partial<PrismSession> & {
    token?: Answer
    answer?: Answer
    refreshed?: (session: PrismSession) => unknown
  } = {},
): User {
  let given = 1
  const g = gateway((call) => {
    if (!isToken(call)) return answer(call)
    if (token) return token(call)
    given++
    const seconds = Math.floor(g.clock.now() / 1000)
    return ok({
      access_token: `A${given}`,
      expires_in: seconds + 3600,
      refresh_token: `R${given}`,
      refresh_expires: seconds + 86_400,
      session_id: 'S',
      data: { n: given },
    })
  })
  const session: PrismSession = Object.freeze({
    accessToken: 'A1',
    expiresAt: g.clock.now() + left,
    refreshToken: 'R1',
    refreshExpiresAt: g.clock.now() + 86_400_000,
    sessionId: 'S',
    data: {},
    ...fields,
  })
  const as = g.client.as(session, refreshed)
  return {
    ...g,
    session,
    as,
    tokens: () => g.calls.filter(isToken),
    others: () => g.calls.filter((call) => !isToken(call)),
  }
}

/** What each call names as its access token. */
export const bearers = (calls: readonly Call[]): (string | null)[] =>
  calls.map(({ headers }) => headers.get('authorization'))
