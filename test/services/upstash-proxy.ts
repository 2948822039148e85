import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type Front, openFront, type Received, type Reply } from './front.ts'
import { type RedisPeer, redisModule } from './peers.ts'

export interface UpstashProxy extends Front {
  readonly token: string
}

export interface RedisAt {
  readonly port: number
}

/** A driver of a Redis that comes back when the Redis does, and keeps no command for later. */
export async function redisPeer({ port }: RedisAt): Promise<RedisPeer> {
  const { createClient } = redisModule()
  const client = createClient({
    socket: { host: '127.0.0.1', port, reconnectStrategy: 20 },
    disableOfflineQueue: true,
    RESP: 2,
  })
  // That the server is gone shows where it is asked for something.
  client.on('error', () => {})
  await client.connect()
  return client
}

/** The REST API of Upstash in front of a Redis. Its faults happen to whole requests, which may be pipelines. */
export async function startUpstashProxy(redis: RedisAt, token = 'upstash-secret'): Promise<UpstashProxy> {
  const { RESP_TYPES } = redisModule()
  const client = await redisPeer(redis)
  // Bytes, since a value need not be text; digits, since a counter may have more of them than a number.
  const typeMapping = { [RESP_TYPES.BLOB_STRING]: Buffer, [INTEGER]: String }
  const allowed = ({ headers }: Received): boolean => headers.authorization === `Bearer ${token}`

  const run = async (command: unknown, encoded: boolean): Promise<object> => {
    if (!Array.isArray(command) || command.length === 0) return { error: 'ERR empty command' }
    try {
      const answer = await client.sendCommand(command.map(String), { typeMapping })
      return { result: encode(answer, encoded) }
    } catch (error) {
      return { error: (error as Error).message }
    }
  }

  const answer = async (request: Received): Promise<Reply> => {
    if (!allowed(request)) {
      return { status: 401, body: { error: 'WRONGPASS invalid or missing auth token' } }
    }
    const encoded = request.headers['upstash-encoding'] === 'base64'
    const commands: unknown[] = JSON.parse(request.body)
    if (!client.isReady) return { status: 503, body: { error: 'ERR the database cannot be reached' } }
    if (request.path === '/pipeline') {
      return { status: 200, body: await Promise.all(commands.map((command) => run(command, encoded))) }
    }
    if (request.path !== '/') return { status: 404, body: { error: 'ERR no such path' } }
    const body = await run(commands, encoded)
    return { status: 'error' in body ? 400 : 200, body }
  }

  const front = await openFront({
    answer,
    failure: (text) => ({ error: `ERR ${text}` }),
    stream(request, response) {
      const [, word, name] = /^\/(p?subscribe)\/(.+)$/.exec(request.path) ?? []
      if (name === undefined || !allowed(request)) {
        tell(answer(request), response)
        return true
      }
      const listen = word === 'subscribe' ? subscribe : psubscribe
      listen(redis, decodeURIComponent(name), response).catch(() => response.destroy())
      return true
    },
    async close() {
      client.destroy()
    },
  })
  return { ...front, token }
}

/** What an integer begins with in Redis's protocol. */
const INTEGER = ':'.charCodeAt(0)
/** Stands before the digits of an integer, which JSON has bare. */
const MARK = `${randomUUID()}:`
const DIGITS = new RegExp(`"${MARK}(-?\\d+)"`, 'g')

/** Answers with integers that have all their digits. */
async function tell(reply: Promise<Reply>, response: ServerResponse): Promise<void> {
  const failed = (error: Error): Reply => ({ status: 500, body: { error: `ERR ${error.message}` } })
  const { status, body } = await reply.catch(failed)
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body).replaceAll(DIGITS, '$1'))
}

/** Strings are in base64 then, except `OK`. */
function encode(answer: unknown, encoded: boolean): unknown {
  if (Array.isArray(answer)) return answer.map((item) => encode(item, encoded))
  if (typeof answer === 'string' && /^-?\d+$/.test(answer)) return MARK + answer
  if (!Buffer.isBuffer(answer)) return answer
  return answer.toString(encoded ? 'base64' : 'utf8')
}

async function subscribe(redis: RedisAt, channel: string, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const client = await redisPeer(redis)
  response.once('close', () => client.destroy())
  await client.subscribe(
    channel,
    (message) => response.write(`data: message,${channel},${message}\n\n`),
    true,
  )
  response.write(`data: subscribe,${channel},1\n\n`)
}

async function psubscribe(redis: RedisAt, pattern: string, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const client = await redisPeer(redis)
  response.once('close', () => client.destroy())
  await client.pSubscribe(
    pattern,
    (message, channel) => response.write(`data: pmessage,${pattern},${channel},${message}\n\n`),
    true,
  )
  response.write(`data: psubscribe,${pattern},1\n\n`)
}
