import { createTmcClient, type TmcClient, type TmcMessage } from 'isomq/tmc'
import { type Env, isUpgrade, json, type ObjectState } from './cloudflare.ts'
import { EventHub } from './emulators/events.ts'
import { DEFAULT_APP } from './emulators/tmc-settings.ts'
import { told } from './told.ts'

/** A subscription; kept in storage, so that the alarm can bring it back after a restart. */
interface Subscription {
  readonly room: string
  readonly url: string
  readonly appKey: string
  readonly appSecret: string
  readonly groupName: string
}

/** What goes through the queue. */
export interface Queued {
  readonly room: string
  readonly id: string
  readonly topic: string
  readonly content: string
}

export const isQueued = (body: unknown): body is Queued =>
  typeof body === 'object' && body !== null && 'room' in body && 'id' in body

const WATCHDOG_MS = 25_000

/**
 * How to consume TMC on Cloudflare for good: one object per subscription holds the outbound socket, an alarm
 * looks after it, each message goes to a queue and is confirmed when the queue has taken it.
 */
export class TmcConsumer {
  readonly #state: ObjectState
  readonly #env: Env
  readonly #events = new EventHub()
  #client: TmcClient | undefined
  #failures = 0
  #counters = { received: 0, queued: 0, failed: 0, arrived: 0 }

  constructor(state: ObjectState, env: Env) {
    this.#state = state
    this.#env = env
  }

  async fetch(request: Request): Promise<Response> {
    const [, , , room = '', action = ''] = new URL(request.url).pathname.split('/')
    if (action === 'events' && isUpgrade(request))
      return this.#events.watch({ type: 'hello', ...this.#stats() })
    if (action === 'stats') return json(this.#stats())
    if (request.method !== 'POST') return json({ error: 'POST start, stop or failNext; GET stats' }, 405)
    switch (action) {
      case 'start':
        return this.#start(request, room)
      case 'stop':
        return this.#stop()
      case 'failNext':
        this.#failures++
        return json({ ok: true, failures: this.#failures })
      case 'queued':
        return this.#arrived((await request.json()) as Queued)
    }
    return json({ error: 'not found' }, 404)
  }

  /**
   * The watchdog: outbound sockets do not keep an object in memory, a coming alarm brings it back. It opens a
   * client that was refused again, too: a subscription ends by `stop` alone.
   */
  async alarm(): Promise<void> {
    const subscription = await this.#state.storage.get<Subscription>('subscription')
    if (subscription === undefined) return
    await this.#state.storage.setAlarm(Date.now() + WATCHDOG_MS)
    this.#open(subscription)
  }

  async #start(request: Request, room: string): Promise<Response> {
    const text = await request.text()
    const origin = new URL(request.url).origin.replace(/^http/, 'ws')
    const subscription: Subscription = {
      url: `${origin}/tmc/${room}/`,
      appKey: DEFAULT_APP.key,
      appSecret: DEFAULT_APP.secret,
      groupName: DEFAULT_APP.group,
      ...(text === '' ? {} : (JSON.parse(text) as Partial<Subscription>)),
      room,
    }
    await this.#state.storage.put('subscription', subscription)
    await this.#state.storage.setAlarm(Date.now() + WATCHDOG_MS)
    this.#open(subscription)
    return json({ ok: true, ...this.#stats() })
  }

  async #stop(): Promise<Response> {
    await this.#state.storage.delete('subscription')
    await this.#state.storage.deleteAlarm()
    const client = this.#client
    this.#client = undefined
    await client?.close()
    return json({ ok: true, ...this.#stats() })
  }

  #open(subscription: Subscription): void {
    if (this.#client !== undefined && this.#client.state !== 'closed') return
    const { url, appKey, appSecret, groupName, room } = subscription
    const client = createTmcClient({ url, appKey, appSecret, groupName, sdk: 'worker' })
    this.#client = client
    client.on('state', ({ from, to, reason }) =>
      this.#events.emit(() => ({ type: 'state', from, to, reason: told(reason) })),
    )
    client.on('error', ({ message }) => this.#events.emit(() => ({ type: 'error', message })))
    client.on('message', (message) => this.#handle(message, room))
    // It goes on trying by itself; what stops it is reported as an error.
    client.connect().catch(({ message }: Error) => this.#events.emit(() => ({ type: 'error', message })))
  }

  async #handle({ id, topic, content }: TmcMessage, room: string): Promise<void> {
    this.#counters.received++
    this.#events.emit(() => ({ type: 'received', id, topic, content }))
    if (this.#failures > 0) {
      this.#failures--
      this.#counters.failed++
      this.#events.emit(() => ({ type: 'failed', id }))
      throw new Error('failed on request')
    }
    const queued: Queued = { room, id, topic, content }
    await this.#env.ORDERS.send(queued)
    this.#counters.queued++
    this.#events.emit(() => ({ type: 'queued', id }))
  }

  #arrived({ id }: Queued): Response {
    this.#counters.arrived++
    this.#events.emit(() => ({ type: 'arrived', id }))
    return json({ ok: true })
  }

  #stats() {
    return { state: this.#client?.state ?? 'idle', ...this.#counters, client: this.#client?.stats() }
  }
}
