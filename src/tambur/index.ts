/**
 * Tambur.io's realtime streams: publish and issue mode tokens on a server, subscribe in a page.
 *
 * @module
 */
export type { ReconnectOptions } from '../core/backoff.ts'
export type { Clock } from '../core/clock.ts'
export { IsomqError, type IsomqErrorCode } from '../core/errors.ts'
export type { Fetch } from '../core/http.ts'
export type { CloseOptions } from '../core/life.ts'
export type { State, StateChange } from '../core/machine.ts'
export type { DebugRecord } from '../core/options.ts'
export type { WebSocketClass, WebSocketLike } from '../core/socket.ts'
export type { WaitOptions } from '../core/wait.ts'
export { createTamburConnection } from './connection.ts'
export type { TamburConnectionOptions } from './options.ts'
export { signPublish, type TamburPublishFields, type TamburPublishRequest } from './publish.ts'
export { createTamburPublisher, type TamburPublisher, type TamburPublisherOptions } from './publisher.ts'
export {
  grantText,
  modeToken,
  type OAuth1Request,
  oauth1Text,
  signOAuth1,
  type TamburGrant,
  type TamburMode,
} from './sign.ts'
export {
  fetchToken,
  type TamburAuthorize,
  type TamburFetchTokenOptions,
  type TamburTokenAsk,
  type TamburTokens,
} from './tokens.ts'
export type {
  TamburConnection,
  TamburDirectMessage,
  TamburEvents,
  TamburMessage,
  TamburMessagesOptions,
  TamburPresence,
  TamburStats,
  TamburStatus,
  TamburStream,
  TamburStreamEvents,
  TamburStreamStatus,
} from './types.ts'
