import { IsomqError } from '../core/errors.ts'
import type { Session } from '../core/session.ts'
import type { WaitOptions } from '../core/wait.ts'
import { answerChallenge, notLetIn, saltOf, shown } from './auth.ts'
import { fieldsOf, itemsOf, jsonOf, listOf, refusalOf, resultOf, type Texts, textOf } from './payload.ts'
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
const CANCEL = 49
const RESULT = 50

/** What a router says of itself, as far as it concerns us. */
interface Details {
  readonly roles?: { readonly dealer?: { readonly features?: { readonly call_canceling?: unknown } } }
}

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
  caller: { features: { call_canceling: true } },
}
/** What version 2 means when a challenge does not say. */
const ITERATIONS = 1_000

export function createWamp2(speaker: Speaker, signal: AbortSignal): Wire {
  const { answers, settings } = speaker
  const { realm, auth } = settings
  const { id: authid, ticket, secret, sign, extra: authextra } = auth ?? {}
  let requests = 0
  let isChallenged = false
  let signature: string | undefined
  let isWelcome = false
  let mayCancel = false

  /** Sends a request with the next id. */
  const request = (session: Session, type: number, rest: string): void =>
    speaker.send(session, type, `${++requests},${rest}`)

  /** Sends a request and gives its answer. */
  const ask = <T>(
    session: Session,
    type: number,
    what: string,
    limits: WaitOptions,
    rest: string,
    read: (answer: WampMessage) => T,
    gaveUp?: () => void,
  ): Promise<T> =>
    answers.ask(
      `${type}.${requests + 1}`,
      what,
      limits,
      () => request(session, type, rest),
      (answer) => {
        if (answer[0] !== ERROR) return read(answer)
        throw refusalOf(`the server refused ${what}`, textOf(answer[4]), answer[5], answer[6])
      },
      gaveUp,
    )

  async function challenged(session: Session, [, method, extra]: WampMessage): Promise<void> {
    if (isChallenged || (method !== 'wampcra' && method !== 'ticket'))
      throw fault('a second challenge, or one by an unknown method')
    isChallenged = true
    const { challenge = '' } = fieldsOf(extra)
    if (typeof challenge !== 'string') throw fault('a challenge that is no text')
    const asked = { method, challenge, salt: saltOf(extra, ITERATIONS), signal } as const
    signature = await answerChallenge(auth ?? {}, asked)
    if (!session.error && !isWelcome) speaker.send(session, AUTHENTICATE, itemsOf([signature, {}]))
  }

  function handshake(session: Session, message: WampMessage): void {
    const [type, first, second] = message
    if (type === WELCOME && typeof first === 'number') {
      isWelcome = true
      mayCancel = (second as Details | undefined)?.roles?.dealer?.features?.call_canceling === true
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
      if (type === GOODBYE) speaker.send(session, GOODBYE, '{},"wamp.close.goodbye_and_out"')
      const uri = shown(second, [ticket, secret, signature])
      const text = `the router ended the session (${uri})`
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
      if (isError || ANSWERS[type as number]) return answers.settle(key, message)
    }
    throw fault('a message that no server sends')
  }

  return {
    opened(session) {
      const ways = ticket ? ['ticket'] : secret ? ['wampcra'] : sign ? ['wampcra', 'ticket'] : ['anonymous']
      const who = auth && { authmethods: ways, authid, authextra }
      speaker.send(session, HELLO, itemsOf([realm, { roles: ROLES, ...who }]))
    },
    received: (session, message) => (isWelcome ? route : handshake)(session, message),
    subscribe(session, topic, match, granted) {
      const rest = itemsOf([match === 'exact' ? {} : { match }, topic])
      const limits = { timeout: settings.answerTimeout }
      return ask(session, SUBSCRIBE, `the subscription of ${topic}`, limits, rest, (answer) => {
        granted(idOf(answer))
      })
    },
    unsubscribe: (session, id, limits) =>
      ask(session, UNSUBSCRIBE, 'unsubscribe', limits, jsonOf(id), () => {}),
    async publish(session, topic, { acknowledge, ...given }, limits) {
      const { excludeMe: exclude_me, exclude, eligible } = given
      const options = { exclude_me, exclude, eligible, ...(acknowledge && { acknowledge: true }) }
      const rest = itemsOf([options, topic]) + tail(given)
      if (!acknowledge) return void request(session, PUBLISH, rest)
      return ask(session, PUBLISH, `the publication to ${topic}`, limits, rest, idOf)
    },
    call(session, procedure, payload, limits) {
      const rest = `{},${jsonOf(procedure)}${tail(payload)}`
      const id = requests + 1
      const read = ([, , , results, named]: WampMessage) => resultOf(results, named)
      const cancel = () => {
        try {
          if (mayCancel) speaker.send(session, CANCEL, `${id},{}`)
        } catch {
          // Of a session that is over nothing is left to be cancelled.
        }
      }
      return ask(session, CALL, `the call of ${procedure}`, limits, rest, read, cancel)
    },
    goodbye: (session) => speaker.send(session, GOODBYE, '{},"wamp.close.close_realm"'),
  }
}

function idOf([, , id]: WampMessage): number {
  if (typeof id === 'number') return id
  throw fault('an answer without an id')
}

/** Arguments that are not there are left out. */
const tail = ({ args, kwargs }: Texts): string => (kwargs ? `,[${args}],${kwargs}` : args && `,[${args}]`)
