// As much of the drivers' types as the tests use.
import { requirePeer, servicePeers } from '../bench/peers.ts'

/** The folder of the drivers; undefined when they can be had from nowhere. */
export const folder: string | undefined = servicePeers()

export interface RedisPeer {
  readonly isReady: boolean
  on(event: 'error', handler: (error: Error) => void): void
  connect(): Promise<unknown>
  sendCommand(args: readonly string[], options?: object): Promise<unknown>
  subscribe(
    channel: string,
    handler: (message: Buffer, channel: Buffer) => void,
    asBuffers: true,
  ): Promise<void>
  pSubscribe(
    pattern: string,
    handler: (message: Buffer, channel: Buffer) => void,
    asBuffers: true,
  ): Promise<void>
  destroy(): void
}

export interface RedisModule {
  createClient(options: object): RedisPeer
  readonly RESP_TYPES: { readonly BLOB_STRING: number; readonly SIMPLE_STRING: number }
}

export interface Field {
  readonly name: string
  readonly columnType: number
  readonly flags: number
  readonly characterSet: number
  readonly orgTable: string
  readonly orgName: string
}

/** What a query gives: a list of rows, or what it did. */
export type Answer =
  | readonly (Buffer | null)[][]
  | { readonly affectedRows: number; readonly insertId: number }

export interface MySqlConnection {
  query(options: object): Promise<[Answer, readonly Field[] | undefined]>
  release(): void
  destroy(): void
}

export interface MySqlPool {
  query<T = readonly unknown[]>(options: object | string, values?: readonly unknown[]): Promise<[T, unknown]>
  getConnection(): Promise<MySqlConnection>
  on(event: 'connection', handler: (connection: { query(sql: string): unknown }) => void): void
  end(): Promise<void>
}

export interface MySqlModule {
  createPool(options: object): MySqlPool
}

export interface AmqpMessage {
  readonly content: Buffer
  readonly fields: { readonly exchange: string; readonly routingKey: string; readonly redelivered: boolean }
  /** What the message has not is undefined. */
  readonly properties: {
    readonly contentType?: string
    readonly contentEncoding?: string
    readonly headers: Readonly<Record<string, unknown>>
    readonly deliveryMode?: number
    readonly priority?: number
    readonly correlationId?: string
    readonly replyTo?: string
    readonly expiration?: string
    readonly messageId?: string
    readonly timestamp?: number
    readonly type?: string
    readonly userId?: string
    readonly appId?: string
  }
}

export interface AmqpChannel {
  assertExchange(name: string, type: string, options: object): Promise<unknown>
  deleteExchange(name: string): Promise<unknown>
  assertQueue(name: string, options: object): Promise<{ readonly messageCount: number }>
  bindQueue(queue: string, exchange: string, key: string): Promise<unknown>
  consume(queue: string, handler: (message: AmqpMessage | null) => void): Promise<unknown>
  ack(message: AmqpMessage): void
  publish(exchange: string, key: string, content: Buffer, options: object): boolean
  waitForConfirms(): Promise<unknown>
  on(event: 'error', handler: (error: Error) => void): void
}

export interface AmqpConnection {
  createConfirmChannel(): Promise<AmqpChannel>
  on(event: 'error' | 'close', handler: (error?: Error) => void): void
  close(): Promise<void>
}

export interface AmqpModule {
  connect(options: object, socket?: object): Promise<AmqpConnection>
}

export const redisModule = (): RedisModule => requirePeer(folder!, 'redis', 'redis')
export const mysqlModule = (): MySqlModule => requirePeer(folder!, 'mysql2', 'mysql2/promise')
export const amqpModule = (): AmqpModule => requirePeer(folder!, 'amqplib', 'amqplib')
