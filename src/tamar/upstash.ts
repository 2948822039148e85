/**
 * Redis for Tamar over the REST API of Upstash, or of what speaks it before any other Redis.
 *
 * @module
 */
import { IsomqError } from '../core/errors.ts'
import { excerpt, type Fetch, type HttpAnswer, isSuccess, send, statusError } from '../core/http.ts'
import { parseExact } from '../core/json.ts'
import * as o from '../core/options.ts'
import { isRefused, retryWithin } from '../core/retry.ts'
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
 * since it came too often; not what met a status 503, which a proxy says, too, when it lost the server in the middle.
 * What is asked for in one go, such as the numbers of many messages, goes out in one request.
 *
 * @throws IsomqError `CONFIG` when an option is wrong; the text names it
 */
export function upstashRedis(options: UpstashRedisOptions): TamarRedis {
  const settings = o.parseOptions<Settings>(
    provider,
    {
      ...o.injected(),
      url: o.site(),
      token: o.filled(),
      retries: o.count(2, 0),
      fetch: o.callback(),
    },
    options,
  )
  const { token } = settings
  const url = settings.url.replace(/\/$/, '')
  const how = { ...settings, provider, may: isRefused } as const
  /** What the code at hand asks for goes out in one request, as soon as it has run. */
  let batch: Asked[] | undefined

  /** Limits of the command that is just being asked for. */
  let now: WaitOptions = {}

  function request({ body }: { body?: unknown }): Promise<{ result: unknown }> {
    const limits = now
    return new Promise((resolve, reject) => {
      const one = { body, limits, resolve, reject }
      // One request has one limit, and nobody's signal may end what others wait for.
      if (limits.signal) return void sendAll([one])
      if (batch?.[0]?.limits.timeout !== limits.timeout) batch = undefined
      batch ??= begun()
      batch.push(one)
      if (batch.length >= MOST_ASKED) batch = undefined
    })
  }

  function begun(): Asked[] {
    const asked: Asked[] = []
    Promise.resolve().then(() => {
      if (batch === asked) batch = undefined
      sendAll(asked)
    })
    return asked
  }

  async function sendAll(asked: readonly Asked[]): Promise<void> {
    const [first] = asked as readonly [Asked]
    const isOne = asked.length === 1
    const body = JSON.stringify(isOne ? first.body : asked.map((one) => one.body))
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const post = { url: isOne ? url : `${url}/pipeline`, method: 'POST', headers, body }
    try {
      const answer = await retryWithin(first.limits, how, (signal) =>
        send(how, { ...post, signal }).then(notBusy),
      )
      const said = isOne ? [readable(answer)] : answersOf(answer, asked.length, token)
      for (const [i, one] of asked.entries()) settle(one, () => resultOf(said[i], answer, token))
    } catch (error) {
      for (const { reject } of asked) reject(error as Error)
    }
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

/** Commands that go out in one request. */
const MOST_ASKED = 100

/** A command, and who waits for its answer. */
interface Asked {
  readonly body: unknown
  readonly limits: WaitOptions
  resolve(answer: { result: unknown }): void
  reject(error: Error): void
}

function settle({ resolve, reject }: Asked, judge: () => unknown): void {
  try {
    resolve({ result: judge() })
  } catch (error) {
    reject(error as Error)
  }
}

/** @throws IsomqError `HTTP` for what may be tried again: it came too often */
function notBusy(answer: HttpAnswer): HttpAnswer {
  if (answer.status === 429) throw statusError(provider, answer)
  return answer
}

/** What an answer holds; nothing when it is not JSON, since the reason would quote the text, maybe with the token. */
function readable({ text }: HttpAnswer): unknown {
  try {
    // A counter may have more digits than a number.
    return parseExact(text)
  } catch {
    return undefined
  }
}

/** The answers to several commands, or for each the one that there is to all of them. */
function answersOf(answer: HttpAnswer, count: number, token: string): unknown[] {
  const all = readable(answer)
  if (!Array.isArray(all)) return new Array(count).fill(Object(all).result === undefined ? all : undefined)
  if (all.length === count) return all
  throw strange(answer, token)
}

/** @throws IsomqError `AUTH_REJECTED`, `PROVIDER` with what Redis says, `HTTP`, `PROTOCOL` */
function resultOf(said: unknown, answer: HttpAnswer, token: string): number | string {
  const { status } = answer
  if (status === 401 || status === 403) {
    throw new IsomqError(provider, 'AUTH_REJECTED', 'Redis refused the token; check it')
  }
  const { result, error } = Object(said) as { result?: unknown; error?: unknown }
  if (typeof error === 'string') {
    const text = excerpt(error, [token])
    throw new IsomqError(provider, 'PROVIDER', `Redis answered with "${text}"`, {
      details: { status, error: text },
    })
  }
  if (!isSuccess(answer)) throw statusError(provider, answer, [token])
  if (Number.isInteger(result) || typeof result === 'string') return result as number | string
  throw strange(answer, token)
}

const strange = ({ status, text }: HttpAnswer, token: string): IsomqError =>
  new IsomqError(provider, 'PROTOCOL', 'Redis answered with something else; check the URL', {
    details: { status, body: excerpt(text, [token]) },
  })
