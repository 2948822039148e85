import WebSocket from 'ws'
import { type Playground, startPlayground } from '../../playground/host.mjs'
import type { SendAnswer, SendWish } from '../../playground/tamar-demo.ts'
import { Inbox } from '../support/inbox.ts'
import { UserPeer } from '../support/tamar.ts'
import { GUEST } from './rabbitmq.ts'
import type { World } from './world.ts'

export type Variables = Readonly<Record<string, string>>
export type Fields = Readonly<Record<string, unknown>>

/** What names the servers of this run, RabbitMQ by Web STOMP. */
export const variablesOf = ({ redis, store, relays }: World, others: Variables = {}): Variables => ({
  MSG_REDIS_URL: redis.url,
  MSG_REDIS_TOKEN: redis.token,
  MSG_MYSQL_URL: store.url,
  MSG_MYSQL_USER: store.username,
  MSG_MYSQL_PASSWORD: store.password,
  MSG_RABBITMQ_URL: `ws://127.0.0.1:${relays.stomp.port}/ws`,
  MSG_RABBITMQ_USERNAME: GUEST.username,
  MSG_RABBITMQ_PASSWORD: GUEST.password,
  ...others,
})

/** A room of a playground of its own, as its page sees it: gateway, users, and the Worker that sends. */
export class PageRoom {
  readonly #playground: Playground
  readonly #name: string
  readonly #users = new Set<UserPeer>()

  private constructor(playground: Playground, name: string) {
    this.#playground = playground
    this.#name = name
  }

  static async open(env: Variables, name = 'real'): Promise<PageRoom> {
    return new PageRoom(await startPlayground({ env }), name)
  }

  /** Another room of the same playground. */
  beside(name: string): PageRoom {
    return new PageRoom(this.#playground, name)
  }

  /** Asks the gateway's control API. */
  async control(op: string, args: object = {}): Promise<Fields> {
    return (await this.#ask(`tamar/${this.#name}/control`, { op, ...args }))[1]
  }

  /** The same with the status. */
  controlled(op: string, args: object = {}): Promise<readonly [status: number, answer: Fields]> {
    return this.#ask(`tamar/${this.#name}/control`, { op, ...args })
  }

  /** Asks the Worker that sends. */
  async demo<T = Fields>(action: string, body?: object): Promise<T> {
    return (await this.#ask(`tamar-demo/${this.#name}/${action}`, body))[1] as T
  }

  send(wish: Partial<SendWish> & Pick<SendWish, 'kind' | 'user'>): Promise<SendAnswer> {
    return this.demo<SendAnswer>('send', { via: 'stomp', payloads: [1], ...wish })
  }

  async #ask(path: string, body?: object): Promise<readonly [number, Fields]> {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const response = await fetch(`${this.#playground.url}/${path}`, init)
    return [response.status, (await response.json()) as Fields]
  }

  /** What the Worker that sends tells, event by event. */
  async events(): Promise<Inbox<Fields>> {
    const events = new Inbox<Fields>()
    const socket = new WebSocket(this.#socketUrl(`tamar-demo/${this.#name}/events`))
    socket.on('message', (data: Buffer) => {
      for (const event of JSON.parse(data.toString())) events.push(event)
    })
    await new Promise((resolve) => socket.once('open', resolve))
    return events
  }

  async user(id: string): Promise<UserPeer> {
    const peer = new UserPeer(this.#socketUrl(`tamar/${this.#name}/user?id=${encodeURIComponent(id)}`))
    this.#users.add(peer)
    await peer.opened
    return peer
  }

  #socketUrl(path: string): string {
    return `${this.#playground.url.replace('http', 'ws')}/${path}`
  }

  /** Takes all users offline. */
  leave(): void {
    for (const peer of this.#users) peer.close()
    this.#users.clear()
  }

  async close(): Promise<void> {
    this.leave()
    await this.#playground.stop()
  }
}
