import { IsomqError, type TamarClient, type TamarStats } from 'isomq/tamar'
import { type Env, isUpgrade, json, type ObjectState } from './cloudflare.ts'
import { EventHub } from './emulators/events.ts'
import { ConfigError } from './emulators/tamar-real-settings.ts'
import { createSender, NONE, type Sender } from './tamar-sender.ts'
import { serversOf, siteOf, type Via } from './tamar-sites.ts'

/** What a page wants to be sent. */
export interface SendWish {
  readonly kind: 'realtime' | 'reliable' | 'command'
  readonly via: Via
  readonly user: string
  /** Payloads, or the data of commands; {@link MOST} at most. */
  readonly payloads: readonly unknown[]
  /** Of commands. */
  readonly type?: string | undefined
  /** Of commands, in milliseconds. */
  readonly timeout?: number | undefined
  /** Whether the answers are waited for; they come by the events. */
  readonly wait?: boolean | undefined
}

export interface Problem {
  readonly code: string
  readonly message: string
  /** The cause. */
  readonly why?: string | undefined
  /** Of the row that the failure left behind. */
  readonly messageId?: string | undefined
  readonly row?: boolean | 'unknown' | undefined
}

export interface SendAnswer {
  /** So many were sent; a problem ended it. */
  readonly sent: number
  readonly problem?: Problem | undefined
}

export interface DispatchAnswer {
  readonly problem?: Problem | undefined
}

/** What the table says of a message, as the client reads it. */
export interface ResultAnswer {
  readonly status?: string | undefined
  readonly response?: unknown
  readonly problem?: Problem | undefined
}

export interface SenderStats {
  /** Of the socket to RabbitMQ. */
  readonly state: string
  readonly client: TamarStats
}

const MOST = 100
const KINDS: ReadonlySet<unknown> = new Set(['realtime', 'reliable', 'command'])
/** What is not acknowledged shall come again while somebody looks. */
const RETRY_INTERVAL = 5000

/**
 * The backend of an application, as a user of isomq would write one: `POST /tamar-demo/ROOM/send`, `dispatch`,
 * `result`. In the room "real" it sends to the servers that the environment names. It is an object of its own, since
 * the socket to RabbitMQ, and with it the queue for answers, would end with the request otherwise.
 */
export class TamarDemo {
  readonly #env: Env
  readonly #events = new EventHub()
  #sender: Sender | undefined

  constructor(_: ObjectState, env: Env) {
    this.#env = env
  }

  async fetch(request: Request): Promise<Response> {
    const { origin, pathname } = new URL(request.url)
    const [, , room = '', action = ''] = pathname.split('/')
    if (action === 'events' && isUpgrade(request)) {
      return this.#events.watch({ type: 'hello', state: this.#stats().state })
    }
    if (action === 'stats') return json(this.#stats())
    if (action === 'servers') return json(serversOf(room, this.#env))
    if (request.method !== 'POST') return json({ error: 'This takes POST.' }, 405)
    const wish = await request.json().catch(() => undefined)
    if (action === 'stop') return json(await this.#stop())
    try {
      this.#sender ??= createSender(siteOf(origin, room, this.#env), (build) => this.#events.emit(build))
    } catch (thrown) {
      return json({ sent: 0, problem: problemOf(thrown) })
    }
    switch (action) {
      case 'send':
        if (isWish(wish)) return json(await this.#send(this.#sender, wish))
        return json({ error: `ask by JSON: kind, via, user, payloads (${MOST} at most)` }, 400)
      case 'dispatch':
        return json(await this.#dispatch(this.#sender, idOf(wish)))
      case 'result':
        return json(await this.#result(this.#sender, idOf(wish)))
    }
    return json({ error: 'There are here: send, dispatch, result, stop, stats, servers, events.' }, 404)
  }

  #stats(): SenderStats {
    return this.#sender?.stats() ?? { state: 'idle', client: NONE }
  }

  async #send(sender: Sender, wish: SendWish): Promise<SendAnswer> {
    const { kind, via, user, payloads, type = '', timeout, wait } = wish
    let client: TamarClient
    try {
      client = sender.client(via)
    } catch (thrown) {
      return { sent: 0, problem: problemOf(thrown) }
    }
    const command = { type, timeout, retryInterval: RETRY_INTERVAL }
    const send = (payload: unknown): Promise<unknown> => {
      if (kind === 'realtime') return client.sendRealtime(user, payload)
      if (kind === 'reliable') return client.sendReliable(user, payload)
      return client.sendCommand(user, { ...command, data: payload, wait: false })
    }
    if (kind === 'command' && wait) {
      // Nothing that is asked for here lasts as long as an answer may take.
      for (const data of payloads) this.#await(wish, client.sendCommand(user, { ...command, data }))
      return { sent: payloads.length }
    }
    let sent = 0
    try {
      // One after the other, so that they get their numbers in this order.
      for (const payload of payloads) {
        await send(payload)
        sent++
      }
      return { sent }
    } catch (thrown) {
      return { sent, problem: problemOf(thrown) }
    }
  }

  /** Tells by an event how a command ended. */
  #await({ user, timeout }: SendWish, answer: Promise<unknown>): void {
    const startedAt = Date.now()
    const took = () => Date.now() - startedAt
    answer.then(
      (response) => this.#events.emit(() => ({ type: 'answered', user, response, took: took() })),
      (thrown) =>
        this.#events.emit(() => ({
          type: 'unanswered',
          user,
          timeout,
          problem: problemOf(thrown),
          took: took(),
        })),
    )
  }

  async #dispatch(sender: Sender, id: string): Promise<DispatchAnswer> {
    try {
      await sender.client().dispatch(id)
      return {}
    } catch (thrown) {
      return { problem: problemOf(thrown) }
    }
  }

  async #result(sender: Sender, id: string): Promise<ResultAnswer> {
    try {
      return (await sender.client().result(id)) ?? {}
    } catch (thrown) {
      return { problem: problemOf(thrown) }
    }
  }

  async #stop(): Promise<object> {
    const sender = this.#sender
    this.#sender = undefined
    await sender?.close()
    return { ok: true }
  }
}

function isWish(wish: unknown): wish is SendWish {
  const { kind, via, user, payloads } = (wish ?? {}) as Partial<SendWish>
  if (!KINDS.has(kind) || !(via === 'stomp' || via === 'http') || typeof user !== 'string') return false
  return Array.isArray(payloads) && payloads.length <= MOST
}

const idOf = (wish: unknown): string => String((wish as { id?: unknown } | undefined)?.id ?? '')

function problemOf(thrown: unknown): Problem {
  if (thrown instanceof ConfigError) return { code: 'CONFIG', message: thrown.message }
  if (!(thrown instanceof IsomqError)) return { code: 'ERROR', message: String(thrown) }
  const { code, message, cause, details } = thrown
  const { messageId, row } = details as Pick<Problem, 'messageId' | 'row'>
  // Which of the three services failed stands in the text; why, in the cause.
  const why = cause instanceof Error ? cause.message : undefined
  return { code, message, why, messageId, row }
}
