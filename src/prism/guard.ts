import { IsomqError } from '../core/errors.ts'
import type { Caller } from './caller.ts'
import { createFlights } from './flights.ts'
import { randomText, rejected } from './oauth.ts'
import type { PrismGuardOptions, PrismOAuth, PrismSession, PrismSessionStore } from './oauthtypes.ts'
import { needsRefresh } from './user.ts'
import { optionsOf, wrong } from './wrong.ts'

/** A login that was begun, under its state. */
interface Begun {
  /** The browser that began it. */
  readonly browser: string
  readonly returnTo: string
}

/** How long a user may take to log in, in milliseconds. */
const LOGIN = 600_000

const COOKIE = 'prism_session'

type OAuth = Omit<PrismOAuth, 'guard' | 'logout'>
/** Where a session is kept. */
interface Place {
  readonly sessions: PrismSessionStore
  readonly key: string
}

/** Forgets the session of a request's browser, here and at the gateway. */
export async function logOut(
  oauth: Pick<PrismOAuth, 'logoutUrl'>,
  request: Request,
  sessions: PrismSessionStore,
  options: PrismGuardOptions,
): Promise<Response> {
  const { cookie = COOKIE, origin, redirectUri = '/' } = optionsOf(options)
  const seen = seenBy(request, origin)
  const target = targetOf(redirectUri, seen)
  const id = cookieOf(request, cookie)
  if (id) await sessions.delete(`session:${id}`)
  return lead(oauth.logoutUrl(target.href), cookieText(cookie, '', seen, 0))
}

/** A URL of the origin that the user sees. */
function targetOf(uri: string, seen: URL): URL {
  const target = URL.canParse(uri, seen.href) ? new URL(uri, seen) : undefined
  if (target?.origin === seen.origin) return target
  throw wrong(
    'the option "redirectUri" must be of the origin that the request came to; set "origin" behind a proxy',
  )
}

/** Lets requests with a live session pass, and leads all others through the login. */
export function createGuard(caller: Caller, oauth: OAuth): PrismOAuth['guard'] {
  const { clock } = caller.settings
  /** Refreshes under way, by the token that they use up. */
  const flights = createFlights<PrismSession>(clock)

  const keep = async (session: PrismSession, { sessions, key }: Place) => {
    await sessions.set(key, session, endOf(session))
  }

  /** Refreshes a session and keeps it. It belongs to all who wait: none of their signals ends it. */
  async function refresh(token: string, { sessions, key }: Place): Promise<PrismSession> {
    const session = await oauth.refresh(token)
    await keep(session, { sessions, key })
    return session
  }

  /** The session, refreshed when it is near its end. */
  async function renewed(
    session: PrismSession,
    place: Place,
    options: PrismGuardOptions,
  ): Promise<PrismSession> {
    const { refreshToken } = session
    if (!needsRefresh(session, clock.now())) return session
    try {
      return await caller.within(options, 'session', () =>
        flights.join(refreshToken!, () => refresh(refreshToken!, place)),
      )
    } catch (error) {
      // Somebody else may have used the token up, and kept what it gave.
      const kept = (await place.sessions.get(place.key)) as PrismSession | undefined | null
      if (kept && kept.refreshToken !== refreshToken) return kept
      // One that the server refuses is over; trouble on the way to it says nothing of the session.
      if (session.expiresAt > clock.now() || isRefusal(error)) return session
      throw error
    }
  }

  /** The session if it lives. */
  async function alive(place: Place, options: PrismGuardOptions): Promise<PrismSession | undefined> {
    const stored = (await place.sessions.get(place.key)) as PrismSession | undefined | null
    if (!stored) return undefined
    const session = await renewed(stored, place, options)
    const lives =
      session.expiresAt > clock.now() &&
      (!options.check ||
        session.sessionId === undefined ||
        (await oauth.checkSession(session.sessionId, options)))
    if (lives) return session
    await place.sessions.delete(place.key)
    return undefined
  }

  const guard: PrismOAuth['guard'] = async (request, sessions, options = {}) => {
    const { cookie = COOKIE, check: _, ...login } = options
    if (!/^[\w-]+$/.test(cookie)) throw wrong('the option "cookie" must be letters, digits, "_" and "-"')
    const seen = seenBy(request, options.origin)
    const callback = targetOf(options.redirectUri ?? seen.href, seen)
    const { searchParams } = seen
    const state = seen.pathname === callback.pathname ? searchParams.get('state') : null
    const isCallback = state !== null && (searchParams.has('code') || searchParams.has('error'))
    const findLogin = async () => (await sessions.get(`login:${state}`)) as Begun | undefined | null

    const id = cookieOf(request, cookie)
    const session = id && (await alive({ sessions, key: `session:${id}` }, options))
    if (session) {
      // What a call in its name refreshes later is kept in the same place.
      caller.keepers.set(session, (fresh) => keep(fresh, { sessions, key: `session:${id}` }))
      // Whoever reloads the page of a callback, or logged in by another tab, needs no code.
      return isCallback ? lead((await findLogin())?.returnTo ?? without(seen)) : session
    }

    if (isCallback) {
      const begun = await findLogin()
      if (!id || begun?.browser !== id) {
        throw rejected(
          'the callback belongs to no login that this browser began: it came too late or twice, or cookies are blocked',
          'state',
        )
      }
      await sessions.delete(`login:${state}`)
      const session = await oauth.exchange(oauth.readCallback(seen, state), login)
      // A new id: whoever knew the old one shall not share the session.
      const fresh = randomText()
      await sessions.set(`session:${fresh}`, session, endOf(session))
      return lead(begun.returnTo, cookieText(cookie, fresh, seen, endOf(session) - clock.now()))
    }

    const browser = id ?? randomText()
    const { url, state: begun } = oauth.authorizeUrl({ ...login, redirectUri: without(callback) })
    const record: Begun = { browser, returnTo: seen.href }
    await sessions.set(`login:${begun}`, record, clock.now() + LOGIN)
    return lead(url, cookieText(cookie, browser, seen, LOGIN))
  }
  // A store that hangs shall not hold the request for ever.
  return async (request, sessions, options = {}) =>
    caller.within(optionsOf(options), 'session', () => guard(request, sessions, options))
}

