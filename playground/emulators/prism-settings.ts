/** What a room can be set to; times in seconds, as in the protocol. */
export interface PrismSettings {
  /** By how much a sign_time may be off. */
  signWindow: number
  /** Unacknowledged messages that are pushed to one connection. */
  prefetch: number
  /** Bytes of a routing key. */
  maxKey: number
  /** Bytes of a message's body. */
  maxBody: number
  /** How a delivery carries its tag. */
  tagType: 'number' | 'string'
  /** The first tag; as text, since it is beyond 2^53. */
  tagBase: string
  /** Tags go on over the connections of a room instead of beginning anew with each. */
  uniqueTags: boolean
  /** From a sign-in until its code is useless. */
  codeTtl: number
  accessTtl: number
  refreshTtl: number
  /** From a session check until the session is over. */
  sessionTtl: number
  /** Whom the authorize page signs in without asking; "" asks. `login=USER` in its query says another. */
  autoLogin: string
}

export const DEFAULTS: PrismSettings = {
  signWindow: 300,
  prefetch: 1000,
  maxKey: 256,
  maxBody: 65_536,
  tagType: 'number',
  tagBase: '9007199254740993',
  uniqueTags: false,
  codeTtl: 60,
  accessTtl: 3600,
  refreshTtl: 2_592_000,
  sessionTtl: 1800,
  autoLogin: '',
}

export interface App {
  readonly secret: string
  /** The name that goes with its messages. */
  readonly name: string
}

export const DEFAULT_APP = { key: 'isomq-key', secret: 'isomq-prism-secret', name: 'isomq' } as const

/** Whom the login form suggests. */
export const DEFAULT_USER = 'isomq'

export const COUNTERS = {
  published: 0,
  /** Copies of them that queues took: one for each queue that is bound to the key. */
  kept: 0,
  /** Publications by socket that were carried out. */
  publishesTaken: 0,
  delivered: 0,
  redelivered: 0,
  acked: 0,
  acksUnknown: 0,
  consumes: 0,
  malformed: 0,
  /** Publications beyond a limit. */
  limited: 0,
  textFrames: 0,
  binaryFrames: 0,
  /** Sockets that were let in. */
  accepted: 0,
  /** Calls and sockets that were not let in. */
  refused: 0,
  dropped: 0,
  calls: 0,
}
export type Counters = typeof COUNTERS
