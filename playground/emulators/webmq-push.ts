import { type Endpoint, isOff, type Posted, Refusal, textOf, timeOf } from './webmq-http.ts'
import { payload } from './webmq-payload.ts'
import { signRequest } from './webmq-sign.ts'

const text = (status: number, body: string): Response => new Response(`${body}\n`, { status })

/** The push of WebMQ, and of Autobahn in 2012: an event as JSON, its topic in the query. */
export const push: Endpoint = {
  methods: ['POST'],

  async run(posted) {
    const { room, query, body } = posted
    const topic = query.get('topicuri') ?? ''
    if (topic === '') throw new Refusal(400, 'there is no topicuri in the query')
    const dialect = await verify(posted, topic)
    const event = eventOf(body)
    const lists = { ...ids(query, 'eligible'), ...ids(query, 'exclude') }
    room.publish({ topic, payload: payload([event]), options: lists, from: dialect })
    return text(202, 'accepted')
  },

  refuse: ({ status, message }) => text(status, message),
}

function eventOf(body: Uint8Array): unknown {
  const json = textOf(body)
  if (json === undefined) throw new Refusal(400, 'the event is not UTF-8')
  try {
    return JSON.parse(json)
  } catch {
    throw new Refusal(400, 'the event is no JSON')
  }
}

/** Ids joined with commas; an empty list is a list. */
function ids(query: URLSearchParams, name: string): Record<string, string[]> {
  const list = query.get(name)
  return list === null ? {} : { [name]: list === '' ? [] : list.split(',') }
}

const SIGNING = ['authkey', 'appkey', 'timestamp', 'signature']
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/

/** Gives the dialect of a signed push; `push` when it is not signed and need not be. */
async function verify({ room, query, body }: Posted, topic: string): Promise<string> {
  if (!SIGNING.some((name) => query.has(name))) {
    if (room.settings.requireSignature) throw new Refusal(401, 'pushes must be signed')
    return 'push'
  }
  const old = query.has('appkey')
  if (old && query.has('authkey')) throw new Refusal(400, 'there are both authkey and appkey in the query')
  const field = (name: string): string => {
    const value = query.get(name)
    if (!value) throw new Refusal(400, `there is no ${name} in the query`)
    return value
  }
  const [key, timestamp, signature] = [
    field(old ? 'appkey' : 'authkey'),
    field('timestamp'),
    field('signature'),
  ]
  const time = timeOf(timestamp, TIMESTAMP)
  if (time === undefined) throw new Refusal(400, `the timestamp must be of the form 2012-07-10T17:03:34Z`)
  const secret = room.secret(key)
  if (secret === undefined) throw new Refusal(401, `there is no key ${key}`)
  if (isOff(room, time)) throw new Refusal(401, 'the timestamp is too far from the clock of the server')
  const expected = await signRequest(old ? 'SHA-1' : 'SHA-256', secret, topic + key + timestamp, body)
  if (signature !== expected) throw new Refusal(401, 'the signature is wrong')
  return old ? 'autobahn' : 'webmq'
}
