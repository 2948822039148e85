import { base64Url } from '../core/encoding.ts'
import { IsomqError } from '../core/errors.ts'
import { sameText } from '../core/signing.ts'
import type { WaitOptions } from '../core/wait.ts'
import type { Caller } from './caller.ts'
import { below, readCall } from './calls.ts'
import { createGuard, logOut } from './guard.ts'
import type { PrismAuthorizeOptions, PrismOAuth, PrismSession } from './oauthtypes.ts'
import { encodePairs, pairsOf } from './params.ts'
import { optionsOf, provider, wrong } from './wrong.ts'

/** An unguessable text. */
export const randomText = (): string => base64Url(globalThis.crypto.getRandomValues(new Uint8Array(24)))

export function createOAuth(caller: Caller): PrismOAuth {
  const { baseUrl, key } = caller.settings
  const [site, sandbox] = siteOf(baseUrl)

  /** Posts a form whose first value nobody may read in an error. */
  async function post<T>(
    target: URL,
    [name, value]: [string, string],
    more: object,
    options: WaitOptions = {},
  ) {
    if (typeof value !== 'string' || value === '') throw wrong(`"${name}" must be a text that is not empty`)
    const call = readCall('POST', target, { [name]: value, ...more }, { hidden: [value] })
    return (await caller.call<T>(call, optionsOf(options))).data
  }

  const token = async (name: string, value: string, grant_type: string, options?: WaitOptions) =>
    readSession(await post<unknown>(below(site, '/oauth/token'), [name, value], { grant_type }, options))

  const oauth: Omit<PrismOAuth, 'guard' | 'logout'> = {
    authorizeUrl(options: PrismAuthorizeOptions) {
      const { redirectUri, state = randomText(), view, ttl } = optionsOf(options)
      if (!/^https?:\/\//i.test(redirectUri) || !URL.canParse(redirectUri)) {
        throw wrong('"redirectUri" must be a URL of http:// or https://')
      }
      if (typeof state !== 'string' || state === '') throw wrong('"state" must be a text that is not empty')
      const query = {
        client_id: key,
        redirect_uri: `${redirectUri}`,
        response_type: 'code',
        state,
        view,
        ttl,
        ...sandbox,
      }
      return { url: `${below(site, '/oauth/authorize')}?${encodePairs(pairsOf(query))}`, state }
    },
    readCallback(url, state) {
      const searchParams = new URLSearchParams(`${url}`.replace(/^[^?#]*\??|#.*$/gs, ''))
      const given = searchParams.get('state')
      if (typeof state !== 'string' || state === '' || !sameText(given ?? '', state)) {
        throw rejected(
          'the state of the callback is not the one that was kept; begin the login again',
          'state',
        )
      }
      const error = searchParams.get('error')
      if (error !== null)
        throw rejected(`the login was refused (${error.slice(0, 100)}); ask the user`, error)
      const code = searchParams.get('code')
      if (!code) throw rejected('the callback has no code; begin the login again', 'code')
      return code
    },
    exchange: (code, options) => token('code', code, 'authorization_code', options),
    refresh: (refreshToken, options) => token('refresh_token', refreshToken, 'refresh_token', options),
    async checkSession(sessionId, options) {
      const target = below(baseUrl, '/platform/oauth/session_check')
      try {
        const data = await post<{ result?: unknown }>(target, ['session_id', sessionId], {}, options)
        return data?.result === true
      } catch (error) {
        // That it is over may be told as an error, too.
        if (error instanceof IsomqError && error.code === 'PROVIDER' && !error.retryable) return false
        throw error
      }
    },
    logoutUrl: (redirectUri) =>
      `${below(site, '/oauth/logout')}${redirectUri === undefined ? '' : `?${encodePairs([['redirect_uri', redirectUri]])}`}`,
  }
  return {
    ...oauth,
    guard: createGuard(caller, oauth),
    logout: (request, sessions, options = {}) => logOut(oauth, request, sessions, options),
  }
}

/** The base URL without its last part, under which the login lives; the sandbox says so in the query. */
function siteOf(baseUrl: string): [site: string, query: object] {
  const { origin, pathname } = new URL(baseUrl)
  const [, path, sandbox] = /^(.*?)(?:\/api(-sandbox)?)?\/*$/.exec(pathname)!
  return [origin + path, sandbox ? { sandbox: 1 } : {}]
}

export const rejected = (text: string, reason: string): IsomqError =>
  new IsomqError(provider, 'AUTH_REJECTED', text, { details: { reason: reason.slice(0, 100) } })

/** @throws IsomqError `PROTOCOL` when the answer is no session */
function readSession(data: unknown): PrismSession {
  const fields = (data ?? {}) as Record<string, unknown>
  const { access_token: accessToken, refresh_token: refreshToken, session_id: sessionId, data: user } = fields
  const expiresAt = moment(fields.expires_in)
  if (typeof accessToken !== 'string' || accessToken === '' || expiresAt === undefined) {
    throw new IsomqError(
      provider,
      'PROTOCOL',
      'the answer holds no access token with its end; check the base URL',
    )
  }
  return {
    accessToken,
    expiresAt,
    refreshToken: textOf(refreshToken),
    refreshExpiresAt: moment(fields.refresh_expires),
    sessionId: textOf(sessionId),
    data: typeof user === 'object' && user !== null ? (user as PrismSession['data']) : {},
  }
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined

/** Absolute seconds as milliseconds. */
const moment = (seconds: unknown): number | undefined =>
  /^\d{1,12}(\.\d+)?$/.test(textOf(seconds) ?? '') ? Number(seconds) * 1000 : undefined
