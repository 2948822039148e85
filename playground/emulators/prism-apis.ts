import { acceptSocket, isUpgrade } from '../cloudflare.ts'
import { placeOf } from '../rooms.ts'
import { answer, type Call, failure, PrismError, result } from './prism-gateway.ts'
import type { PrismQueue } from './prism-room.ts'
import { beyond, PrismSession } from './prism-session.ts'
import { type Pairs, signedHeaders } from './prism-sign.ts'

interface Api {
  /** All, if none are named. */
  readonly methods?: readonly string[]
  /** Whether a token that is not good is no hindrance: this is how to find that out, or to get a new one. */
  readonly anyToken?: boolean
  readonly run: (call: Call, session: string | undefined) => Response | Promise<Response>
}

const APIS: Readonly<Record<string, Api>> = {
  'platform/notify': { methods: ['GET'], run: notify },
  'platform/notify/status': { methods: ['GET', 'POST'], run: status },
  'platform/notify/write': { methods: ['POST'], run: write },
  'platform/oauth/session_check': { methods: ['POST'], anyToken: true, run: checkSession },
  'demo/echo': { run: echo },
  'demo/me': { methods: ['GET', 'POST'], run: me },
  'demo/slow': { run: slow },
  'demo/status': { run: demoStatus },
  'demo/redirect': { run: redirect },
  'demo/big': { run: big },
}

/** Runs the API of a path below the base URL. */
export function runApi(call: Call, path: string): Response | Promise<Response> {
  const api = Object.hasOwn(APIS, path) ? APIS[path]! : undefined
  if (api === undefined) throw new PrismError(404, 'not_found', `there is no API /${path}`)
  const { methods, anyToken } = api
  const { method } = call.request
  if (methods !== undefined && !methods.includes(method)) {
    throw new PrismError(405, 'method_not_allowed', `/${path} takes ${methods.join(' and ')}, not ${method}`)
  }
  return api.run(call, anyToken ? undefined : tokenSession(call))
}

/** The session of the token that a call carries. */
function tokenSession({ room, request }: Call): string | undefined {
  const token = /^Bearer +(.*)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  if (token === undefined) return undefined
  const found = room.grants.verify(token)
  if ('session' in found) return found.session
  throw found.refused === 'expired'
    ? new PrismError(401, 'expired_token', 'the access token has expired')
    : new PrismError(401, 'invalid_token', 'the access token is unknown')
}

/** A parameter, wherever it is. */
export function parameter({ signed }: Call, name: string): string | undefined {
  return [...signed.form, ...signed.query].find(([key]) => key === name)?.[1]
}

export function required(call: Call, name: string): string {
  const value = parameter(call, name)
  if (value) return value
  throw new PrismError(400, 'missing_parameter', `there is no ${name}`)
}

function integer(call: Call, name: string, byDefault: number, max: number): number {
  const text = parameter(call, name) ?? String(byDefault)
  if (/^\d{1,9}$/.test(text) && Number(text) <= max) return Number(text)
  throw new PrismError(400, 'invalid_parameter', `${name} must be a whole number from 0 to ${max}`)
}

function notify(call: Call): Response {
  const { room, request, client } = call
  if (!isUpgrade(request)) throw new PrismError(426, 'upgrade_required', 'this is for WebSockets')
  const { socket, response } = acceptSocket()
  const wired = placeOf(new URL(request.url).pathname)?.wired ?? false
  new PrismSession(room, client, parameter(call, 'peer'), socket, wired)
  return response
}

function status({ room, client }: Call): Response {
  room.queue(client, '')
  const queues = Array.from(room.bindings(client), ([name, keys]) => ({
    queue: name,
    keys,
    ...counts(room.queue(client, name)),
  }))
  return result({ queues })
}

/** How many messages a queue holds, and for whom. */
export const counts = ({ total, inFlight, receivers }: PrismQueue) => ({
  waiting: total - inFlight,
  unacked: inFlight,
  consumers: receivers.length,
})

function write(call: Call): Response {
  const { room, client } = call
  const body = parameter(call, 'data')
  if (body === undefined) throw new PrismError(400, 'missing_parameter', 'there is no data')
  const key = parameter(call, 'key') ?? ''
  const bytes = (text: string): number => new TextEncoder().encode(text).length
  const refused =
    beyond('key', bytes(key), room.settings.maxKey) ?? beyond('data', bytes(body), room.settings.maxBody)
  if (refused !== undefined) {
    room.counters.limited++
    throw new PrismError(413, 'limit_exceeded', refused)
  }
  room.publish({ client, key, type: parameter(call, 'type') ?? 'text/plain', body })
  return result(true)
}

function checkSession(call: Call): Response {
  return result(call.room.grants.check(required(call, 'session_id')))
}

const SIGNATURE = new Set(['client_id', 'client_secret', 'sign', 'sign_method', 'sign_time'])

/** Everything that arrived, and the text that its signature is of. */
function echo({ signed, client, canonical }: Call): Response {
  const { method, path, headers } = signed
  const own = (pairs: Pairs): Pairs => pairs.filter(([name]) => !SIGNATURE.has(name))
  const shown = signedHeaders(headers).map(([name, value]) => [
    name,
    name === 'Authorization' ? value.replace(/\S+$/, '***') : value,
  ])
  const rest = { client_id: client, method, path, query: own(signed.query), form: own(signed.form) }
  const text = JSON.stringify({ ...rest, headers: shown, canonical })
  // The largest int64: who reads it as a double reads another number.
  return answer(`{"result":{"big":9223372036854775807,${text.slice(1)},"error":null}`)
}

function me({ room }: Call, session: string | undefined): Response {
  if (session === undefined) {
    throw new PrismError(401, 'missing_token', 'this needs the header Authorization: Bearer TOKEN')
  }
  return result(room.grants.data(session))
}

async function slow(call: Call): Promise<Response> {
  const ms = integer(call, 'ms', 1000, 60_000)
  await new Promise((resolve) => setTimeout(resolve, ms))
  return result(ms)
}

const NO_BODY = [204, 205, 304]

/** Any status with an error; 200 too, since errors come in both ways. */
function demoStatus(call: Call): Response {
  const code = integer(call, 'code', 500, 599)
  if (code < 200) throw new PrismError(400, 'invalid_parameter', 'code must be from 200 to 599')
  if (NO_BODY.includes(code)) return new Response(null, { status: code })
  if (parameter(call, 'html') === undefined) {
    return failure(new PrismError(code, `http_${code}`, `the answer with status ${code} that was asked for`))
  }
  const headers = { 'content-type': 'text/html; charset=utf-8' }
  return new Response(`<!doctype html><title>${code}</title><h1>${code}</h1>`, { status: code, headers })
}

/** To `to`, by default to /demo/echo with the same query, whose signature is not that of the new path. */
function redirect(call: Call): Response {
  const code = integer(call, 'code', 302, 399)
  if (![301, 302, 303, 307, 308].includes(code)) {
    throw new PrismError(400, 'invalid_parameter', 'code must be 301, 302, 303, 307 or 308')
  }
  const url = new URL(call.request.url)
  const to = new URL(parameter(call, 'to') ?? `echo${url.search}`, url)
  if (!/^https?:$/.test(to.protocol)) throw new PrismError(400, 'invalid_parameter', 'to must be http(s)')
  return new Response(null, { status: code, headers: { location: to.href } })
}

function big(call: Call): Response {
  return result('x'.repeat(integer(call, 'bytes', 1_000_000, 33_554_432)))
}
