import { createPrismClient, IsomqError, type PrismSession } from 'isomq/prism'
import type { Env } from './cloudflare.ts'
import { DEFAULT_APP } from './emulators/prism-settings.ts'
import { sessionsOf } from './prism-sessions.ts'

/** What a page may know of a session; the tokens stay here. */
export interface ShownSession {
  readonly user: string
  /** When the access token ends, in milliseconds since 1970. */
  readonly expiresAt: number
  /** The beginning of the access token: enough to see that a refresh brings another one. */
  readonly token: string
}

export interface Problem {
  readonly code: string
  readonly message: string
}

/** What the page is answered. */
export interface DemoAnswer {
  readonly session: ShownSession | null
  /** What a call in the name of the user brought. */
  readonly answer?: {
    readonly status: number
    readonly requestId: string | undefined
    readonly data: unknown
  }
  readonly problem?: Problem | undefined
}

/**
 * A small web application with logins, as a user of isomq would write one: `/prism-demo/ROOM/login` leads through
 * the login, `logout` ends it, `session`, `me` and `refresh` answer the page's script with JSON. The browser has a
 * cookie and nothing else; secret and tokens are here alone.
 */
export async function prismDemo(request: Request, env: Env, room: string, action = ''): Promise<Response> {
  const { origin } = new URL(request.url)
  const path = `/prism-demo/${room}/`
  const cookie = `prism_${room}`
  const { key, secret } = DEFAULT_APP
  // One for each request, since each room has a gateway of its own; elsewhere one for all of them will do.
  const client = createPrismClient({ baseUrl: `${origin}/prism/${room}/api`, key, secret })
  const sessions = sessionsOf(env, room)
  const enter = () => client.oauth.guard(request, sessions, { cookie })
  const home = (...cookies: string[]) => lead(`${origin}/?room=${room}#prism`, cookies)

  /** What the page's script takes up with its first question. */
  const homeWith = (problem: Problem) =>
    home(cookieText(PROBLEM, encodeURIComponent(JSON.stringify(problem)), path, 60))

  async function login(): Promise<Response> {
    const found = await enter()
    return found instanceof Response ? found : home()
  }

  // The gateway knows this browser, too: if it did not forget it, the next login would ask nobody.
  const logout = () => client.oauth.logout(request, sessions, { cookie, redirectUri: path })

  async function ask(): Promise<Response> {
    const found = await enter()
    // What a script asks for is answered: it cannot be led through a login.
    if (found instanceof Response) {
      return tell({ session: null, problem: problemKept(request) }, cookieText(PROBLEM, '', path, 0))
    }
    const user = client.as(found)
    try {
      if (action === 'refresh') await user.refresh()
      if (action !== 'me') return tell({ session: shown(user.session) })
      const { status, requestId, data } = await user.get('/demo/me')
      return tell({ session: shown(user.session), answer: { status, requestId, data } })
    } catch (thrown) {
      return tell({ session: shown(user.session), problem: problemOf(thrown) })
    }
  }

  const answered = (problem: Problem) => tell({ session: null, problem })
  const actions: Readonly<Record<string, Action>> = {
    '': { method: 'GET', act: home, failed: homeWith },
    login: { method: 'GET', act: login, failed: homeWith },
    logout: { method: 'POST', act: logout, failed: homeWith },
    session: { method: 'GET', act: ask, failed: answered },
    me: { method: 'POST', act: ask, failed: answered },
    refresh: { method: 'POST', act: ask, failed: answered },
  }
  const chosen = Object.hasOwn(actions, action) ? actions[action] : undefined
  if (chosen === undefined) return new Response('There is no such page.', { status: 404 })
  const { method, act, failed } = chosen
  if (request.method !== method) return new Response(`This takes ${method}.`, { status: 405 })
  try {
    return await act()
  } catch (thrown) {
    return failed(problemOf(thrown))
  }
}

interface Action {
  readonly method: string
  act(): Response | Promise<Response>
  /** What to answer when it throws. */
  failed(problem: Problem): Response
}

const PROBLEM = 'prism_problem'

/** What went wrong on the way back from the login. */
function problemKept(request: Request): Problem | undefined {
  const text = /(?:^|; )prism_problem=([^;]+)/.exec(request.headers.get('cookie') ?? '')?.[1]
  try {
    return text && JSON.parse(decodeURIComponent(text))
  } catch {
    return undefined
  }
}

const problemOf = (thrown: unknown): Problem => ({
  code: thrown instanceof IsomqError ? thrown.code : 'ERROR',
  message: (thrown instanceof Error ? thrown.message : String(thrown)).slice(0, 300),
})

const shown = ({ data, accessToken, expiresAt }: PrismSession): ShownSession => ({
  user: String(data['@id'] ?? ''),
  expiresAt,
  token: `${accessToken.slice(0, 4)}${'•'.repeat(12)}`,
})

const cookieText = (name: string, value: string, path: string, seconds: number): string =>
  `${name}=${value}; Path=${path}; HttpOnly; SameSite=Lax; Max-Age=${seconds}`

function lead(to: string, cookies: readonly string[]): Response {
  const headers = new Headers({ location: to, 'cache-control': 'no-store' })
  for (const cookie of cookies) headers.append('set-cookie', cookie)
  return new Response(null, { status: 303, headers })
}

function tell(answer: DemoAnswer, cookie?: string): Response {
  const headers = new Headers({ 'cache-control': 'no-store' })
  if (cookie !== undefined) headers.set('set-cookie', cookie)
  return Response.json(answer, { headers })
}
