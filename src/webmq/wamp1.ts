import type { IsomqError } from '../core/errors.ts'
import type { Session } from '../core/session.ts'
import type { WaitOptions } from '../core/wait.ts'
import { answerChallenge, notLetIn, saltOf } from './auth.ts'
import { fieldsOf, itemsOf, jsonOf, listOf, refusalOf, textOf } from './payload.ts'
import type { WampPermissions } from './types.ts'
import {
  fault,
  mismatch,
  type Publication,
  type Speaker,
  signInFailed,
  type WampMessage,
  type Wire,
} from './wire.ts'

const WELCOME = 0
const PREFIX = 1
const CALL = 2
const CALLRESULT = 3
const CALLERROR = 4
const SUBSCRIBE = 5
const UNSUBSCRIBE = 6
const PUBLISH = 7
const EVENT = 8

const AUTHREQ = 'http://api.wamp.ws/procedure#authreq'
const AUTH = 'http://api.wamp.ws/procedure#auth'
/** What version 1 means when a challenge does not say. */
const ITERATIONS = 10_000

export function createWamp1(speaker: Speaker, signal: AbortSignal): Wire {
  const { answers, settings } = speaker
  const { auth } = settings
  let calls = 0
  let sessionId: string | undefined
  let signature: string | null = null

  function call(session: Session, uri: string, args: string, limits: WaitOptions): Promise<unknown> {
    const key = `${session.id}.${++calls}`
    const what = `the call of ${uri}`
    return answers.ask(
      key,
      what,
      limits,
      () => speaker.send(session, CALL, `"${key}",${jsonOf(uri)}${args && `,${args}`}`),
      ([type, , result, text, details]) => {
        if (type === CALLRESULT) return result
        const named = details === undefined ? undefined : { details }
        throw refusalOf(`the server refused ${what}`, speaker.resolve(textOf(result)), [text], named)
      },
    )
  }

  async function signIn(session: Session): Promise<WampPermissions | undefined> {
    if (!auth) return undefined
    const { id = null, extra = null } = auth
    const challenge = await call(session, AUTHREQ, itemsOf([id, extra]), { signal })
    if (id !== null) {
      if (typeof challenge !== 'string') throw fault('a challenge that is no text')
      const salt = saltOf(readChallenge(challenge).authextra, ITERATIONS)
      signature = await answerChallenge(auth, { method: 'wampcra', challenge, salt, signal })
      if (session.error) throw session.error
    }
    const { pubsub, rpc } = fieldsOf(await call(session, AUTH, jsonOf(signature), { signal }))
    return { pubsub: listOf(pubsub), rpc: listOf(rpc) } as WampPermissions
  }

  /** A sign-in that failed: what the server says against it is a refusal. */
  function refused(error: IsomqError): IsomqError {
    if (error.code !== 'PROVIDER') return error
    const { uri, args } = error.details
    return notLetIn(uri, listOf(args)[0], [auth?.secret, signature ?? ''])
  }

  async function welcome(session: Session, [, id, version]: WampMessage): Promise<void> {
    try {
      if (sessionId !== undefined) throw fault('a second WELCOME')
      if (typeof id !== 'string') throw fault('a WELCOME without a session id')
      if (version !== 1) {
        throw mismatch('greets in another version of WAMP than 1; check the URL', { version })
      }
      sessionId = id
      const permissions = await signIn(session)
      for (const [name, uri] of speaker.prefixes()) speaker.send(session, PREFIX, itemsOf([name, uri]))
      speaker.welcome(session, id, permissions)
    } catch (error) {
      session.end(refused(signInFailed(error)))
    }
  }

  /** The addresses of a publication, as version 1 lays them out; with lists, a publisher must exclude itself. */
  function receivers({ excludeMe, exclude, eligible }: Publication): unknown[] {
    if (!exclude && !eligible) return excludeMe === undefined ? [] : [excludeMe]
    const without = [...(exclude ?? []), ...(excludeMe === false ? [] : [sessionId])]
    return eligible ? [without, eligible] : [without]
  }

  return {
    received(session, message) {
      const [type, first, second] = message
      if (type === WELCOME) return void welcome(session, message)
      if (typeof first === 'string') {
        if (type === EVENT && message.length >= 3) {
          return speaker.event(speaker.resolve(first), { event: second, args: [second] })
        }
        if (type === CALLRESULT || (type === CALLERROR && typeof second === 'string'))
          return answers.settle(first, message)
      }
      throw fault('a message that no server sends')
    },
    async subscribe(session, topic, _, granted) {
      speaker.send(session, SUBSCRIBE, jsonOf(topic))
      granted(topic)
    },
    async unsubscribe(session, topic) {
      speaker.send(session, UNSUBSCRIBE, jsonOf(topic))
    },
    async publish(session, topic, publication) {
      const event = publication.args || 'null'
      const rest = [jsonOf(topic), event, ...receivers(publication).map(jsonOf)]
      speaker.send(session, PUBLISH, rest.join())
      return undefined
    },
    call: (session, procedure, { args }, limits) => call(session, procedure, args, limits),
    prefix: (session, ...pair) => speaker.send(session, PREFIX, itemsOf(pair)),
  }
}

/** @throws IsomqError `PROTOCOL` */
function readChallenge(challenge: string): Readonly<Record<string, unknown>> {
  try {
    return fieldsOf(JSON.parse(challenge))
  } catch {
    // Its text would quote the challenge.
    throw fault('a challenge that is no JSON')
  }
}
