/** How the balancer may answer; the first four are as they should be. */
export const ANSWERS = [
  'jsonp',
  'spaced',
  'json',
  'text',
  'empty',
  'html',
  'error',
  'redirect',
  'object',
  'number',
  'instance',
  'function',
  'code',
  'cut',
  'list',
  'scheme',
] as const
export type AnswerKind = (typeof ANSWERS)[number]

/** What a room can be set to. */
export interface TamburSettings {
  /** Seconds by which an oauth_timestamp may be off. */
  window: number
  /** How the balancer answers. */
  answer: AnswerKind
  /** The balancer gives the address of a line that can break without a goodbye. */
  wired: boolean
  /** The kind in an ordinary message: subscribers take any that is no mode. */
  kind: string
}

export const DEFAULTS: TamburSettings = { window: 300, answer: 'jsonp', wired: false, kind: 'message' }

/** What pages may know of the app. */
export const API_KEY = '30af96de47e3c58329045ff136a4a3ea'
export const APP_ID = 'isomq-app'

/** Every room has one app, whose id is the room's name; `id` is that of the room "default". */
export const DEFAULT_APP = { key: API_KEY, secret: 'isomq-tambur-secret', id: APP_ID } as const

export const COUNTERS = {
  /** By REST and by the control API; this is the number of the last message, too. */
  published: 0,
  /** Handed to a subscriber's socket. */
  delivered: 0,
  /** Frames that said who came or went. */
  presences: 0,
  /** Direct messages that were taken, and their frames. */
  directs: 0,
  directsDelivered: 0,
  commands: 0,
  acks: 0,
  /** Commands that were answered with a reason. */
  refusedCommands: 0,
  malformed: 0,
  textFrames: 0,
  binaryFrames: 0,
  /** Sockets that were let in. */
  accepted: 0,
  /** Calls and sockets that were not. */
  refused: 0,
  dropped: 0,
  balancerCalls: 0,
  restCalls: 0,
}
export type Counters = typeof COUNTERS
