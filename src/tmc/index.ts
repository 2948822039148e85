/**
 * Taobao's message channel (TMC): receive, confirm, fail and produce shop events over its binary WebSocket
 * protocol, or over the HTTP gateway where there is no socket.
 *
 * @module
 */
export type { ReconnectOptions } from '../core/backoff.ts'
export type { Clock } from '../core/clock.ts'
export { IsomqError, type IsomqErrorCode } from '../core/errors.ts'
export type { MessagesOptions } from '../core/iterate.ts'
export type { CloseOptions } from '../core/life.ts'
export type { State, StateChange } from '../core/machine.ts'
export type { DebugRecord } from '../core/options.ts'
export type { WebSocketClass, WebSocketLike } from '../core/socket.ts'
export type { WaitOptions } from '../core/wait.ts'
export { createTmcClient } from './client.ts'
export {
  decodeFrame,
  encodeFrame,
  type TmcFrame,
  type TmcFrameInit,
  type TmcFrameType,
  type TmcValue,
} from './codec.ts'
export {
  confirmFrames,
  encodeConfirm,
  encodeConnect,
  encodeFail,
  encodeProduce,
  encodePull,
  type TmcProduceFields,
} from './frames.ts'
export { readMessage, type TmcMessage, type TmcMessageFields } from './message.ts'
export type { TmcGatewayProduceInput, TmcGroup, TmcMethods, TmcProduceResult } from './methods.ts'
export type { TmcClientOptions } from './options.ts'
export { createTmcPoller } from './poller.ts'
export type {
  TmcPoller,
  TmcPollerEvents,
  TmcPollerOptions,
  TmcPollerStats,
  TmcPollerStatus,
} from './polleroptions.ts'
export { signConnect, signTop, type TmcSignFields, type TopSignMethod } from './sign.ts'
export type { TopAnswer, TopParams } from './top.ts'
export type { TmcClient, TmcConsumer, TmcEvents, TmcProduceInput, TmcStats, TmcStatus } from './types.ts'
