import { ALL, NOTHING, type Permissions } from './webmq-rights.ts'

/** What a room can be set to. */
export interface WebmqSettings {
  /** Subprotocols of a WebSocket that are spoken: `wamp` is version 1, `wamp.2.json` version 2. */
  speaks: readonly string[]
  /** A socket that offers none of them: it is refused with 400, or let in without a subprotocol. */
  otherSubprotocol: 'refuse' | 'accept'
  /** Realms that a session of version 2 may join. */
  realms: readonly string[]
  /** Whether one may do things without a name. */
  anonymous: boolean
  /** Whether pushes and requests to the bridge must be signed; a signature that is there is always checked. */
  requireSignature: boolean
  /** Seconds by which a timestamp may be off; 0 takes any. */
  window: number
  /** Bytes of a request's body; 0 takes any. */
  maxBody: number
  /** Which URIs version 1 shortens when a prefix fits: those of errors, as the vendor does; all; none. */
  curies: 'errors' | 'always' | 'never'
  /** Whether request ids that do not count up from 1 are a violation; they are counted in any case. */
  strictIds: boolean
  /** Whether a publisher or caller may let others know who it is. */
  disclose: boolean
}

export const DEFAULTS: WebmqSettings = {
  speaks: ['wamp', 'wamp.2.json'],
  otherSubprotocol: 'refuse',
  realms: ['realm1'],
  anonymous: true,
  requireSignature: false,
  window: 300,
  maxBody: 1_000_000,
  curies: 'errors',
  strictIds: false,
  disclose: true,
}

/** Somebody who can sign in to a session. */
export interface User {
  readonly method: 'wampcra' | 'ticket'
  readonly secret: string
  readonly role: string
  /** "" is no salt: the secret itself is the key. */
  readonly salt: string
  /** 0 leaves it to what the version takes for granted. */
  readonly iterations: number
  readonly keylen: number
  /** `null` when they cannot be found out. */
  readonly permissions: Permissions | null
}

/** What the server says that it is. */
export const IDENT = 'isomq-playground'

/** Whoever does not say who it is. */
export const ANONYMOUS = 'anonymous'

export const NEW_USER: User = {
  method: 'wampcra',
  secret: 'isomq-user-secret',
  role: 'user',
  salt: '',
  iterations: 1000,
  keylen: 32,
  permissions: ALL,
}

export const USERS: Readonly<Record<string, User>> = {
  [ANONYMOUS]: { ...NEW_USER, secret: '', role: ANONYMOUS },
  'isomq-user': NEW_USER,
  'isomq-salted': { ...NEW_USER, secret: 'isomq-salted-secret', salt: 'isomq-salt' },
  'isomq-ticket': { ...NEW_USER, method: 'ticket', secret: 'isomq-ticket-secret' },
}

/** Rights of a session that has not signed in where it has to. */
export const UNKNOWN: User = { ...NEW_USER, secret: '', role: '', permissions: NOTHING }

/** Keys, with their secrets, that pushes and requests to the bridge are signed with. */
export const APPS: Readonly<Record<string, string>> = { 'isomq-app': 'isomq-webmq-secret' }

export const COUNTERS = {
  /** By sessions, pushes, the bridge and the control API; also the number of the last publication. */
  published: 0,
  /** Events that were handed to a socket. */
  delivered: 0,
  calls: 0,
  /** Calls that ended with an error. */
  callErrors: 0,
  /** SUBSCRIBE and UNSUBSCRIBE that were carried out. */
  subscribes: 0,
  unsubscribes: 0,
  prefixes: 0,
  /** Pushes and requests to the bridge. */
  requests: 0,
  /** Sockets that were let in. */
  accepted: 0,
  /** Sessions that signed in, or joined a realm. */
  signIns: 0,
  /** Sign-ins, sockets and requests that were not let in. */
  refused: 0,
  /** What a session was not allowed to do, with and without a word. */
  forbidden: 0,
  malformed: 0,
  /** Request ids of version 2 that do not count up from 1. */
  oddIds: 0,
  textFrames: 0,
  binaryFrames: 0,
  dropped: 0,
}
export type Counters = typeof COUNTERS
