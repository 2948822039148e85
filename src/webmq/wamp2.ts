import { IsomqError } from '../core/errors.ts'
import type { Session } from '../core/session.ts'
import type { WaitOptions } from '../core/wait.ts'
import { answerChallenge, notLetIn, saltOf } from './auth.ts'
import { fieldsOf, listOf, refusalOf, resultOf, textOf } from './payload.ts'
import { fault, type Speaker, signInFailed, type WampMessage, type Wire } from './wire.ts'
import { provider } from './wrong.ts'

const HELLO = 1
const WELCOME = 2
const ABORT = 3
const CHALLENGE = 4
const AUTHENTICATE = 5
const GOODBYE = 6
const ERROR = 8
const PUBLISH = 16
const PUBLISHED = 17
const SUBSCRIBE = 32
const SUBSCRIBED = 33
const UNSUBSCRIBE = 34
const UNSUBSCRIBED = 35
const EVENT = 36
const CALL = 48
const RESULT = 50

/** What answers what. */
const ANSWERS: Readonly<Record<number, number>> = {
  [PUBLISHED]: PUBLISH,
  [SUBSCRIBED]: SUBSCRIBE,
  [UNSUBSCRIBED]: UNSUBSCRIBE,
  [RESULT]: CALL,
}
const ROLES = {
  subscriber: { features: { pattern_based_subscription: true } },
  publisher: { features: { publisher_exclusion: true, subscriber_blackwhite_listing: true } },
  caller: {},
}
/** What version 2 means when a challenge does not say. */
const ITERATIONS = 1_000

export function createWamp2(speaker: Speaker, signal: AbortSignal): Wire {
  const { pending, settings } = speaker
  const { realm, auth } = settings
  const { id: authid, ticket, secret, sign, extra: authextra } = auth ?? {}
  let requests = 0
  let isChallenged = false
  let signature: string | undefined
  let isWelcome = false

  /** Sends a request with the next id; one that is no JSON takes none. */
  function request(session: Session, type: number, rest: WampMessage): void {
    try {
      speaker.send(session, [type, ++requests, ...rest])
    } catch (error) {
      requests--
      throw error
    }
  }

  /** Sends a request and gives its answer. */
  async function ask(
    session: Session,
    type: number,
    what: string,
    limits: WaitOptions,
    rest: WampMessage,
    taken?: (answer: WampMessage) => void,
  ): Promise<WampMessage> {
    const key = `${type}.${requests + 1}`
    const send = () => request(session, type, rest)
    const answer = await pending.add(key, `answer to ${what}`, limits, send, taken)
    if (answer[0] !== ERROR) return answer
    throw refusalOf(`the server refused ${what}`, textOf(answer[4]), answer[5], answer[6])
  }

  async function challenged(session: Session, [, method, extra]: WampMessage): Promise<void> {
    if (isChallenged || (method !== 'wampcra' && method !== 'ticket'))
      throw fault('a challenge by a method that was not offered, or a second one')
    isChallenged = true
    const { challenge = '' } = fieldsOf(extra)
    if (typeof challenge !== 'string') throw fault('a challenge that is no text')
    const asked = { method, challenge, salt: saltOf(extra, ITERATIONS), signal } as const
    signature = await answerChallenge(auth ?? {}, asked)
    if (!session.error && !isWelcome) speaker.send(session, [AUTHENTICATE, signature, {}])
  }

  function handshake(session: Session, message: WampMessage): void {
    const [type, first, second] = message
    if (type === WELCOME && typeof first === 'number') {
      isWelcome = true
      return speaker.welcome(session, first)
    }
    if (type === CHALLENGE)
      return void challenged(session, message).catch((error) => session.end(signInFailed(error)))
    if (type === ABORT) {
      // Most reasons will not go away by themselves.
      const passes = /shutdown|unavailable|timeout|protocol_violation|canceled/.test(textOf(second))
      const said = fieldsOf(first).message
      throw notLetIn(second, said, [ticket, secret, signature], passes ? 'PROVIDER' : 'AUTH_REJECTED')
    }
    throw fault('a message that has no place in the handshake')
  }

  function route(session: Session, message: WampMessage): void {
    const [type, first, second, third, fourth, fifth] = message
    if (type === GOODBYE || type === ABORT) {
      if (type === GOODBYE) speaker.send(session, [GOODBYE, {}, 'wamp.close.goodbye_and_out'])
      const uri = textOf(second)
      const text = `the router ended the session (${uri.slice(0, 200)})`
      return speaker.leave(new IsomqError(provider, 'CONNECTION_LOST', text, { details: { uri } }))
    }
    if (type === WELCOME) return session.end(fault('a second WELCOME'))
    if (typeof first === 'number') {
      if (type === EVENT) {
        const args = listOf(fourth)
        const { publisher, topic } = fieldsOf(third)
        return speaker.event(first, {
          event: args[0],
          args,
          kwargs: fieldsOf(fifth),
          publication: typeof second === 'number' ? second : undefined,
          publisher: typeof publisher === 'number' ? publisher : undefined,
          topic: typeof topic === 'string' ? topic : undefined,
        })
      }
      const isError = type === ERROR && typeof second === 'number' && typeof fourth === 'string'
      const key = isError ? `${first}.${second}` : `${ANSWERS[type as number]}.${first}`
      if (isError || ANSWERS[type as number]) return void pending.settle(key, message)
    }
    throw fault('a message that WAMP version 2 does not have for a client')
  }

  return {
    opened(session) {
      const ways = ticket ? ['ticket'] : secret ? ['wampcra'] : sign ? ['wampcra', 'ticket'] : ['anonymous']
      const who = auth && { authmethods: ways, authid, authextra }
      speaker.send(session, [HELLO, realm, { roles: ROLES, ...who }])
    },
    received: (session, message) => (isWelcome ? route : handshake)(session, message),
    async subscribe(session, topic, match, granted) {
      const options = match === 'exact' ? {} : { match }
      const limits = { signal, timeout: settings.answerTimeout }
      const [, , id] = await ask(
        session,
        SUBSCRIBE,
        `subscribe to ${topic}`,
        limits,
        [options, topic],
        ([type, , id]) => type === SUBSCRIBED && typeof id === 'number' && granted(id),
      )
      if (typeof id !== 'number') throw fault('a subscription without an id')
    },
    async unsubscribe(session, id, limits) {
      await ask(session, UNSUBSCRIBE, 'unsubscribe', limits, [id])
    },
    async publish(session, topic, { args, kwargs, acknowledge, ...given }, limits) {
      const { excludeMe: exclude_me, exclude, eligible } = given
      const options = { exclude_me, exclude, eligible, ...(acknowledge && { acknowledge }) }
      const rest = [options, topic, ...payload(args, kwargs)]
      if (!acknowledge) return void request(session, PUBLISH, rest)
      const [, , id] = await ask(session, PUBLISH, `publish to ${topic}`, limits, rest)
      return id as number
    },
    async call(session, procedure, { args, kwargs }, limits) {
      const rest = [{}, procedure, ...payload(args, kwargs)]
      const [, , , results, named] = await ask(session, CALL, `call of ${procedure}`, limits, rest)
      return resultOf(results, named)
    },
    goodbye: (session) => speaker.send(session, [GOODBYE, {}, 'wamp.close.close_realm']),
  }
}

/** Arguments that are not there are left out. */
function payload(args: readonly unknown[], kwargs: object = {}): unknown[] {
  if (Object.keys(kwargs).length > 0) return [args, kwargs]
  return args.length > 0 ? [args] : []
}
