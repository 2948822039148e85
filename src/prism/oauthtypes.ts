import type { WaitOptions } from '../core/wait.ts'

/** A user's login. A plain object: it can be kept as JSON. */
export interface PrismSession {
  readonly accessToken: string
  /** When the access token ends, in milliseconds since 1970. */
  readonly expiresAt: number
  readonly refreshToken: string | undefined
  /** When the refresh token ends, in milliseconds since 1970. */
  readonly refreshExpiresAt: number | undefined
  readonly sessionId: string | undefined
  /** What the server says of the user, such as `@id`. */
  readonly data: Readonly<Record<string, unknown>>
}

export interface PrismAuthorizeOptions {
  /** Where the user comes back to, with `code` and `state` in the query. */
  redirectUri: string
  /** Default: a new random one. */
  state?: string | undefined
  /** Which of the login pages to show. */
  view?: string | undefined
  /** How long the login shall last, in seconds. */
  ttl?: number | undefined
}

/**
 * Where {@link PrismOAuth.guard} keeps sessions and logins that were begun, as plain objects. A `Map` will do to try
 * it; a store that forgets what has expired is what to use, since every visitor without a session begins a login.
 */
export interface PrismSessionStore {
  get(id: string): unknown
  /** `expiresAt`: when it may be forgotten, in milliseconds since 1970. */
  set(id: string, value: object, expiresAt: number): unknown
  delete(id: string): unknown
}

export interface PrismGuardOptions extends WaitOptions {
  /** Name of the cookie. Default `prism_session`. */
  cookie?: string | undefined
  /**
   * Where users come back to after the login; of the origin that they see. Default: the page that they asked for.
   */
  redirectUri?: string | undefined
  /** The origin that users see, where it is not that of the request: behind a proxy. */
  origin?: string | undefined
  /** Ask the server on every request whether the session is alive, which prolongs it. Default false. */
  check?: boolean | undefined
  view?: string | undefined
  ttl?: number | undefined
}

export interface PrismOAuth {
  /** The URL to send a user to, and the `state` to keep until they come back. */
  authorizeUrl(options: PrismAuthorizeOptions): { readonly url: string; readonly state: string }
  /**
   * Reads the URL that a user came back by, and gives its code. `state` is the one that was kept.
   *
   * @throws IsomqError `AUTH_REJECTED` when the states do not match or the user was refused
   */
  readCallback(url: string | URL, state: string): string
  /** Exchanges a code, which can be done once, for a session. */
  exchange(code: string, options?: WaitOptions): Promise<PrismSession>
  /** Exchanges a refresh token for a new session; the old token is of no use then. */
  refresh(refreshToken: string, options?: WaitOptions): Promise<PrismSession>
  /** Whether a session is alive; asking prolongs it by 30 minutes. */
  checkSession(sessionId: string, options?: WaitOptions): Promise<boolean>
  /** The URL that logs a user out and then leads to `redirectUri`. */
  logoutUrl(redirectUri?: string): string
  /**
   * Lets a request with a live session pass: gives its session. Any other gets a `Response` that leads through the
   * login and back to the page that was asked for. Works in whatever has `Request` and `Response`.
   *
   * @throws IsomqError `AUTH_REJECTED` when a callback's state is not that of this browser or the user was refused,
   * `CONFIG` when `redirectUri` is of another origin, and whatever the exchange throws
   */
  guard(
    request: Request,
    sessions: PrismSessionStore,
    options?: PrismGuardOptions,
  ): Promise<PrismSession | Response>
  /**
   * Ends the session of a request's browser: forgets it here, and gives a `Response` that leads over the gateway's
   * logout to `redirectUri` (default `/`, of the origin of the request).
   */
  logout(
    request: Request,
    sessions: PrismSessionStore,
    options?: Pick<PrismGuardOptions, 'cookie' | 'origin' | 'redirectUri'>,
  ): Promise<Response>
}
