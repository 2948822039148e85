// A client of Crossbar.io's HTTP bridge, and the bridge that the test plays.
import { type CrossbarOptions, type CrossbarPublisher, createCrossbarPublisher } from 'isomq/webmq'
import { type Answer, type Bridge, bridge, KEY, type Request, SECRET } from './bridge.ts'
import { hmac, urlSafe } from './crypto.ts'

export interface Publishing extends Bridge {
  readonly client: CrossbarPublisher
}

/** Answers with JSON. */
export const json =
  (body: unknown, status = 200): Answer =>
  () =>
    Response.json(body, { status })

/** A client that does not sign. */
export function publishing(
  answer: Answer = json({ id: 4711 }),
  options: Partial<CrossbarOptions> = {},
): Publishing {
  const server = bridge(answer)
  return { ...server, client: createCrossbarPublisher({ ...server.options, ...options }) }
}

/** A client that does. */
export const signed = (answer?: Answer, options: Partial<CrossbarOptions> = {}): Publishing =>
  publishing(answer, { key: KEY, secret: SECRET, ...options })

/** Whether a request is signed as the protocol sheet has it, by the millisecond in which it arrived. */
export async function isSigned({ url, body, at }: Request): Promise<boolean> {
  const { timestamp, seq, nonce, signature, key } = Object.fromEntries(url.searchParams)
  const expected = urlSafe(await hmac(SECRET, `${key}${timestamp}${seq}${nonce}${body}`))
  return (
    key === KEY &&
    timestamp === new Date(at).toISOString() &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(timestamp!) &&
    /^\d+$/.test(seq!) &&
    /^\d+$/.test(nonce!) &&
    signature === expected
  )
}
