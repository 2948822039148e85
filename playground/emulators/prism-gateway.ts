import { CORS } from '../cloudflare.ts'
import type { PrismRoom } from './prism-room.ts'
import type { App } from './prism-settings.ts'
import { masked, type Pairs, type Signed, sign } from './prism-sign.ts'

/** An answer that says what is wrong. */
export class PrismError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** A call whose signature, or secret, is right. */
export interface Call {
  readonly room: PrismRoom
  readonly request: Request
  readonly client: string
  readonly signed: Signed
  /** The text that was signed, with the secrets in it masked; "" when the client showed its secret instead. */
  readonly canonical: string
}

/** Answers a call: what `run` gives, or the error that befell it. Sockets are calls up to the 101. */
export async function serve(
  room: PrismRoom,
  request: Request,
  run: (call: Call) => Response | Promise<Response>,
): Promise<Response> {
  // Read in any case: what is left unread breaks the connection, and with it the caller's next request.
  const body = await request.text()
  while (room.faults.muted) await pause(20)
  room.counters.calls++
  const fault = room.faults.nextHttpFault()
  let client: string | undefined
  let error: PrismError | undefined
  let answer: Response
  if (fault !== undefined) {
    answer = new Response(fault.body, {
      status: fault.status,
      headers: { 'content-type': fault.contentType },
    })
  } else {
    try {
      const call = await verify(room, request, body)
      client = call.client
      answer = await run(call)
    } catch (thrown) {
      if (!(thrown instanceof PrismError)) throw thrown
      error = thrown
      answer = failure(thrown)
    }
  }
  const { status } = answer
  if (status === 101) return answer
  if (status === 401) room.counters.refused++
  const whole = finished(room, answer)
  room.events.emit(() => ({
    type: status === 401 ? 'refused' : 'call',
    method: request.method,
    path: new URL(request.url).pathname,
    client,
    status,
    code: error?.code,
    reason: error?.message,
    id: whole.headers.get('x-request-id'),
  }))
  await pause(room.faults.delayMs)
  return whole
}

const pause = (ms: number): Promise<void> | undefined =>
  ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined

/** An answer with what all answers have. */
export function finished(room: PrismRoom, { status, headers, body }: Response): Response {
  const all = new Headers({ ...CORS, 'cache-control': 'no-store', ...Object.fromEntries(headers) })
  all.set('x-request-id', crypto.randomUUID().replaceAll('-', ''))
  all.set('date', new Date(room.now()).toUTCString())
  return new Response(body, { status, headers: all })
}

export function failure({ status, code, message }: PrismError): Response {
  return answer(`{"result":null,"error":${JSON.stringify({ code, message })}}`, status)
}

/** JSON text, since some numbers in it are beyond what JSON.stringify can write. */
export const answer = (text: string, status = 200): Response =>
  new Response(text, { status, headers: { 'content-type': 'application/json; charset=utf-8' } })

export const result = (value: unknown): Response => answer(`{"result":${JSON.stringify(value)},"error":null}`)

const denied = (code: string, message: string): PrismError => new PrismError(401, code, message)

async function verify(room: PrismRoom, request: Request, body: string): Promise<Call> {
  const url = new URL(request.url)
  const { method, headers } = request
  const form = parsed(headers, body)
  const signed = { method, path: url.pathname, headers, query: [...url.searchParams], form }
  const refusal = room.faults.nextRefusal()
  if (refusal !== undefined) throw denied('refused', refusal.phrase)
  const client = system(signed, 'client_id')
  if (!client) throw denied('missing_client', 'there is no client_id, neither in the query nor in the form')
  const app = room.app(client)
  if (app === undefined) throw denied('unknown_client', `there is no client ${client}`)
  const secret = system(signed, 'client_secret')
  const call = { room, request, client, signed }
  if (secret === undefined) {
    await verifySign(room, signed, app)
    return { ...call, canonical: masked(signed) }
  }
  if (!isSecure(request)) {
    throw denied('insecure_secret', 'a client_secret is taken over https alone; sign the call instead')
  }
  if (secret !== app.secret) throw denied('invalid_secret', 'the client_secret is wrong')
  return { ...call, canonical: '' }
}

async function verifySign(room: PrismRoom, signed: Signed, app: App): Promise<void> {
  const given = system(signed, 'sign')
  if (!given) throw denied('missing_signature', 'the call is not signed: there is no sign')
  const method = system(signed, 'sign_method') ?? 'md5'
  if (method !== 'md5') throw denied('unsupported_sign_method', `the sign_method is ${method}; there is md5`)
  const time = system(signed, 'sign_time') ?? ''
  if (!/^\d{1,11}$/.test(time)) throw denied('invalid_sign_time', 'sign_time must be seconds since 1970')
  const off = Math.round(room.now() / 1000) - Number(time)
  const { signWindow } = room.settings
  if (Math.abs(off) > signWindow) {
    const how = `${Math.abs(off)} s ${off > 0 ? 'behind' : 'ahead of'} the server's clock`
    throw denied('expired_signature', `sign_time is ${how}; ${signWindow} s are allowed`)
  }
  if (given === (await sign(signed, app.secret))) return
  throw denied('invalid_signature', `the signature is wrong; it should be that of ${masked(signed)}`)
}

/** A system parameter: clients put them in the query or, with POST and PUT, in the form. */
function system({ query, form }: Signed, name: string): string | undefined {
  return [...query, ...form].find(([key]) => key === name)?.[1]
}

function parsed(headers: Headers, body: string): Pairs {
  if (body === '') return []
  const type = headers.get('content-type') ?? ''
  if (/^application\/x-www-form-urlencoded\b/i.test(type)) return [...new URLSearchParams(body)]
  const shown = type === '' ? 'no content type' : `the content type ${type}`
  throw new PrismError(415, 'unsupported_media_type', `the body has ${shown}; it must be a form`)
}

/** Whether the caller spoke TLS, to this server or to one in front of it. */
export function isSecure(request: Request): boolean {
  const forwarded = request.headers.get('x-forwarded-proto')
  return new URL(request.url).protocol === 'https:' || forwarded === 'https'
}
