import { CORS } from '../cloudflare.ts'
import { Refused } from './tambur-oauth.ts'
import type { TamburRoom } from './tambur-room.ts'

/** A request whose body was read. */
export interface Call {
  readonly method: string
  /** As in the request line, with its %XX. */
  readonly url: URL
  readonly headers: Headers
  readonly body: string
}

/** Answers a call: what `run` gives, or why it is refused; `what` is asked for in the events. */
export async function serve(
  room: TamburRoom,
  request: Request,
  what: 'balancer' | 'rest' | 'socket',
  run: (call: Call) => Response | Promise<Response>,
): Promise<Response> {
  // Read in any case: what is left unread breaks the connection, and with it the caller's next request.
  const body = await request.text()
  const { method, headers } = request
  while (what !== 'socket' && room.faults.muted) await pause(20)
  const fault = what === 'socket' ? undefined : room.faults.nextHttpFault()
  let refused: Refused | undefined
  let answer: Response
  if (fault !== undefined) {
    const { status, contentType } = fault
    answer = new Response(fault.body, { status, headers: { 'content-type': contentType } })
  } else {
    try {
      answer = await run({ method, url: new URL(request.url), headers, body })
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      refused = error
      answer = refusal(error)
    }
  }
  if (answer.status === 101) return answer
  if (refused !== undefined) room.counters.refused++
  const { status } = answer
  const reason = refused && { code: refused.code, reason: refused.message }
  room.events.emit(() => ({ type: refused ? 'refused' : 'call', what, method, status, ...reason }))
  await pause(room.faults.delayMs)
  return finished(room, answer)
}

const pause = (ms: number): Promise<void> | undefined =>
  ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined

function refusal({ status, code, explanation }: Refused): Response {
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  return new Response(JSON.stringify({ error: code, ...explanation }), { status, headers })
}

/** An answer with what all answers have. */
function finished(room: TamburRoom, { status, headers, body }: Response): Response {
  const all = new Headers({ ...CORS, 'cache-control': 'no-store', ...Object.fromEntries(headers) })
  all.set('date', new Date(room.now()).toUTCString())
  return new Response(body, { status, headers: all })
}

/** Refuses what is meant for another app. */
export function checkApp(room: TamburRoom, appId: string): void {
  if (appId === room.appId) return
  throw new Refused(404, 'unknown_app', `there is no app ${appId} here; there is ${room.appId}`)
}
