/** What a room can be set to; times in milliseconds. */
export interface TmcSettings {
  /** From a failed confirm or a lost connection until the message comes again. */
  redeliverAfter: number
  /** From a delivery that nobody confirms until the message comes again. */
  confirmTimeout: number
  /** Unconfirmed messages that are pushed to one connection; with 0 it has to pull. */
  window: number
  /** Messages that one pull request brings. */
  pullBatch: number
  /** Until a silent connection is closed with 1011; 0 is never. */
  idleAfter: number
  /** Bytes from which content goes out gzip'ed; 0 is never. */
  gzipFrom: number
  /** Connections per group; 0 is any number. */
  maxConnections: number
  /** By how much a timestamp may be off. */
  skewLimit: number
  /** Groups and sessions must have been made by the control API. */
  strict: boolean
  /** Topics that may be produced; `null` is all. */
  topics: string[] | null
  /** Added to a message's sequence number; as text, since it is an int64. */
  idBase: string
}

export const DEFAULTS: TmcSettings = {
  redeliverAfter: 300_000,
  confirmTimeout: 60_000,
  window: 1000,
  pullBatch: 100,
  idleAfter: 90_000,
  gzipFrom: 4096,
  maxConnections: 0,
  skewLimit: 600_000,
  strict: false,
  topics: null,
  idBase: '7104300000000000000',
}

export interface App {
  readonly secret: string
  readonly groups: string[]
  /** Authorized users: session to nick. */
  readonly sessions: Record<string, string>
  /** Topics that a user permitted, by nick. */
  readonly permits: Record<string, string[]>
}

export const DEFAULT_APP = { key: '12345678', secret: 'isomq-secret', group: 'default' } as const

export const COUNTERS = {
  published: 0,
  delivered: 0,
  redelivered: 0,
  confirmed: 0,
  failed: 0,
  confirmsUnknown: 0,
  confirmsForeign: 0,
  pulls: 0,
  produced: 0,
  signIns: 0,
  refused: 0,
  unauthorized: 0,
  malformed: 0,
  textFrames: 0,
  dropped: 0,
  idled: 0,
  httpRequests: 0,
}
export type Counters = typeof COUNTERS
