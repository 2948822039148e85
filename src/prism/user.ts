import { type IsomqError, toError } from '../core/errors.ts'
import { type Caller, createCalls } from './caller.ts'
import { createFlights } from './flights.ts'
import type { PrismOAuth, PrismSession } from './oauthtypes.ts'
import type { PrismUser } from './types.ts'
import { optionsOf, wrong } from './wrong.ts'

const ONLY = 'refresh'

/** How long before its end an access token is refreshed, in milliseconds: longer than a call takes. */
const AHEAD = 60_000

/** Calls in the name of a user, whose session is refreshed ahead of its end. */
export function createUser(
  caller: Caller,
  oauth: Pick<PrismOAuth, 'refresh'>,
  given: PrismSession,
  refreshed?: (session: PrismSession) => unknown,
): PrismUser {
  if (typeof given?.accessToken !== 'string')
    throw wrong('the session must be one that exchange() or refresh() gave')
  if (refreshed !== undefined && typeof refreshed !== 'function')
    throw wrong('"refreshed" must be a function')
  const { clock } = caller.settings
  let session = given
  const flights = createFlights<PrismSession>(clock)

  /** Nobody has kept the session yet that the last refresh gave. */
  let isUnkept = false

  async function renew(token: string): Promise<PrismSession> {
    const keep = refreshed ?? caller.keepers.get(given)
    // It belongs to all who wait: none of their signals ends it.
    if (!isUnkept) session = await oauth.refresh(token)
    isUnkept = true
    try {
      await keep?.(session)
    } catch (cause) {
      throw wrong('the callback for refreshed sessions failed; see the cause', toError(cause))
    }
    isUnkept = false
    return session
  }

  function refresh(): Promise<PrismSession> {
    const { refreshToken } = session
    if (!refreshToken) return Promise.reject(wrong('the session has no refresh token; log in again'))
    return flights.join(ONLY, () => renew(refreshToken))
  }

  /** A token may end before its time: whether there is another one now. */
  async function renewable(error: unknown): Promise<boolean> {
    const { code, details } = error as IsomqError
    if (code !== 'AUTH_REJECTED' || details.status !== 401 || !canRefresh(session, clock.now())) return false
    return refresh().then(
      () => true,
      () => false,
    )
  }

  async function token(): Promise<string> {
    if (isUnkept || flights.of(ONLY) || needsRefresh(session, clock.now())) await refresh()
    return session.accessToken
  }

  return {
    ...createCalls(caller, token, renewable),
    get session() {
      return session
    },
    refresh: async (limits = {}) => caller.within(optionsOf(limits), 'session', refresh),
  }
}

/** Whether a session is near its end and can be refreshed. */
export const needsRefresh = (session: PrismSession, now: number): boolean =>
  session.expiresAt - now < AHEAD && canRefresh(session, now)

const canRefresh = (
  { refreshToken, refreshExpiresAt = Number.POSITIVE_INFINITY }: PrismSession,
  now: number,
): boolean => refreshToken !== undefined && refreshExpiresAt > now
