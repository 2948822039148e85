import { percent } from '../core/encoding.ts'
import { toJson } from '../core/json.ts'
import { type PushDialect, signPush } from './sign.ts'
import { bothOrNone, filled, wrong } from './wrong.ts'

/** Who receives a push, by WAMP session id. The signature does not cover these lists. */
export interface PushReceivers {
  /** Nobody but these. */
  readonly eligible?: readonly string[] | undefined
  /** Everybody but these. */
  readonly exclude?: readonly string[] | undefined
}

export interface PushFields extends PushReceivers {
  readonly endpoint: string
  readonly topic: string
  /** Anything that JSON holds. */
  readonly event: unknown
  /** With a secret the push is signed; `timestamp` is needed then. */
  readonly key?: string | undefined
  readonly secret?: string | undefined
  /** `YYYY-MM-DDTHH:MM:SSZ`, in UTC. */
  readonly timestamp?: string | undefined
  readonly dialect?: PushDialect | undefined
}

export interface PushRequest {
  readonly url: string
  readonly body: string
  readonly signature: string | undefined
}

/** What stays the same over all attempts. */
export interface PreparedPush {
  readonly topic: string
  readonly body: string
  /** Parameters that are not signed. */
  readonly lists: readonly (readonly [name: string, ids: string])[]
}

/** @throws IsomqError `CONFIG` when the event is no JSON or an id holds a comma */
export function preparePush({
  eligible,
  exclude,
  ...fields
}: Pick<PushFields, 'topic' | 'event' | 'eligible' | 'exclude'>): PreparedPush {
  const topic = filled('topic', fields.topic)
  const body = toJson(fields.event, (cause) => wrong('the event must be a JSON value', cause))
  const lists: [string, string][] = []
  for (const [name, ids] of Object.entries({ eligible, exclude })) {
    if (ids !== undefined) lists.push([name, listOf(name, ids)])
  }
  return { topic, body, lists }
}

export async function finishPush(
  { topic, body, lists }: PreparedPush,
  { endpoint, key, secret, timestamp = '', dialect }: Omit<PushFields, 'topic' | 'event'>,
): Promise<PushRequest> {
  const query: (readonly [string, string])[] = [['topicuri', topic]]
  let signature: string | undefined
  if (key !== undefined && secret !== undefined) {
    signature = await signPush({ topic, key, timestamp, body }, secret, dialect)
    const keyName = dialect === 'autobahn' ? 'appkey' : 'authkey'
    query.push(['timestamp', timestamp], [keyName, key], ['signature', signature])
  }
  const search = [...query, ...lists].map(([name, value]) => `${name}=${percent(value)}`).join('&')
  return { url: `${endpoint.replace(/\/*$/, '')}/?${search}`, body, signature }
}

/**
 * The request of a push; send it by POST as `application/x-www-form-urlencoded`, which it is not, but what the broker
 * takes it for.
 *
 * @throws IsomqError `CONFIG` when the event is no JSON, an id holds a comma, or only some of key, secret and
 * timestamp are given
 */
export async function encodePush(fields: PushFields): Promise<PushRequest> {
  bothOrNone(fields)
  if (fields.key !== undefined) filled('timestamp', fields.timestamp)
  return finishPush(preparePush(fields), fields)
}

function listOf(name: string, ids: readonly string[]): string {
  if (Array.isArray(ids) && ids.every((id) => typeof id === 'string' && id !== '' && !id.includes(',')))
    return ids.join(',')
  throw wrong(`"${name}" must be a list of session ids, which are texts without a comma`)
}
