import { type Call, checkApp } from './tambur-http.ts'
import { Refused } from './tambur-oauth.ts'
import type { TamburRoom } from './tambur-room.ts'
import type { AnswerKind } from './tambur-settings.ts'

/** What an answer is made of. */
interface Asked {
  /** The function to call. */
  readonly name: string
  readonly instance: string
  /** Of the socket, without a scheme. */
  readonly address: string
  /** Of the balancer. */
  readonly url: URL
}

const of = (type: string, body: string, status = 200): Response =>
  new Response(body, { status, headers: { 'content-type': `${type}; charset=utf-8` } })
const script = (body: string): Response => of('text/javascript', body)
const html = (body: string, status = 200): Response => of('text/html', `<!doctype html>${body}`, status)
const quoted = (text: string): string => JSON.stringify(text)

/** As they should be, and then all the others. */
const KINDS: Readonly<Record<AnswerKind, (asked: Asked) => Response>> = {
  jsonp: ({ name, instance, address }) => script(`${name}(${instance}, ${quoted(address)});`),
  // The same call as others write it.
  spaced: ({ name, instance, address }) =>
    script(`\n${name}(\n  ${instance} ,\n  ${quoted(address).replaceAll('/', '\\/')}\n)\n`),
  json: ({ address }) => of('application/json', quoted(address)),
  text: ({ address }) => of('text/plain', address),
  empty: () => script(''),
  html: () => html('<title>Welcome</title><p>Please sign in to this network.'),
  error: () => html('<title>Error</title><p>Internal Server Error', 500),
  // Goes round for ever.
  redirect: ({ url }) => new Response(null, { status: 302, headers: { location: url.href } }),
  object: ({ name, instance, address }) => script(`${name}(${instance}, {"address": ${quoted(address)}});`),
  number: ({ name, instance }) => script(`${name}(${instance}, 42);`),
  instance: ({ name, instance }) => script(`${name}(${instance});`),
  // An answer to somebody else.
  function: ({ instance }) => script(`somebody.else(${instance}, "another.example/socket");`),
  // Whoever runs it gets an address.
  code: ({ name, instance, address }) =>
    script(`${name}(${instance}, (globalThis.tamburWasRun = true, ${quoted(address)}));`),
  cut: ({ name, instance, address }) => script(`${name}(${instance}, ${quoted(address).slice(0, -3)}`),
  list: ({ address }) => of('application/json', JSON.stringify([1, address])),
  scheme: ({ name, instance }) => script(`${name}(${instance}, "javascript:alert(1)");`),
}

/** Says where the sockets of an app are. */
export function balance(
  room: TamburRoom,
  { method, url }: Call,
  path: readonly string[],
  socket: string,
): Response {
  room.counters.balancerCalls++
  const [apiKey = '', appId = ''] = path
  if (method !== 'GET') throw new Refused(405, 'method_not_allowed', 'the balancer is asked with GET')
  if (path.length !== 2) throw new Refused(404, 'not_found', 'the balancer is asked for /API_KEY/APP_ID')
  if (apiKey !== room.apiKey) throw new Refused(401, 'unknown_key', `there is no api key ${apiKey}`)
  checkApp(room, appId)
  const instance = parameter(url, 'instance', /^\d{1,15}$/)
  const name = parameter(url, 'callback', /^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$/)
  return KINDS[room.settings.answer]({ name, instance, address: `${url.host}${socket}`, url })
}

function parameter({ searchParams }: URL, name: string, form: RegExp): string {
  const value = searchParams.get(name)
  if (value === null) throw new Refused(400, 'missing_parameter', `there is no ${name} in the query`)
  if (form.test(value) && value.length <= 100) return value
  throw new Refused(400, 'invalid_parameter', `${name} has not the form of one`)
}
