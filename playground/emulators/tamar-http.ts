import { CORS } from '../cloudflare.ts'
import type { Endpoint, EndpointFault } from './tamar-faults.ts'
import type { TamarRoom } from './tamar-room.ts'

/** A request whose body was read. */
export interface Call {
  readonly method: string
  readonly headers: Headers
  /** What stands below the endpoint, as in the request line. */
  readonly path: readonly string[]
  readonly body: string
}

const REQUESTS = { redis: 'redisRequests', mysql: 'mysqlRequests', api: 'apiRequests' } as const

/** Answers a request to one of the services, with all that can go wrong; `run` gives what it should be. */
export async function serve(
  room: TamarRoom,
  request: Request,
  endpoint: Endpoint,
  path: readonly string[],
  run: (call: Call) => Response,
): Promise<Response> {
  // Read in any case: what is left unread breaks the connection, and with it the caller's next request.
  const body = await request.text()
  const { method, headers } = request
  const { faults } = room.lines.http
  while (faults.muted) await pause(20)
  room.counters[REQUESTS[endpoint]]++
  const fault = room.troubles.nextFault(endpoint)
  const call = { method, headers, path, body }
  const answer = fault?.when === 'before' ? undefined : run(call)
  if (answer?.status === 401) room.counters.refused++
  const shown = fault === undefined ? answer! : await failed(fault, answer)
  const what = { endpoint, method, path: path.join('/'), status: shown.status }
  room.events.emit(() => ({ type: 'request', ...what, fault: fault?.how }))
  await pause(faults.delayMs)
  return finished(room, shown)
}

const pause = (ms: number): Promise<void> | undefined =>
  ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined

/** What comes in place of an answer, which there is none of when nothing was done. */
async function failed(
  { how, status, body, contentType }: EndpointFault,
  answer?: Response,
): Promise<Response> {
  const isStream = answer?.headers.get('content-type')?.startsWith('text/event-stream')
  if (isStream) await answer?.body?.cancel()
  const text = (isStream ? '' : await answer?.text()) || '{"result":"unfinished"}'
  const half = text.slice(0, Math.ceil(text.length / 2))
  switch (how) {
    case 'status':
      return new Response(body, { status, headers: { 'content-type': contentType } })
    case 'html':
      return new Response(PAGE, { headers: { 'content-type': 'text/html; charset=utf-8' } })
    case 'half':
      return new Response(half, { headers: JSON_TYPE })
    case 'broken':
      // Packed, it would end as if it were whole.
      return new Response(breaking(text), { headers: { ...JSON_TYPE, 'content-encoding': 'identity' } })
  }
}

const PAGE = '<!doctype html><title>Welcome</title><p>Please sign in to this network.'
const JSON_TYPE = { 'content-type': 'application/json' }

/** A body that promises more than comes: without its length it would end as if it were whole. */
function breaking(text: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text)
  const { readable, writable } = new FixedLengthStream(bytes.length)
  const writer = writable.getWriter()
  const put = async (): Promise<void> => {
    await writer.write(bytes.subarray(0, Math.ceil(bytes.length / 2)))
    await writer.abort(new Error('the answer was cut on purpose'))
  }
  // Whoever reads is told of it.
  put().catch(() => {})
  return readable
}

/** Of the Workers runtime. */
declare const FixedLengthStream: new (length: number) => TransformStream<Uint8Array, Uint8Array>

/** An answer with what all answers have. */
function finished(room: TamarRoom, { status, headers, body }: Response): Response {
  const all = new Headers({ ...CORS, 'cache-control': 'no-store', ...Object.fromEntries(headers) })
  all.set('date', new Date(room.now()).toUTCString())
  return new Response(body, { status, headers: all })
}

/** An answer in JSON; whole numbers of any size stay exact. */
export function answer(value: unknown, status = 200, headers: HeadersInit = {}): Response {
  // No text of others can contain what nobody knows.
  const mark = crypto.randomUUID()
  const exact = (_: string, one: unknown): unknown => (typeof one === 'bigint' ? `${mark}${one}` : one)
  const text = JSON.stringify(value, exact).replace(new RegExp(`"${mark}(-?\\d+)"`, 'g'), '$1')
  return new Response(text, { status, headers: { 'content-type': 'application/json', ...headers } })
}
