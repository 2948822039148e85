import { required } from './prism-apis.ts'
import { type Call, finished, isSecure, answer as jsonAnswer, PrismError, serve } from './prism-gateway.ts'
import { randomName } from './prism-grants.ts'
import type { PrismRoom } from './prism-room.ts'
import { DEFAULT_USER } from './prism-settings.ts'

/** The pages that a user's browser is sent to, and the exchange of what it brings back. */
export async function site(room: PrismRoom, request: Request, action: string): Promise<Response> {
  if (action === 'token') return serve(room, request, token)
  const form = new URLSearchParams(request.method === 'POST' ? await request.text() : '')
  return finished(room, visited(room, request, action, form))
}

function visited(room: PrismRoom, request: Request, action: string, form: URLSearchParams): Response {
  if (action === 'authorize') return authorize(room, request, form)
  if (action === 'logout') return logout(room, request)
  return page('Not found', '<p>There are authorize, token and logout.</p>', 404)
}

function token(call: Call): Response {
  if (call.request.method !== 'POST') throw new PrismError(405, 'method_not_allowed', 'the token takes POST')
  const type = required(call, 'grant_type')
  if (type !== 'authorization_code' && type !== 'refresh_token') {
    throw new PrismError(400, 'unsupported_grant_type', `there is no grant_type ${type}`)
  }
  const kind = type === 'refresh_token' ? 'refresh' : 'code'
  const { room, client } = call
  const name = required(call, kind === 'code' ? 'code' : 'refresh_token')
  const tokens = room.grants.exchange(kind, client, name)
  if (typeof tokens === 'string') throw new PrismError(400, 'invalid_grant', tokens)
  room.events.emit(() => ({ type: 'tokens', client, grant: kind, user: tokens.data['@id'] }))
  return jsonAnswer(JSON.stringify(tokens))
}

function authorize(room: PrismRoom, request: Request, form: URLSearchParams): Response {
  const { searchParams: query } = new URL(request.url)
  const client = query.get('client_id') ?? ''
  // What is wrong up to here is told to the user: there is nobody to redirect to who could be trusted.
  if (room.app(client) === undefined) return wrong(`There is no client “${client}”.`)
  const target = targetOf(query.get('redirect_uri'))
  if (target === undefined)
    return wrong('The redirect_uri must be an absolute http(s) URL without a fragment.')
  const back = (fields: Record<string, string>, headers: Record<string, string> = {}): Response => {
    for (const [name, value] of Object.entries(fields)) target.searchParams.set(name, value)
    if (query.has('state')) target.searchParams.set('state', query.get('state')!)
    return new Response(null, { status: 303, headers: { ...headers, location: target.href } })
  }
  if (query.get('response_type') !== 'code') return back({ error: 'unsupported_response_type' })
  const { grants, settings, events } = room
  if (form.get('decision') === 'deny') return back({ error: 'access_denied' })
  const browser = browserOf(request)
  const before = browser && grants.sessionOf(browser)
  if (before) return back({ code: grants.code(client, before) })
  const auto = settings.autoLogin && (query.get('login') ?? settings.autoLogin)
  const user = auto || (form.get('user') ?? '').trim()
  if (user === '') return loginPage(client, target.origin, form.has('user'))
  const name = browser || randomName(32)
  const session = grants.login(user, name)
  events.emit(() => ({ type: 'signedIn', user, client }))
  return back({ code: grants.code(client, session) }, { 'set-cookie': cookie(request, name) })
}

function targetOf(text: string | null): URL | undefined {
  const url = text !== null && URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && /^https?:$/.test(url.protocol) && url.hash === '' ? url : undefined
}

function logout(room: PrismRoom, request: Request): Response {
  const browser = browserOf(request)
  if (browser) room.grants.logout(browser)
  room.events.emit(() => ({ type: 'signedOut' }))
  const headers = new Headers({ 'set-cookie': cookie(request, '', 0) })
  const text = new URL(request.url).searchParams.get('redirect_uri')
  // What the real service says.
  if (text === null) return new Response('"session is remove"', { headers })
  const target = targetOf(text)
  if (target === undefined)
    return wrong('The redirect_uri must be an absolute http(s) URL without a fragment.')
  headers.set('location', target.href)
  return new Response(null, { status: 303, headers })
}

const COOKIE = 'isomq_prism'

/** The browser's own name, by which it stays signed in. */
function browserOf(request: Request): string {
  const cookies = (request.headers.get('cookie') ?? '').split('; ')
  return cookies.find((text) => text.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) ?? ''
}

/** For this room's pages alone. */
function cookie(request: Request, value: string, maxAge?: number): string {
  const path = new URL(request.url).pathname.replace(/[^/]*$/, '')
  const parts = [`${COOKIE}=${value}`, `Path=${path}`, 'HttpOnly', 'SameSite=Lax']
  if (isSecure(request)) parts.push('Secure')
  if (maxAge !== undefined) parts.push(`Max-Age=${maxAge}`)
  return parts.join('; ')
}

const wrong = (text: string): Response =>
  page('This cannot go on', `<p role="alert">${escaped(text)}</p>`, 400)

function loginPage(client: string, origin: string, again: boolean): Response {
  const alert = again ? '<p role="alert">Give a user name.</p>' : ''
  return page(
    'Sign in',
    `<p>The application <b>${escaped(client)}</b> at <b>${escaped(origin)}</b> wants to know who you are.</p>
${alert}<form method="post">
<label for="user">User</label> <input id="user" name="user" value="${DEFAULT_USER}" maxlength="64" autocomplete="username" autofocus>
<label for="password">Password (any)</label> <input id="password" name="password" type="password" autocomplete="current-password">
<button name="decision" value="allow">Sign in</button>
<button name="decision" value="deny">Deny</button>
</form>`,
  )
}

const STYLE = `body{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}
label,input{display:block;width:100%;box-sizing:border-box}input{font:inherit;padding:.4rem;margin-bottom:1rem}
button{font:inherit;padding:.5rem 1rem;margin-right:.5rem}`

function page(title: string, content: string, status = 200): Response {
  const text = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>${STYLE}</style>
<main><h1>${title}</h1>
${content}
</main></html>
`
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
  }
  return new Response(text, { status, headers })
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character]!)
