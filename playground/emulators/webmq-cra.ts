import { isDict, randomText, WAMP1_ERROR, WampError } from './webmq-payload.ts'
import type { WebmqRoom } from './webmq-room.ts'
import { ANONYMOUS, type User } from './webmq-settings.ts'
import { deriveKey, signChallenge } from './webmq-sign.ts'
import type { Wamp1Session } from './webmq-wamp1.ts'

const PROCEDURES = 'http://api.wamp.ws/procedure#'
/** What a client takes that is not told a number. */
const ITERATIONS = 10_000

const failure = (name: string, message: string): WampError => new WampError(WAMP1_ERROR + name, message)

/** A sign-in that has begun; it has one try. */
interface Pending {
  readonly authid: string
  readonly method: string
  readonly user: User
  /** `null` is nobody in particular. */
  readonly signature: string | null
}

/** How a session of version 1 says who it is: a challenge, which it signs. */
export class ChallengeResponse {
  readonly #room: WebmqRoom
  readonly #session: Wamp1Session
  #pending: Pending | undefined
  #done = false

  constructor(room: WebmqRoom, session: Wamp1Session) {
    this.#room = room
    this.#session = session
  }

  /** The result of a procedure that belongs to it. */
  step(uri: string, args: readonly unknown[]): Promise<unknown> | undefined {
    if (uri === `${PROCEDURES}authreq`) return this.#told(this.#request(args[0] ?? null, args[1] ?? null))
    if (uri === `${PROCEDURES}auth`) return this.#told(this.#prove(args[0] ?? null))
    return undefined
  }

  async #told(step: Promise<unknown>): Promise<unknown> {
    try {
      return await step
    } catch (error) {
      if (error instanceof WampError) this.#session.refused(error.uri, error.message)
      throw error
    }
  }

  async #request(key: unknown, extra: unknown): Promise<unknown> {
    if (this.#done) throw failure('already-authenticated', 'already authenticated')
    if (this.#pending !== undefined) {
      throw failure('authentication-already-requested', 'an authentication is pending')
    }
    if (extra !== null && !isDict(extra)) throw failure('invalid-argument', 'extra must be an object')
    if (key === null && !this.#room.settings.anonymous) {
      throw failure('anonymous-auth-forbidden', 'authentication as anonymous is forbidden')
    }
    if (key !== null && typeof key !== 'string') throw failure('invalid-argument', 'the key must be text')
    const user = this.#room.user(key ?? ANONYMOUS)
    if (user === undefined || user.method !== 'wampcra' || key === ANONYMOUS) {
      throw failure('no-such-authkey', `authentication key '${key}' does not exist`)
    }
    if (user.permissions === null)
      throw failure('auth-permissions-error', 'the permissions cannot be found out')
    if (key === null) {
      this.#pending = { authid: ANONYMOUS, method: ANONYMOUS, user, signature: null }
      return null
    }
    return await this.#challenge(key, user, extra ?? {})
  }

  async #challenge(authkey: string, user: User, extra: object): Promise<unknown> {
    const { faults } = this.#room
    const huge = faults.hugeIterations.shift()
    const salting = salted(user, huge)
    const info = {
      authid: randomText(),
      authkey,
      timestamp: `${new Date(this.#room.now()).toISOString().slice(0, 19)}Z`,
      sessionid: this.#session.id,
      extra,
      permissions: user.permissions,
      ...(salting && { authextra: salting }),
    }
    // With blanks in it, as the vendor's has: it is the text that is signed, not what it says.
    const text = JSON.stringify(info, null, ' ')
    const { secret, salt, iterations, keylen } = user
    const key = salt === '' ? secret : await deriveKey(secret, salt, iterations || ITERATIONS, keylen)
    const signature = huge === undefined ? await signChallenge(key, text) : randomText()
    this.#pending = { authid: authkey, method: 'wampcra', user, signature }
    this.#session.tell('challenged', () => ({ authid: authkey }))
    return faults.garbled(text)
  }

  async #prove(signature: unknown): Promise<unknown> {
    if (this.#done) throw failure('already-authenticated', 'already authenticated')
    const pending = this.#pending
    if (pending === undefined) {
      throw failure('no-authentication-requested', 'no authentication was requested before')
    }
    if (signature !== null && typeof signature !== 'string') {
      throw failure('invalid-argument', 'the signature must be text or null')
    }
    this.#pending = undefined
    const refusal = this.#room.faults.nextRefusal()
    if (refusal !== undefined) {
      throw new WampError(refusal.phrase || `${WAMP1_ERROR}invalid-signature`, 'refused on request')
    }
    if (signature !== pending.signature) throw failure('invalid-signature', 'the signature is invalid')
    this.#done = true
    this.#session.signedIn(pending.authid, pending.method, pending.user)
    return pending.user.permissions
  }
}

/** What the client needs for its key, if that is not the secret itself. */
export function salted({ salt, iterations, keylen }: User, huge: number | undefined): object | undefined {
  if (huge !== undefined) return { salt: salt || 'salt', iterations: huge, keylen }
  if (salt === '') return undefined
  return { salt, keylen, ...(iterations > 0 && { iterations }) }
}
