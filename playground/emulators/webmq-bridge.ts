import { invalidUri, isUri, optionFault } from './webmq-broker.ts'
import { type Endpoint, isOff, type Posted, Refusal, textOf, timeOf } from './webmq-http.ts'
import { type Dict, invalid, isDict, type List, payload, tail, WampError } from './webmq-payload.ts'
import type { Caller } from './webmq-procedures.ts'
import { signRequest } from './webmq-sign.ts'

const METHODS = ['POST', 'PUT']

const json = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), {
    status,
    headers: { 'content-type': 'application/json; charset=UTF-8' },
  })

const refuse = ({ status, message }: Refusal): Response =>
  json({ error: message, args: [], kwargs: {} }, status)

/** What the application says goes with 200, errors too. */
async function told(run: () => unknown): Promise<Response> {
  try {
    return json(await run())
  } catch (error) {
    if (!(error instanceof WampError)) throw error
    return json({ error: error.uri, ...error.payload })
  }
}

/** Crossbar.io's HTTP bridge publisher. */
export const publisher: Endpoint = {
  methods: METHODS,
  refuse,

  async run(posted) {
    const event = await open(posted, 'topic')
    const { topic } = event
    const options = part(event, 'options', {}, isDict)
    const fault = optionFault(options)
    return told(() => {
      if (typeof topic !== 'string' || !isUri(topic) || topic.startsWith('wamp.')) {
        throw invalidUri(String(topic))
      }
      if (fault !== undefined) throw invalid(fault)
      return { id: posted.room.publish({ topic, payload: given(event), options, from: 'bridge' }).id }
    })
  },
}

/** The bridge is a session of the router's own. */
const BRIDGE: Caller = { id: 'bridge', authid: 'bridge', role: 'bridge', method: 'static', version: 0 }

/** Crossbar.io's HTTP bridge caller. */
export const caller: Endpoint = {
  methods: METHODS,
  refuse,

  async run(posted) {
    const { room } = posted
    const event = await open(posted, 'procedure')
    const { procedure } = event
    return told(async () => {
      if (typeof procedure !== 'string' || !isUri(procedure)) throw invalidUri(String(procedure))
      const { args, kwargs } = await room.call({
        caller: BRIDGE,
        procedure,
        payload: given(event),
        options: {},
        signal: new AbortController().signal,
        now: () => room.now(),
        progress: () => {},
      })
      const [shown, named] = tail({ args, kwargs })
      return { args: shown ?? [null], ...(named !== undefined && { kwargs: named }) }
    })
  },
}

const given = (event: Dict) =>
  payload(part<List>(event, 'args', [], Array.isArray), part(event, 'kwargs', {}, isDict))

/** What is empty, or not there, is as good as empty; of another kind it is more than the bridge can take. */
function part<T>(event: Dict, name: string, empty: T, fits: (value: unknown) => boolean): T {
  const value = event[name]
  if (!value) return empty
  if (fits(value)) return value as T
  throw new Refusal(500, 'Unhandled exception in Crossbar.')
}

/** Checks a request in the order of Crossbar.io, and gives what its body says. */
async function open({ room, request, query, body }: Posted, key: string): Promise<Dict> {
  const [type = '', ...parameters] = (request.headers.get('content-type') ?? '')
    .toLowerCase()
    .split(/\s*;\s*/)
  if (type !== '' && type !== 'application/json') {
    throw new Refusal(400, `Non-accepted content type. (must be one of 'application/json', not '${type}')`)
  }
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice(8) ?? 'utf-8'
  if (!/^utf-?8$/.test(charset)) throw new Refusal(400, 'Non-accepted request encoding, must be UTF-8.')
  await verify({ room, request, query, body })
  const text = textOf(body)
  if (text === undefined) throw new Refusal(400, 'Non-decodable request body, was not UTF-8.')
  let event: unknown
  try {
    event = JSON.parse(text)
  } catch {
    throw new Refusal(400, 'Request body was invalid JSON.')
  }
  if (!isDict(event))
    throw new Refusal(400, 'Request body was valid JSON, but not well formed (must be a dict).')
  if (Object.hasOwn(event, key)) return event
  throw new Refusal(400, `Request body was valid JSON, but not well formed (missing key '${key}').`)
}

const FIELDS = ['key', 'timestamp', 'seq', 'nonce', 'signature'] as const
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z$/

async function verify({ room, query, body }: Posted): Promise<void> {
  const must = room.settings.requireSignature || query.has('key') || query.has('signature')
  const wrong = (reason: string) => new Refusal(400, `REST bridge signature was invalid (${reason}).`)
  const fields = FIELDS.map((name) => {
    const value = query.get(name)
    if (value === null && must) throw wrong(`missing mandatory field - '${name}' field missing`)
    const fault = value === null ? undefined : faultOf(name, value)
    if (fault !== undefined) throw wrong(fault)
    const time = name === 'timestamp' && value !== null ? timeOf(value, TIMESTAMP) : undefined
    if (time !== undefined && isOff(room, time)) throw new Refusal(400, 'Request expired, too old timestamp.')
    return value ?? ''
  })
  if (!must) return
  const signature = fields.pop()
  const secret = room.secret(fields[0]!)
  if (secret === undefined) throw new Refusal(401, 'REST bridge signature key not valid.')
  if (signature !== (await signRequest('SHA-256', secret, fields.join(''), body))) {
    throw new Refusal(401, 'REST bridge signature secret not valid.')
  }
}

function faultOf(name: (typeof FIELDS)[number], value: string): string | undefined {
  if (name === 'timestamp' && timeOf(value, TIMESTAMP) === undefined)
    return `invalid timestamp '${value}' (must be UTC/ISO-8601, e.g. '2011-10-14T16:59:51.123Z')`
  if ((name === 'seq' || name === 'nonce') && !/^[+-]?\d+$/.test(value))
    return `invalid ${name} '${value}' (must be an integer)`
  return undefined
}
