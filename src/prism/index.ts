/**
 * ShopEx's API gateway (Prism): signed calls, login of users by OAuth, and "notify", a WebSocket that publishes,
 * consumes and acknowledges messages.
 *
 * @module
 */
export type { ReconnectOptions } from '../core/backoff.ts'
export type { Clock } from '../core/clock.ts'
export { IsomqError, type IsomqErrorCode } from '../core/errors.ts'
export type { Fetch } from '../core/http.ts'
export type { MessagesOptions } from '../core/iterate.ts'
export type { CloseOptions } from '../core/life.ts'
export type { State, StateChange } from '../core/machine.ts'
export type { DebugRecord } from '../core/options.ts'
export type { WebSocketClass, WebSocketLike } from '../core/socket.ts'
export type { WaitOptions } from '../core/wait.ts'
export { createPrismClient } from './client.ts'
export {
  decodeDelivery,
  encodeAck,
  encodeConsume,
  encodePublish,
  type PrismDeliveryFields,
  type PrismPublishFields,
} from './codec.ts'
export type {
  PrismEvents,
  PrismMessage,
  PrismNotify,
  PrismNotifyOptions,
  PrismPublishOptions,
  PrismStats,
  PrismStatus,
} from './notifytypes.ts'
export type {
  PrismAuthorizeOptions,
  PrismGuardOptions,
  PrismOAuth,
  PrismSession,
  PrismSessionStore,
} from './oauthtypes.ts'
export type { PrismClientOptions } from './options.ts'
export { type PrismPairs, type PrismParams, paramText } from './params.ts'
export { canonicalRequest, type PrismSigned, signRequest } from './sign.ts'
export type { PrismAnswer, PrismCallOptions, PrismCalls, PrismClient, PrismUser } from './types.ts'
export { type PrismRefusal, type PrismVerdict, type PrismVerifyOptions, verifyRequest } from './verify.ts'
