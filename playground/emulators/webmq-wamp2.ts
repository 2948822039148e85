import type { ServerSocket } from '../cloudflare.ts'
import type { Ending } from './faults.ts'
import {
  eventDetails,
  invalidUri,
  isUri,
  MATCHES,
  optionFault,
  type Publication,
  type Subscription,
} from './webmq-broker.ts'
import { Invocations } from './webmq-callee.ts'
import { authenticate, hello, ROLES, type Step } from './webmq-login.ts'
import {
  type Dict,
  forbidden,
  invalid,
  type List,
  type Payload,
  payload,
  randomId,
  tail,
  WampError,
} from './webmq-payload.ts'
import type { WebmqRoom } from './webmq-room.ts'
import { type Message, Violation, WampSession } from './webmq-session.ts'
import { IDENT } from './webmq-settings.ts'
import { check } from './webmq-wamp2-messages.ts'

const ERROR = 8
const CALL = 48
/** Requests that have an id of the client's. */
const REQUESTS = [16, 32, 34, CALL, 64, 66]

/** A session of version 2, with JSON. */
export class Wamp2Session extends WampSession {
  readonly version = 2
  readonly id: number = randomId()
  #realm = ''
  #state: 'new' | 'challenged' | 'joined' | 'leaving' = 'new'
  #challenge: (Step & { readonly is: 'challenge' }) | undefined
  #lastRequest = 0
  readonly #invocations: Invocations

  constructor(room: WebmqRoom, socket: ServerSocket, wired: boolean) {
    super(room, socket, wired)
    this.#invocations = new Invocations(room.dealer, this)
    this.tell('connected')
  }

  /** The first word is the client's. */
  override greet(): void {}

  protected override get joined(): boolean {
    return this.#state === 'joined'
  }

  protected override carryOut(message: Message): void | Promise<void> {
    check(message)
    const [type, ...rest] = message
    if (type === 3) return this.close(1000, 'ABORT')
    if (type === 6) return this.#goodbye(rest as [Dict, string])
    if (type === 1 && this.#state === 'new') return this.#hello(rest as [string, Dict])
    if (type === 5 && this.#state === 'challenged') return this.#authenticate(rest as [string, Dict])
    if (this.#state === 'leaving') return
    if (type === 1 || type === 5 || this.#state !== 'joined') {
      throw new Violation(`a message of type ${type} while the session is ${this.#state}`)
    }
    if (REQUESTS.includes(type)) this.#count(rest[0] as number)
    if (this.#invocations.take(message)) return
    this.#request(message)
  }

  #count(request: number): void {
    const expected = ++this.#lastRequest
    this.#lastRequest = request
    if (request === expected) return
    this.room.counters.oddIds++
    if (this.room.settings.strictIds) throw new Violation(`the request id is ${request}, not ${expected}`)
  }

  #hello([realm, details]: [string, Dict]): Promise<void> {
    const { roles } = details
    if (typeof roles !== 'object' || roles === null || Object.keys(roles).length === 0) {
      throw new Violation('HELLO must name the roles of the client')
    }
    this.#realm = realm
    return hello(this.room, this.id, realm, details).then((step) => this.#step(step))
  }

  #authenticate([signature]: [string, Dict]): void {
    this.#step(authenticate(this.room, this.#challenge!, signature))
  }

  #step(step: Step): void {
    if (this.over) return
    if (step.is === 'challenge') {
      this.#state = 'challenged'
      this.#challenge = step
      this.tell('challenged', () => ({ authid: step.authid }))
      this.write([4, step.method, step.extra])
    } else if (step.is === 'welcome') {
      this.#state = 'joined'
      this.signedIn(step.authid, step.method, step.user)
      this.write([2, this.id, this.#welcome])
    } else {
      this.refused(step.uri, step.message)
      this.#abort(step.uri, step.message, 1000)
    }
  }

  get #welcome(): Dict {
    const { authid, role, method } = this
    const who = { authid, authrole: role, authmethod: method, authprovider: 'static' }
    return { realm: this.#realm, ...who, agent: IDENT, roles: ROLES }
  }

  #abort(uri: string, message: string, code: number): void {
    this.write([3, { message }, uri])
    this.close(code, uri)
  }

  protected override violated(reason: string): void {
    this.#abort('wamp.error.protocol_violation', reason, 1002)
  }

  /** Says goodbye first; the answer ends the connection. */
  bid(reason: string, message: string): void {
    if (this.#state !== 'joined') return
    this.#state = 'leaving'
    this.write([6, message === '' ? {} : { message }, reason])
  }

  #goodbye([, reason]: [Dict, string]): void {
    this.tell('goodbye', () => ({ reason }))
    if (this.room.faults.noGoodbye) return
    if (this.#state !== 'leaving') this.write([6, {}, 'wamp.close.goodbye_and_out'])
    this.close(1000, reason)
  }

  #request([type, id, ...rest]: Message): void {
    try {
      if (type === 16) this.#publish(id as number, rest as [Dict, string, List?, Dict?])
      else if (type === 32) this.#subscribe(id, rest as [Dict, string])
      else if (type === 34) this.#unsubscribe(id, rest[0] as number)
      else if (type === CALL) this.#call(id, rest as [Dict, string, List?, Dict?])
      else if (type === 49)
        this.calls.get(id)?.abort(new WampError('wamp.error.canceled', 'canceled by the caller'))
    } catch (error) {
      this.fail(type, id, error)
    }
  }

  /** Answers a request with what went wrong. */
  fail(type: number, id: unknown, error: unknown): void {
    if (!(error instanceof WampError)) throw error
    this.#reply([ERROR, type, id, {}, error.uri, ...tail(error.payload)], type)
  }

  /** What ends a call counts as its result. */
  #reply(message: Message, type: number): void {
    if (type === CALL) this.answer(message)
    else this.write(message)
  }

  #publish(id: number, [options, topic, args, kwargs]: [Dict, string, List?, Dict?]): void {
    try {
      const fault = optionFault(options)
      if (fault !== undefined) throw invalid(fault)
      if (!isUri(topic) || topic.startsWith('wamp.')) throw invalidUri(topic)
      if (!this.allowed('pub', topic)) throw forbidden(`publish to <${topic}>`)
      const publication = this.room.publish({
        topic,
        payload: payload(args, kwargs),
        options,
        from: this.id,
        publisher: this,
        toPublisher: options.exclude_me === false,
      })
      if (options.acknowledge === true) this.write([17, id, publication.id])
    } catch (error) {
      // Nobody waits for an answer.
      if (options.acknowledge === true || !(error instanceof WampError)) throw error
    }
  }

