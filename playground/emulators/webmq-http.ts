import { CORS } from '../cloudflare.ts'
import type { WebmqRoom } from './webmq-room.ts'

/** Why a request is not carried out. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** A request with its body read. */
export interface Posted {
  readonly room: WebmqRoom
  readonly request: Request
  readonly query: URLSearchParams
  readonly body: Uint8Array
}

/** What a kind of request answers; `refuse` shapes what it says when it refuses. */
export interface Endpoint {
  readonly methods: readonly string[]
  run(posted: Posted): Promise<Response>
  refuse(refusal: Refusal): Response
}

/** Answers a request, with all that can go wrong. */
export async function serve(room: WebmqRoom, request: Request, endpoint: Endpoint): Promise<Response> {
  // Read in any case: what is left unread breaks the connection, and with it the caller's next request.
  const body = new Uint8Array(await request.arrayBuffer())
  while (room.faults.muted) await pause(20)
  room.counters.requests++
  const { pathname, searchParams: query } = new URL(request.url)
  let reason: string | undefined
  let answer: Response
  const fault = room.faults.nextHttpFault()
  if (fault !== undefined) {
    const { status, body, contentType } = fault
    answer = new Response(body, { status, headers: { 'content-type': contentType } })
  } else {
    try {
      limit(room, request, body, endpoint)
      answer = await endpoint.run({ room, request, query, body })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      reason = error.message
      if (error.status === 401) room.counters.refused++
      answer = endpoint.refuse(error)
    }
  }
  const { status } = answer
  room.events.emit(() => ({ type: 'request', method: request.method, path: pathname, status, reason }))
  await pause(room.faults.delayMs)
  return finished(room, answer)
}

function limit({ settings }: WebmqRoom, { method }: Request, body: Uint8Array, { methods }: Endpoint): void {
  if (!methods.includes(method)) {
    throw new Refusal(405, `Method not accepted. (${method} not allowed, only ${methods.join(', ')})`)
  }
  const { maxBody } = settings
  if (maxBody > 0 && body.length > maxBody) {
    throw new Refusal(413, `Request too long. (${body.length} is longer than accepted ${maxBody})`)
  }
}

function finished(room: WebmqRoom, { status, headers, body }: Response): Response {
  const all = new Headers({ ...CORS, 'cache-control': 'no-store', ...Object.fromEntries(headers) })
  all.set('date', new Date(room.now()).toUTCString())
  return new Response(body, { status, headers: all })
}

const pause = (ms: number): Promise<void> | undefined =>
  ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined

/** Milliseconds since 1970 of a timestamp of the shape that is asked for, else nothing. */
export function timeOf(timestamp: string, shape: RegExp): number | undefined {
  const time = shape.test(timestamp) ? Date.parse(timestamp) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}

/** Whether a time is further from the server's clock than the room allows. */
export const isOff = (room: WebmqRoom, time: number): boolean =>
  room.settings.window > 0 && Math.abs(room.now() - time) > room.settings.window * 1000

/** The body as text; nothing when it is not UTF-8. */
export function textOf(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    return undefined
  }
}
