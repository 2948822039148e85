/**
 * RabbitMQ for Tamar: over a WebSocket by its plugin Web STOMP, or over its HTTP API.
 *
 * @module
 */
export type { ReconnectOptions } from '../core/backoff.ts'
export type { ConnectionStatus } from '../core/connection.ts'
export type { BrokerAccess } from './access.ts'
export { type ManagementBrokerOptions, managementBroker } from './management.ts'
export type { TamarBroker } from './ports.ts'
export { stompBroker } from './stompbroker.ts'
export type { StompBroker, StompBrokerEvents, StompBrokerOptions } from './stompoptions.ts'