  #subscribe(id: unknown, [{ match = 'exact', get_retained }, topic]: [Dict, string]): void {
    const known = MATCHES.find((one) => one === match)
    if (known === undefined) throw invalid('"match" must be exact, prefix or wildcard')
    if (!isUri(topic, known)) throw invalidUri(topic)
    if (!this.allowed('sub', topic)) throw forbidden(`subscribe to <${topic}>`)
    const subscription = this.join(topic, known)
    this.write([33, id, subscription.id])
    if (get_retained === true) this.room.broker.recall(subscription, this)
  }

  #unsubscribe(id: unknown, number: number): void {
    const subscription = this.subscriptions.get(number)
    if (subscription === undefined) {
      throw new WampError('wamp.error.no_such_subscription', `there is no subscription ${number}`)
    }
    this.leave(subscription)
    this.write([35, id])
  }

  #call(id: unknown, [options, procedure, args, kwargs]: [Dict, string, List?, Dict?]): void {
    if (!isUri(procedure)) throw invalidUri(procedure)
    if (!this.allowed('call', procedure)) throw forbidden(`call <${procedure}>`)
    const result = this.start(id, procedure, payload(args, kwargs), options)
    const timer = this.#limit(id, options.timeout)
    void result
      .finally(() => clearTimeout(timer))
      .then(
        (value) => this.answer([50, id, {}, ...tail(value)]),
        (error) => this.fail(CALL, id, error),
      )
  }

  #limit(id: unknown, ms: unknown): ReturnType<typeof setTimeout> | undefined {
    if (typeof ms !== 'number' || ms <= 0) return undefined
    const call = this.calls.get(id)
    const error = new WampError('wamp.error.timeout', `there was no result within ${ms} ms`)
    return setTimeout(() => call?.abort(error), ms)
  }

  protected override progress(id: unknown, part: Payload, { receive_progress }: Dict): void {
    if (receive_progress === true) this.write([50, id, { progress: true }, ...tail(part)])
  }

  protected override eventText(
    publication: Publication,
    subscription: Subscription,
    retained: boolean,
  ): string {
    const { id, payload } = publication
    const details = eventDetails(publication, subscription, retained)
    return JSON.stringify([36, subscription.id, id, details, ...tail(payload)])
  }

  protected override left(how: Ending): void {
    this.#invocations.end()
    super.left(how)
  }
}
