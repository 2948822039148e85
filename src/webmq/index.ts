/**
 * WebMQ, Tavendo's message broker, and its successor Crossbar.io: signed push over HTTP, WAMP sessions of both
 * versions.
 *
 * @module
 */
export type { ReconnectOptions } from '../core/backoff.ts'
export type { Clock } from '../core/clock.ts'
export { IsomqError, type IsomqErrorCode } from '../core/errors.ts'
export type { FeedOptions } from '../core/feed.ts'
export type { Fetch } from '../core/http.ts'
export type { CloseOptions } from '../core/life.ts'
export type { State, StateChange } from '../core/machine.ts'
export type { DebugRecord } from '../core/options.ts'
export type { WebSocketClass, WebSocketLike } from '../core/socket.ts'
export type { WaitOptions } from '../core/wait.ts'
export type { WampAuth, WampChallenge } from './auth.ts'
export {
  challengeHandler,
  type FetchSignatureOptions,
  fetchSignature,
  type WampAuthorize,
  type WampChallengeAsk,
} from './challenge.ts'
export {
  type CrossbarOptions,
  type CrossbarPublisher,
  type CrossbarPublishOptions,
  createCrossbarPublisher,
} from './crossbar.ts'
export type { WampSessionOptions } from './options.ts'
export type { WampResult } from './payload.ts'
export { encodePush, type PushFields, type PushReceivers, type PushRequest } from './push.ts'
export { createPushClient, type PushClient, type PushClientOptions, type PushOptions } from './pusher.ts'
export { createWampSession } from './session.ts'
export {
  type CrossbarSigned,
  deriveKey,
  type PushDialect,
  type PushSigned,
  signChallenge,
  signCrossbar,
  signPush,
  type WampSalt,
} from './sign.ts'
export type {
  WampCallOptions,
  WampEvent,
  WampEvents,
  WampMatch,
  WampPermissions,
  WampPublishOptions,
  WampSession,
  WampStats,
  WampStatus,
  WampSubscribeOptions,
  WampSubscription,
} from './types.ts'
