/**
 * Redis for Tamar over the REST API of Upstash, or of what speaks it before any other Redis.
 *
 * @module
 */
import { IsomqError } from '../core/errors.ts'
import { excerpt, type Fetch, type HttpAnswer, isSuccess, send, statusError } from '../core/http.ts'
import { parseExact } from '../core/json.ts'
import * as o from '../core/options.ts'
import { isUntaken, retryWithin } from '../core/retry.ts'
import type { WaitOptions } from '../core/wait.ts'
import { notInstalled } from './missing.ts'
import type { TamarRedis } from './ports.ts'
import { provider } from './wrong.ts'

/** Options of `upstashRedis`. */
export interface UpstashRedisOptions extends o.Injected {
  /** URL of the REST API. */
  url: string
  /** Its token. */
  token: string
  /** How often a command is tried again that Redis has certainly not taken. Default 2. */
  retries?: number | undefined
  /** Default: the runtime's, looked up at every call. */
  fetch?: Fetch | undefined
}

type Settings = Required<Omit<UpstashRedisOptions, 'fetch' | 'logger'>> &
  Pick<UpstashRedisOptions, 'fetch' | 'logger'>

type Redis = InstanceType<typeof import('@upstash/redis').Redis>

/**
 * PUBLISH and INCR by `@upstash/redis`, which has to be installed. Its own retries are not used: they repeat what may
 * have been done, and a user would see a message twice. Tried again is only what could not be sent, or was refused
 * since the server is busy.
 *
 * @throws IsomqError `CONFIG` when an option is wrong; the text names it
 */
export function upstashRedis(options: UpstashRedisOptions): TamarRedis {
  const settings = o.parseOptions<Settings>(
    provider,
    {
      ...o.injected(),
      url: o.url('http'),
      token: o.filled(),
      retries: o.count(2, 0),
      fetch: o.callback(),
    },
    options,
  )
  const { token } = settings
  const url = settings.url.replace(/\/$/, '')
  const how = { ...settings, provider, may: isUntaken } as const
  /** Limits of the command that is just being sent. */
  let now: WaitOptions = {}

  async function request({ body }: { body?: unknown }): Promise<{ result: unknown }> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const post = { url, method: 'POST', headers, body: JSON.stringify(body) }
    const answer = await retryWithin(now, how, (signal) => send(how, { ...post, signal }).then(notBusy))
    return { result: resultOf(answer, token) }
  }

  let redis: Redis | undefined

  /** Loaded when it is needed: bundlers leave out what is not installed, as long as the import stands in a try. */
  async function open(): Promise<Redis> {
    try {
      const { Redis } = await import('@upstash/redis')
      redis ??= new Redis({ request } as ConstructorParameters<typeof Redis>[0])
      return redis
    } catch (cause) {
      throw notInstalled('@upstash/redis', cause)
    }
  }

  async function run<T>(limits: WaitOptions, command: (redis: Redis) => Promise<T>): Promise<T> {
    const client = redis ?? (await open())
    // A command reaches `request` within the same turn.
    now = limits
    return command(client)
  }

  return {
    publish: (channel, message, limits) => run(limits, (client) => client.publish(channel, message)),
    incr: (key, limits) => run(limits, (client) => client.incr(key)),
  }
}

/** @throws IsomqError `HTTP` for what may be tried again: the server was busy */
function notBusy(answer: HttpAnswer): HttpAnswer {
  if (answer.status === 429 || answer.status === 503) throw statusError(provider, answer)
  return answer
}

/** @throws IsomqError `AUTH_REJECTED`, `PROVIDER` with what Redis says, `HTTP`, `PROTOCOL` */
function resultOf(answer: HttpAnswer, token: string): number | string {
  const { status, text } = answer
  if (status === 401 || status === 403) {
    throw new IsomqError(provider, 'AUTH_REJECTED', 'Redis refused the token; check it')
  }
  let fields: { result?: unknown; error?: unknown } = {}
  try {
    // A counter may have more digits than a number.
    fields = Object(parseExact(text))
  } catch {
    // Not JSON, or only the beginning of it. The reason would quote the text, and that may be the token.
  }
  const { result, error } = fields
  if (typeof error === 'string') {
    const said = excerpt(error, [token])
    throw new IsomqError(provider, 'PROVIDER', `Redis answered with "${said}"`, {
      details: { status, error: said },
    })
  }
  if (!isSuccess(answer)) throw statusError(provider, answer, [token])
  if (Number.isInteger(result) || typeof result === 'string') return result as number | string
  throw new IsomqError(provider, 'PROTOCOL', 'Redis answered with something else; check the URL', {
    details: { status, body: excerpt(text, [token]) },
  })
}
