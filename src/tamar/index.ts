/**
 * Tamar's message gateway: realtime, reliable and command messages to a user, over Redis, MySQL and RabbitMQ.
 *
 * @module
 */
export type { Clock } from '../core/clock.ts'
export { IsomqError, type IsomqErrorCode } from '../core/errors.ts'
export type { CloseOptions } from '../core/life.ts'
export type { DebugRecord } from '../core/options.ts'
export type { WaitOptions } from '../core/wait.ts'
export { createTamarClient } from './client.ts'
export { fromEnv, type TamarEnv } from './env.ts'
export type {
  TamarBroker,
  TamarDispatch,
  TamarRecord,
  TamarRedis,
  TamarReplies,
  TamarRow,
  TamarStore,
} from './ports.ts'
export type {
  TamarClient,
  TamarClientOptions,
  TamarCommand,
  TamarEvents,
  TamarResult,
  TamarSender,
  TamarSendOptions,
  TamarStats,
} from './types.ts'
