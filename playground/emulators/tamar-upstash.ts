import { CORS } from '../cloudflare.ts'
import { toBase64 } from './tamar-base64.ts'
import { answer, type Call } from './tamar-http.ts'
import { type Listener, RedisError, type Reply } from './tamar-redis.ts'
import type { TamarRoom } from './tamar-room.ts'

type Item = { readonly result: Reply } | { readonly error: string }
type Command = readonly string[]

/** Redis over HTTP, as Upstash has it. */
export function upstash(room: TamarRoom, call: Call): Response {
  const { method, headers, path, body } = call
  if (!mayCome(room, headers)) return unauthorized()
  const [what = ''] = path
  if (/^p?subscribe$/.test(what)) return subscribe(room, what, path.slice(1))
  if (method !== 'POST' || path.length > 1 || !/^(|pipeline|multi-exec)$/.test(what)) {
    return answer({ error: `ERR there is no ${method} /${path.join('/')} here` }, 404)
  }
  const encode = headers.get('upstash-encoding') === 'base64'
  const sync = { 'upstash-sync-token': `isomq=${room.counters.commands}` }
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return answer({ error: 'ERR failed to parse the command: it is not JSON' }, 400)
  }
  if (what === '') {
    if (!isCommand(parsed)) return answer({ error: 'ERR failed to parse the command' }, 400)
    const item = run(room, texts(parsed), encode)
    return answer(item, 'error' in item ? 400 : 200, sync)
  }
  if (!(Array.isArray(parsed) && parsed.length > 0 && parsed.every(isCommand))) {
    return answer({ error: 'ERR failed to parse the pipeline' }, 400)
  }
  const commands = parsed.map(texts)
  if (what === 'multi-exec') {
    // What cannot even be queued discards the whole.
    const fault = commands.map((command) => faultOf(room, command)).find((one) => one !== undefined)
    if (fault !== undefined) {
      const error = `EXECABORT Transaction discarded because of previous errors. ${fault}`
      return answer({ error }, 400)
    }
  }
  return answer(
    commands.map((command) => run(room, command, encode)),
    200,
    sync,
  )
}

function mayCome({ credentials, troubles }: TamarRoom, headers: Headers): boolean {
  return headers.get('authorization') === `Bearer ${credentials.redisToken}` && !troubles.refuses('redis')
}

const unauthorized = (): Response =>
  answer({ error: 'WRONGPASS invalid or missing auth token. See https://docs.upstash.com' }, 401)

const isCommand = (value: unknown): value is unknown[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((one) => /^(string|number|boolean)$/.test(typeof one))

const texts = (command: readonly unknown[]): Command => command.map(String)

function faultOf({ redis }: TamarRoom, command: Command): string | undefined {
  try {
    redis.check(command)
  } catch (error) {
    if (error instanceof RedisError) return error.message
    throw error
  }
}

function run(room: TamarRoom, command: Command, encode: boolean): Item {
  const { counters, events } = room
  counters.commands++
  try {
    const result = room.redis.run(command)
    const name = command[0]!.toUpperCase()
    if (name === 'PUBLISH') counters.published++
    if (name === 'INCR') counters.sequences++
    events.emit(() => ({ type: 'redis', command: name, key: command[1] }))
    room.store.touch()
    return { result: encode ? encoded(result) : result }
  } catch (error) {
    if (error instanceof RedisError) return { error: error.message }
    throw error
  }
}

const encoded = (reply: Reply): Reply =>
  typeof reply === 'string' && reply !== 'OK' ? toBase64(new TextEncoder().encode(reply)) : reply

/** A stream of what is published: to a channel, or to all that fit a pattern. */
function subscribe(room: TamarRoom, what: string, path: readonly string[]): Response {
  const name = decoded(path.join('/'))
  if (name === '') return answer({ error: `ERR wrong number of arguments for '${what}' command` }, 400)
  const isPattern = what === 'psubscribe'
  const encoder = new TextEncoder()
  let listener: Listener
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const put = (text: string): void => controller.enqueue(encoder.encode(`data: ${text}\n\n`))
      listener = {
        name,
        isPattern,
        hear(channel, message) {
          const lines = message.replaceAll('\n', '\ndata: ')
          try {
            put(isPattern ? `pmessage,${name},${channel},${lines}` : `message,${channel},${lines}`)
          } catch {
            room.unsubscribe(listener)
          }
        },
      }
      room.subscribers.set(listener, () => controller.close())
      room.redis.listeners.add(listener)
      put(`${what},${name},1`)
    },
    cancel() {
      room.unsubscribe(listener)
    },
  })
  const headers = { ...CORS, 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' }
  return new Response(body, { headers })
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
