/**
 * Redis for Tamar over the REST API of Upstash, or of what speaks it before any other Redis.
 *
 * @module
 */
import { IsomqError } from '../core/errors.ts'
import {
  excerpt,
  type Fetch,
  type HttpAnswer,
  type HttpRequest,
  isSuccess,
  send,
  statusError,
} from '../core/http.ts'
import { parseExact } from '../core/json.ts'
import * as o from '../core/options.ts'
import { isRefused, retryWithin } from '../core/retry.ts'
import { type WaitOptions, wait } from '../core/wait.ts'
import { notInstalled } from './missing.ts'
import type { TamarRedis } from './ports.ts'
import { tellRetries } from './telling.ts'
import { provider, wrong } from './wrong.ts'

export type { TamarRedis } from './ports.ts'

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
  const { clock, token } = settings
  if (!/^[ -~]+$/.test(token)) {
    const text = 'the option "token" must be a text of printable ASCII; a line break or accent fits no header'
    throw wrong(text, undefined, { option: 'token' })
  }
  const url = settings.url.replace(/\/$/, '')
  const how = { ...settings, provider, may: isRefused, retrying: tellRetries(settings, 'redis') } as const
  /** What the code at hand asks for goes out in one request, as soon as it has run. */
  let batch: Batch | undefined

  /** Limits of the command that is just being asked for. */
  let now: WaitOptions = {}

  function request({ body }: { body?: unknown }): Promise<{ result: unknown }> {
    return wait(now, { provider, clock, what: 'answer' }, (resolve, reject) => {
      batch ??= begun()
      const joined = batch
      const { asked, over } = joined
      const one: Asked = { text: JSON.stringify(body), resolve, reject }
      asked.add(one)
      joined.size += one.text.length
      if (asked.size >= MOST_ASKED || joined.size >= MOST_SIZE) batch = undefined
      return () => {
        asked.delete(one)
        if (asked.size > 0) return
        // Nobody waits for it any more, and who comes now needs another.
        if (batch === joined) batch = undefined
        over.abort()
      }
    })
  }

  function begun(): Batch {
    const made: Batch = { asked: new Set(), size: 0, over: new AbortController() }
    Promise.resolve().then(() => {
      if (batch === made) batch = undefined
      sendAll(made)
    })
    return made
  }

  async function sendAll({ asked, over: { signal } }: Batch): Promise<void> {
    let sent: readonly Asked[] = []
    try {
      const answer = await retryWithin({ signal }, how, (signal) => {
        // Who has left meanwhile wants it no more.
        sent = [...asked]
        return send(how, { ...postOf(sent), signal }).then((answer) => notBusy(answer, token))
      })
      const said = sent.length === 1 ? [readable(answer)] : answersOf(answer, sent.length, token)
      for (const [i, one] of sent.entries()) settle(one, () => resultOf(said[i], answer, token))
    } catch (error) {
      for (const { reject } of asked) reject(error as Error)
    }
  }

  function postOf(sent: readonly Asked[]): HttpRequest {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const texts = sent.map(({ text }) => text).join()
    return sent.length === 1
      ? { url, method: 'POST', headers, body: texts }
      : { url: `${url}/pipeline`, method: 'POST', headers, body: `[${texts}]` }
  }

  let redis: Redis | undefined
  /** One for all who wait for it, so that what is asked for in one go stays together. */
  let opening: Promise<Redis> | undefined

  /** Loaded when it is needed: bundlers leave out what is not installed, as long as the import stands in a try. */
  async function open(): Promise<Redis> {
    try {
      const { Redis } = await import('@upstash/redis')
      redis = new Redis({ request } as ConstructorParameters<typeof Redis>[0])
      return redis
    } catch (cause) {
      opening = undefined
      throw notInstalled('@upstash/redis', cause)
    }
  }

  async function run<T>(limits: WaitOptions, command: (redis: Redis) => Promise<T>): Promise<T> {
    opening ??= open()
    const client = redis ?? (await opening)
    // A command reaches `request` within the same turn.
    now = limits
    return command(client)
  }

  return {
    publish: (channel, message, limits) => run(limits, (client) => client.publish(channel, message)),
    incr: (key, limits) => run(limits, (client) => client.incr(key)),
  }
}

/** Commands that go out in one request, and the characters that they may have before another is begun. */
const MOST_ASKED = 100
const MOST_SIZE = 100_000

/** A command as JSON, and who waits for its answer. */
interface Asked {
  readonly text: string
  resolve(answer: { result: unknown }): void
  reject(error: Error): void
}

/** Commands that go out in one request, as long as somebody waits for them. */
interface Batch {
  readonly asked: Set<Asked>
  size: number
  readonly over: AbortController
}

function settle({ resolve, reject }: Asked, judge: () => unknown): void {
  try {
    resolve({ result: judge() })
  } catch (error) {
    reject(error as Error)
  }
}

/** @throws IsomqError `HTTP` for what may be tried again: it came too often */
function notBusy(answer: HttpAnswer, token: string): HttpAnswer {
  if (answer.status === 429) throw statusError(provider, answer, [token])
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
function resultOf(said: unknown, answer: HttpAnswer, token: string): number | bigint | string {
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
  // The library would make a number of a text that looks like one, and a bigint it leaves alone.
  if (/^\d{16,}$/.test(String(result))) return BigInt(String(result))
  if (Number.isInteger(result) || typeof result === 'string') return result as number | string
  throw strange(answer, token)
}

const strange = ({ status, text }: HttpAnswer, token: string): IsomqError =>
  new IsomqError(provider, 'PROTOCOL', 'Redis answered with something else; check the URL', {
    details: { status, body: excerpt(text, [token]) },
  })
