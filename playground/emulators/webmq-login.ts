import { salted } from './webmq-cra.ts'
import { type Dict, randomText } from './webmq-payload.ts'
import type { WebmqRoom } from './webmq-room.ts'
import { ANONYMOUS, type User } from './webmq-settings.ts'
import { deriveKey, signChallenge } from './webmq-sign.ts'

/** What a client takes that is not told a number; in version 1 it is another. */
const ITERATIONS = 1000

/** How a HELLO or AUTHENTICATE is answered. */
export type Step =
  | { readonly is: 'welcome'; readonly authid: string; readonly method: string; readonly user: User }
  | { readonly is: 'abort'; readonly uri: string; readonly message: string }
  | {
      readonly is: 'challenge'
      readonly method: string
      readonly extra: Dict
      /** What AUTHENTICATE must bring. */
      readonly signature: string
      readonly authid: string
      readonly user: User
    }

const abort = (uri: string, message: string): Step => ({ is: 'abort', uri: `wamp.error.${uri}`, message })

function refusal(room: WebmqRoom): Step | undefined {
  const refused = room.faults.nextRefusal()
  if (refused === undefined) return undefined
  const uri = refused.phrase || 'wamp.error.authentication_failed'
  return { is: 'abort', uri, message: 'refused on request' }
}

/** Answers the HELLO of a session of version 2. */
export async function hello(room: WebmqRoom, session: number, realm: string, details: Dict): Promise<Step> {
  if (!room.settings.realms.includes(realm)) return abort('no_such_realm', `there is no realm "${realm}"`)
  const { authmethods, authid } = details
  const methods = Array.isArray(authmethods) && authmethods.length > 0 ? authmethods : [ANONYMOUS]
  let reason = abort('no_matching_auth_method', `there is none of the methods ${JSON.stringify(methods)}`)
  for (const method of methods) {
    if (method === ANONYMOUS) {
      if (room.settings.anonymous) return welcomeStranger(room, details)
      reason = abort('authentication_denied', 'anonymous sessions are not let in')
    }
    if (method !== 'wampcra' && method !== 'ticket') continue
    const user = typeof authid === 'string' && authid !== ANONYMOUS ? room.user(authid) : undefined
    if (user !== undefined && user.method === method)
      return challenge(room, session, realm, String(authid), user)
    reason = abort('no_such_principal', `there is no principal "${authid}" for ${method}`)
  }
  return reason
}

function welcomeStranger(room: WebmqRoom, { authid }: Dict): Step {
  const name = typeof authid === 'string' && authid !== '' ? authid : randomText()
  return refusal(room) ?? { is: 'welcome', authid: name, method: ANONYMOUS, user: room.stranger }
}

async function challenge(
  room: WebmqRoom,
  session: number,
  realm: string,
  authid: string,
  user: User,
): Promise<Step> {
  const { method, secret, role, salt, iterations, keylen } = user
  const step = { is: 'challenge', method, authid, user } as const
  if (method === 'ticket') return { ...step, extra: {}, signature: secret }
  const huge = room.faults.hugeIterations.shift()
  const info = {
    authid,
    authrole: role,
    authmethod: method,
    authprovider: 'static',
    realm,
    session,
    nonce: randomText(),
    timestamp: new Date(room.now()).toISOString(),
  }
  // With blanks in it: it is the text that is signed, not what it says.
  const text = JSON.stringify(info, null, ' ')
  const key = salt === '' ? secret : await deriveKey(secret, salt, iterations || ITERATIONS, keylen)
  const signature = huge === undefined ? await signChallenge(key, text) : randomText()
  return { ...step, extra: { challenge: room.faults.garbled(text), ...salted(user, huge) }, signature }
}

/** Answers the AUTHENTICATE that follows a challenge; there is one try. */
export function authenticate(
  room: WebmqRoom,
  { method, authid, user, signature }: Step & { readonly is: 'challenge' },
  given: string,
): Step {
  const refused = refusal(room)
  if (refused !== undefined) return refused
  if (given === signature) return { is: 'welcome', authid, method, user }
  return abort(
    'authentication_failed',
    method === 'ticket' ? 'the ticket is invalid' : 'the signature is invalid',
  )
}

/** What this router is able to do. */
export const ROLES = {
  broker: {
    features: {
      publisher_exclusion: true,
      publisher_identification: true,
      subscriber_blackwhite_listing: true,
      pattern_based_subscription: true,
      event_retention: true,
    },
  },
  dealer: {
    features: {
      caller_identification: true,
      call_timeout: true,
      call_canceling: true,
      progressive_call_results: true,
    },
  },
} as const
