// A push client, and the server that the test plays.
import { createPushClient, type PushClient, type PushClientOptions } from 'isomq/webmq'
import { type Answer, type Bridge, bridge, KEY, type Request, SECRET } from './bridge.ts'
import { hmac, urlSafe } from './crypto.ts'

export interface Pushing extends Bridge {
  readonly client: PushClient
}

export const T = 'http://example.com/topic1'

/** Answers with a status. */
export const status =
  (code: number, body = '', headers: HeadersInit = {}): Answer =>
  () =>
    new Response(body, { status: code, headers })

/** A client that does not sign. */
export function pushing(answer?: Answer, options: Partial<PushClientOptions> = {}): Pushing {
  const server = bridge(answer)
  return { ...server, client: createPushClient({ ...server.options, ...options }) }
}

/** A client that does. */
export const signed = (answer?: Answer, options: Partial<PushClientOptions> = {}): Pushing =>
  pushing(answer, { key: KEY, secret: SECRET, ...options })

/** Whether a request is signed as the protocol sheet has it, by the second in which it arrived. */
export async function isSigned(
  { url, body, at }: Request,
  hash: 'SHA-1' | 'SHA-256' = 'SHA-256',
): Promise<boolean> {
  const query = url.searchParams
  const key = query.get(hash === 'SHA-1' ? 'appkey' : 'authkey')!
  const timestamp = query.get('timestamp')!
  const expected = urlSafe(await hmac(SECRET, query.get('topicuri')! + key + timestamp + body, hash))
  const second = new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
  return key === KEY && timestamp === second && query.get('signature') === expected
}