const isRefusal = (error: unknown): boolean =>
  error instanceof IsomqError && !error.retryable && /^(AUTH_REJECTED|PROVIDER)$/.test(error.code)

/** The URL as the user's browser has it. */
function seenBy({ url }: Request, origin: string | undefined): URL {
  const { origin: own, pathname, search } = new URL(url)
  if (origin !== undefined && !(URL.canParse(origin) && /^https?:\/\/[^/?#]+\/?$/i.test(origin)))
    throw wrong('the option "origin" must be such as https://HOST')
  // Not resolved against it: a path that begins with two slashes would be another host.
  return new URL((origin === undefined ? own : new URL(origin).origin) + pathname + search)
}

/** Without what a login adds. */
function without(url: URL): string {
  const clean = new URL(url)
  for (const name of ['code', 'state', 'error', 'error_description']) {
    // It would write the whole query anew, in its own way.
    if (clean.searchParams.has(name)) clean.searchParams.delete(name)
  }
  clean.hash = ''
  return clean.href
}

const endOf = ({ expiresAt, refreshExpiresAt = 0 }: PrismSession): number =>
  Math.max(expiresAt, refreshExpiresAt)

function cookieOf(request: Request, name: string): string | undefined {
  const all = request.headers.get('cookie') ?? ''
  for (const pair of all.split(';')) {
    const [key, value] = pair.trim().split('=', 2)
    if (key === name && value && /^[\w-]{32}$/.test(value)) return value
  }
  return undefined
}

function cookieText(name: string, value: string, { protocol }: URL, ms: number): string {
  const age = Math.max(0, Math.floor(ms / 1000))
  const secure = protocol === 'https:' ? '; Secure' : ''
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${age}${secure}`
}

/** A redirect that nobody keeps. */
function lead(location: string, cookie?: string): Response {
  const headers = { location, 'cache-control': 'no-store', ...(cookie && { 'set-cookie': cookie }) }
  return new Response(null, { status: 303, headers })
}
