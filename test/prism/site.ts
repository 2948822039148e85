// A web page behind a guard, with a browser that keeps cookies and a store that keeps sessions.
import type { PrismClientOptions, PrismGuardOptions, PrismSession, PrismSessionStore } from 'isomq/prism'
import { expect } from 'vitest'
import { type Answer, type Call, gateway, ok } from './gateway.ts'

export const HOUR = 3_600_000
export const isToken = ({ url }: Call) => url.pathname === '/oauth/token'
export const isCheck = ({ url }: Call) => url.pathname.endsWith('/session_check')

/** A store that says what it was asked. */
export function memory() {
  const map = new Map<string, unknown>()
  const ends = new Map<string, number>()
  const log: string[] = []
  const store: PrismSessionStore = {
    get(id) {
      log.push(`get ${id}`)
      return map.get(id)
    },
    set(id, given, expiresAt) {
      log.push(`set ${id}`)
      ends.set(id, expiresAt)
      map.set(id, given)
    },
    delete(id) {
      log.push(`delete ${id}`)
      map.delete(id)
    },
  }
  const of = (kind: 'session' | 'login') => [...map.keys()].filter((key) => key.startsWith(`${kind}:`))
  return { store, map, ends, log, of }
}

interface SiteOptions extends PrismGuardOptions {
  token?: Answer
  check?: boolean
  checks?: Answer
  store?: PrismSessionStore
  client?: Partial<PrismClientOptions>
}

/** A web site behind a guard, and the server that logs its users in. */
export function site({ token, checks, store, client, ...options }: SiteOptions = {}) {
  let given = 0
  const used = new Set<string>()
  const g = gateway((call) => {
    if (isCheck(call)) return checks ? checks(call) : ok({ result: true, error: null })
    if (token) return token(call)
    const key = call.form.find(([name]) => name === 'code' || name === 'refresh_token')!.join()
    if (used.has(key))
      return Response.json({ error: { code: 'invalid_grant', message: 'used' } }, { status: 400 })
    used.add(key)
    given++
    const seconds = Math.floor(g.clock.now() / 1000)
    return ok({
      access_token: `A${given}`,
      expires_in: seconds + 3600,
      refresh_token: `R${given}`,
      refresh_expires: seconds + 86_400,
      session_id: `S${given}`,
      data: { '@id': 'u1' },
    })
  }, client)
  const kept = memory()
  const visit = (request: Request) => g.client.oauth.guard(request, store ?? kept.store, options)
  return { ...g, ...kept, visit, tokens: () => g.calls.filter(isToken) }
}

/** A browser: it keeps cookies and is led on by hand. */
export function browser(visit: (request: Request) => Promise<PrismSession | Response>) {
  const jar = new Map<string, string>()
  const lines: string[] = []
  let codes = 0
  const self = {
    jar,
    /** All cookies that were set, as they were. */
    lines,
    get cookie() {
      return [...jar].map((pair) => pair.join('=')).join('; ')
    },
    async open(url: string, init: RequestInit = {}): Promise<PrismSession | Response> {
      const headers = new Headers(init.headers)
      if (jar.size > 0) headers.set('cookie', self.cookie)
      // Of a Request, a page may not set cookies.
      const request = { url: new Request(url).url, method: init.method ?? 'GET', headers } as Request
      const answer = await visit(request)
      if (answer instanceof Response) {
        for (const line of answer.headers.getSetCookie()) {
          lines.push(line)
          const [, name, content, rest] = /^([^=]+)=([^;]*)(.*)$/.exec(line)!
          if (/max-age=0(;|$)/i.test(rest!)) jar.delete(name!)
          else jar.set(name!, content!)
        }
      }
      return answer
    },
    /** Opens a page that leads to the login; gives where the server will send the browser back to. */
    async begin(url: string): Promise<{ back: string; login: URL }> {
      const login = new URL(location(await self.open(url)))
      return { back: back(login, `code${++codes}`), login }
    },
    async login(url: string): Promise<Response> {
      const { back } = await self.begin(url)
      return (await self.open(back)) as Response
    },
  }
  return self
}

/** Where the server sends the browser after a login. */
function back(login: URL, code: string): string {
  const url = new URL(login.searchParams.get('redirect_uri')!)
  url.searchParams.set('code', code)
  url.searchParams.set('state', login.searchParams.get('state')!)
  return url.href
}

export function location(answer: PrismSession | Response): string {
  if (!(answer instanceof Response)) throw new Error('it passed')
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([303, 'no-store'])
  return answer.headers.get('location')!
}

export const REJECTED = expect.objectContaining({ name: 'IsomqError', code: 'AUTH_REJECTED' })
/** An id such as the guard makes them. */
export const PLANTED = 'planted-planted-planted-planted-'
export const PAGE = 'https://app.test/page?a=1&b=%20'

/** Pages cannot see what they set: there is nothing to test there, and no guard either. */
export const seesCookies =
  new Response(null, { headers: { 'set-cookie': 'a=b' } }).headers.getSetCookie().length > 0
