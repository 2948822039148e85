import { signTop } from 'isomq/tmc'
import { CORS } from '../cloudflare.ts'
import type { TmcMessage, TmcRoom } from './tmc-room.ts'
import type { App } from './tmc-settings.ts'

type Params = Readonly<Record<string, string>>

/** An error of the platform (codes below 100) or, with sub code, of the service behind it. */
class TopError {
  readonly code: number
  readonly msg: string
  readonly subCode: string | undefined
  readonly subMsg: string | undefined

  constructor(code: number, msg: string, subCode?: string, subMsg?: string) {
    this.code = code
    this.msg = msg
    this.subCode = subCode
    this.subMsg = subMsg
  }
}

interface Call {
  readonly room: TmcRoom
  readonly params: Params
  readonly appKey: string
  readonly app: App
}

/** JSON text, since ids are numbers beyond what JSON.stringify can write. */
type Method = (call: Call) => string

const METHODS: Readonly<Record<string, Method>> = {
  'taobao.tmc.messages.consume': consume,
  'taobao.tmc.messages.confirm': confirm,
  'taobao.tmc.message.produce': produce,
  'taobao.tmc.messages.produce': produceMany,
  'taobao.tmc.user.permit': permit,
  'taobao.tmc.user.cancel': cancel,
  'taobao.tmc.groups.get': groups,
}

/** Answers one call of the HTTP gateway; errors come in HTTP 200 too. */
export async function gateway(room: TmcRoom, request: Request): Promise<Response> {
  room.counters.httpRequests++
  // Read in any case: what is left unread breaks the connection, and with it the caller's next request.
  const form = request.method === 'POST' ? await request.text() : ''
  const fault = room.faults.nextHttpFault()
  if (fault !== undefined) {
    const headers = { ...CORS, 'content-type': fault.contentType }
    return new Response(fault.body, { status: fault.status, headers })
  }
  const requestId = crypto.randomUUID().replaceAll('-', '').slice(0, 13)
  const body = await answer(room, new URL(request.url).search, form, requestId).catch((error: unknown) => {
    if (!(error instanceof TopError)) throw error
    const { code, msg, subCode: sub_code, subMsg: sub_msg } = error
    return JSON.stringify({ error_response: { code, msg, sub_code, sub_msg, request_id: requestId } })
  })
  if (room.faults.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, room.faults.delayMs))
  return new Response(body, { headers: { ...CORS, 'content-type': 'text/javascript;charset=UTF-8' } })
}

async function answer(room: TmcRoom, query: string, form: string, requestId: string): Promise<string> {
  const params: Record<string, string> = Object.create(null)
  for (const text of [query, form]) for (const [key, value] of new URLSearchParams(text)) params[key] = value
  const app = await verify(room, params)
  const name = params.method!
  const fields = METHODS[name]!({ room, params, app, appKey: params.app_key! })
  const key = `${name.replace('taobao.', '').replaceAll('.', '_')}_response`
  return `{"${key}":{${fields},"request_id":"${requestId}"}}`
}

/** The platform's own checks, in the order of their codes. */
async function verify(room: TmcRoom, params: Params): Promise<App> {
  const { method, app_key: appKey, sign, sign_method: signMethod = 'md5', timestamp, v } = params
  if (!method) throw new TopError(21, 'Missing Method')
  if (!Object.hasOwn(METHODS, method)) throw new TopError(22, 'Invalid Method')
  if ((params.format ?? 'xml') !== 'json') throw new TopError(23, 'Invalid Format')
  if (!sign) throw new TopError(24, 'Missing Signature')
  if (!appKey) throw new TopError(28, 'Missing App Key')
  const app = room.app(appKey)
  if (app === undefined) throw new TopError(29, 'Invalid app Key')
  if (!timestamp) throw new TopError(30, 'Missing Timestamp')
  const at = Date.parse(`${timestamp.replace(' ', 'T')}+08:00`)
  const wellFormed = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(timestamp)
  if (!wellFormed || !(Math.abs(at - room.now()) <= room.settings.skewLimit)) {
    throw new TopError(31, 'Invalid Timestamp')
  }
  if (!v) throw new TopError(32, 'Missing Version')
  if (v !== '2.0') throw new TopError(34, 'Unsupported Version')
  if (signMethod !== 'md5' && signMethod !== 'hmac' && signMethod !== 'hmac-sha256') invalid('sign_method')
  const { sign: _, ...signed } = params
  if ((await signTop(signed, app.secret, signMethod)) !== sign) throw new TopError(25, 'Invalid signature')
  return app
}

function invalid(name: string): never {
  throw new TopError(41, 'Invalid Arguments', 'isv.invalid-parameter', `Invalid arguments:${name}`)
}

function required(params: Params, name: string): string {
  const value = params[name]
  if (value) return value
  throw new TopError(
    40,
    'Missing required arguments',
    'isv.missing-parameter',
    `Missing required arguments:${name}`,
  )
}

function groupOf({ room, params, appKey }: Call) {
  const name = params.group_name || 'default'
  const group = room.group(appKey, name)
  if (group !== undefined) return group
  throw new TopError(15, 'Remote service error', 'isv.group-not-exist', `the group ${name} does not exist`)
}

