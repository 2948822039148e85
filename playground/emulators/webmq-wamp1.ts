import type { ServerSocket } from '../cloudflare.ts'
import type { Publication, Subscription } from './webmq-broker.ts'
import { ChallengeResponse } from './webmq-cra.ts'
import { noSuchProcedure } from './webmq-dealer.ts'
import { legacyUri, payload, randomText, single, WampError } from './webmq-payload.ts'
import type { WebmqRoom } from './webmq-room.ts'
import { type Message, Violation, WampSession } from './webmq-session.ts'
import { ANONYMOUS, IDENT } from './webmq-settings.ts'

/** A session of version 1. */
export class Wamp1Session extends WampSession {
  readonly version = 1
  readonly id: string = randomText()
  readonly #prefixes = new Map<string, string>()
  readonly #signIn: ChallengeResponse
  #greeted = false

  constructor(room: WebmqRoom, socket: ServerSocket, wired: boolean) {
    super(room, socket, wired)
    if (room.settings.anonymous) this.authid = this.role = ANONYMOUS
    this.#signIn = new ChallengeResponse(room, this)
    this.tell('connected')
    this.greet()
  }

  override greet(): void {
    if (this.#greeted || this.room.faults.muted) return
    this.#greeted = true
    this.write([0, this.id, 1, IDENT])
  }

  protected override get joined(): boolean {
    return true
  }

  protected override carryOut([type, ...rest]: Message): void | Promise<void> {
    switch (type) {
      case 1:
        return this.#prefix(...texts('PREFIX', rest, 2))
      case 2: {
        const [id, uri] = texts('CALL', rest.slice(0, 2), 2)
        return this.#call(id, this.#resolve(uri), rest.slice(2))
      }
      case 5:
        return this.#subscribe(this.#resolve(...texts('SUBSCRIBE', rest, 1)))
      case 6:
        return this.#unsubscribe(this.#resolve(...texts('UNSUBSCRIBE', rest, 1)))
      case 7:
        return this.#publish(rest)
    }
    throw new Violation(`a client sends no message of type ${type}`)
  }

  protected override violated(reason: string): void {
    this.close(1002, reason.slice(0, 120))
  }

  #prefix(prefix: string, uri: string): void {
    this.#prefixes.set(prefix, uri)
    this.room.counters.prefixes++
    this.tell('prefix', () => ({ prefix, uri }))
  }

  /** What a CURIE stands for; with a prefix that is not declared it stands for itself. */
  #resolve(uri: string): string {
    const colon = uri.indexOf(':')
    const prefix = colon < 0 ? undefined : this.#prefixes.get(uri.slice(0, colon))
    return prefix === undefined ? uri : prefix + uri.slice(colon + 1)
  }

  /** The shortest that the client has prefixes for. */
  #shrink(uri: string, what: 'errors' | 'always'): string {
    const { curies } = this.room.settings
    if (curies !== 'always' && curies !== what) return uri
    let short = uri
    for (const [prefix, begin] of this.#prefixes) {
      const curie = `${prefix}:${uri.slice(begin.length)}`
      if (uri.startsWith(begin) && curie.length < short.length) short = curie
    }
    return short
  }

  #call(id: string, uri: string, args: readonly unknown[]): void | Promise<void> {
    const step = this.#signIn.step(uri, args)
    if (step !== undefined) return step.then(...this.#settle(id))
    const call = this.allowed('call', uri)
      ? this.start(id, uri, payload(args), {}).then(single)
      : Promise.reject(noSuchProcedure(uri))
    void call.then(...this.#settle(id))
  }

  #settle(id: string): [done: (result: unknown) => void, failed: (error: unknown) => void] {
    return [
      (result) => this.answer([3, id, result]),
      (error) => {
        if (!(error instanceof WampError)) throw error
        const details = Object.keys(error.kwargs).length > 0 ? [error.kwargs] : []
        const uri = this.#shrink(legacyUri(error.uri), 'errors')
        this.answer([4, id, uri, error.message, ...details])
      },
    ]
  }

  #find(topic: string): Subscription | undefined {
    return [...this.subscriptions.values()].find((subscription) => subscription.topic === topic)
  }

  #subscribe(topic: string): void {
    if (this.allowed('sub', topic)) this.join(topic, 'exact')
  }

  #unsubscribe(topic: string): void {
    const subscription = this.#find(topic)
    if (subscription !== undefined) this.leave(subscription)
  }

  #publish([uri, event, who, eligible, ...more]: readonly unknown[]): void {
    const fits =
      typeof uri === 'string' &&
      event !== undefined &&
      more.length === 0 &&
      (who === undefined || typeof who === 'boolean' || isIds(who)) &&
      (eligible === undefined || (isIds(who) && isIds(eligible)))
    if (!fits)
      throw new Violation('PUBLISH has a topic, an event, excludeMe or a list, and perhaps another list')
    const topic = this.#resolve(uri)
    if (!this.allowed('pub', topic)) return
    const lists = isIds(who) ? { exclude: who, ...(isIds(eligible) && { eligible }) } : {}
    this.room.publish({
      topic,
      payload: payload([event]),
      options: lists,
      from: this.id,
      publisher: this,
      toPublisher: who === false || isIds(who),
    })
  }

  protected override eventText({ topic, payload }: Publication): string {
    return JSON.stringify([8, this.#shrink(topic, 'always'), single(payload)])
  }
}

const isIds = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((id) => typeof id === 'string')

function texts(name: string, values: readonly unknown[], count: 1): [string]
function texts(name: string, values: readonly unknown[], count: 2): [string, string]
function texts(name: string, values: readonly unknown[], count: number): string[] {
  if (values.length === count && values.every((value) => typeof value === 'string')) return values as string[]
  throw new Violation(`${name} begins with ${count === 1 ? 'one text' : 'two texts'}`)
}