function consume(call: Call): string {
  const quantity = Number(call.params.quantity || 100)
  if (!Number.isInteger(quantity) || quantity < 10 || quantity > 200) invalid('quantity')
  const { room } = call
  const group = groupOf(call)
  const taken = room.faults.muted ? [] : group.serve(group.pollers, quantity, Date.now())
  for (const message of taken) room.delivered(message, 'http')
  if (taken.length === 0) return '"messages":{}'
  return `"messages":{"tmc_message":[${taken.map((message) => messageText(room, message)).join(',')}]}`
}

function messageText(room: TmcRoom, m: TmcMessage): string {
  const rest = JSON.stringify({
    topic: m.topic,
    pub_app_key: m.publisher,
    pub_time: chinaTime(m.born),
    user_nick: m.nick,
    content: m.content,
  })
  return `{"id":${room.id(m.seq)},"user_id":${m.userId},${rest.slice(1)}`
}

/** `yyyy-MM-dd HH:mm:ss` in GMT+8. */
const chinaTime = (at: number): string =>
  new Date(at + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ')

function confirm(call: Call): string {
  const ids = required(call.params, 's_message_ids').split(',')
  if (ids.length > 200 || !ids.every((id) => /^\d{1,19}$/.test(id))) invalid('s_message_ids')
  const group = groupOf(call)
  for (const id of ids) call.room.confirm(group, BigInt(id))
  return '"is_success":true'
}

interface Publication {
  readonly topic?: unknown
  readonly content?: unknown
  readonly target_group?: unknown
}

/** Publishes one message; the error that befell it otherwise. */
function publish({ room, params, appKey }: Call, message: Publication): TopError | undefined {
  const { topic, content, target_group: target } = message
  if (typeof topic !== 'string' || topic === '') return missing('topic')
  if (typeof content !== 'string' || content === '') return missing('content')
  const nick = params.session ? room.nick(appKey, params.session) : 'isomq'
  if (nick === undefined) return new TopError(27, 'Invalid session', 'invalid-sessionkey')
  const fields = { topic, content, publisher: appKey, nick, userId: '100000001', dataId: String(room.now()) }
  const refusal = room.publish(fields, typeof target === 'string' && target !== '' ? target : undefined)
  if (refusal === undefined) {
    room.counters.produced++
    return undefined
  }
  return new TopError(15, 'Remote service error', 'isv.message-refused', refusal.phrase)
}

const missing = (name: string): TopError =>
  new TopError(
    40,
    'Missing required arguments',
    'isv.missing-parameter',
    `Missing required arguments:${name}`,
  )

function produce(call: Call): string {
  const error = publish(call, call.params)
  if (error !== undefined) throw error
  return '"is_success":true'
}

function produceMany(call: Call): string {
  let list: unknown
  try {
    list = JSON.parse(required(call.params, 'messages'))
  } catch (error) {
    if (error instanceof TopError) throw error
  }
  if (!Array.isArray(list) || list.length === 0 || list.length > 50) invalid('messages')
  const results = list.map((message: Publication) => {
    const error = publish(call, message ?? {})
    if (error === undefined) return { is_success: true }
    return {
      is_success: false,
      error_code: error.subCode ?? String(error.code),
      error_message: error.subMsg ?? error.msg,
    }
  })
  const all = results.every((result) => result.is_success)
  return `"is_all_success":${all},"results":{"tmc_produce_result":${JSON.stringify(results)}}`
}

function permit({ room, params, app, appKey }: Call): string {
  const session = params.session
  if (!session) throw new TopError(26, 'Missing session')
  const nick = room.nick(appKey, session)
  if (nick === undefined) throw new TopError(27, 'Invalid session', 'invalid-sessionkey')
  setPermits(app, nick, params.topics ? params.topics.split(',') : (room.settings.topics ?? []))
  room.store.touch()
  return '"is_success":true'
}

function setPermits(app: App, nick: string, topics: string[] | undefined): void {
  if (topics === undefined) Reflect.deleteProperty(app.permits, nick)
  else
    Object.defineProperty(app.permits, nick, {
      value: topics,
      enumerable: true,
      configurable: true,
      writable: true,
    })
}

function cancel({ room, params, app }: Call): string {
  setPermits(app, required(params, 'nick'), undefined)
  room.store.touch()
  return '"is_success":true'
}

function groups({ params, app }: Call): string {
  const wanted = params.group_names ? params.group_names.split(',') : undefined
  const names = app.groups.filter((name) => wanted === undefined || wanted.includes(name))
  const page = positive(params.page_no, 'page_no', 1)
  const size = positive(params.page_size, 'page_size', 40)
  const created = '2026-01-01 00:00:00'
  const list = names
    .slice((page - 1) * size, page * size)
    .map((name) => ({ name, created, modified: created, users: { string: Object.keys(app.permits) } }))
  return `"groups":${JSON.stringify(list.length > 0 ? { tmc_group: list } : {})},"total_results":${names.length}`
}

function positive(text: string | undefined, name: string, byDefault: number): number {
  const value = Number(text || byDefault)
  if (!Number.isInteger(value) || value < 1) invalid(name)
  return value
}
