// What a provider plugs into the contract suite: how to make its client, and how to play its server.
import type {
  Clock,
  DebugRecord,
  IsomqError,
  MessagesOptions,
  ReconnectOptions,
  State,
  StateChange,
  WaitOptions,
  WebSocketClass,
} from 'isomq/tmc'
import type { FakeSocket } from '../support/socket.ts'

export interface ContractMessage {
  readonly id: string
  readonly signal: AbortSignal
  ack(): Promise<void>
  nack(reason?: string): Promise<void>
}

export type ContractStatus =
  | { readonly type: 'connected' | 'relieved' }
  | { readonly type: 'slow'; readonly buffered: number }
  | { readonly type: 'disconnected' | 'malformed'; readonly error: IsomqError }
  | { readonly type: 'retrying'; readonly attempt: number; readonly delay: number }

export interface ContractEvents {
  message: ContractMessage
  state: StateChange
  status: ContractStatus
  error: Error
  debug: DebugRecord
}

export interface ContractStats {
  readonly received: number
  readonly acked: number
  readonly nacked: number
  readonly overflowed: number
  readonly lost: number
  readonly expired: number
  readonly malformed: number
  readonly reconnects: number
  readonly buffered: number
  readonly lastRoundTrip: number | undefined
}

/** What every client with a connection has. */
export interface ContractClient extends AsyncDisposable {
  readonly state: State
  connect(options?: WaitOptions): Promise<void>
  close(options?: WaitOptions): Promise<void>
  on<K extends keyof ContractEvents>(type: K, handler: (event: ContractEvents[K]) => unknown): () => void
  messages(options?: MessagesOptions): AsyncIterableIterator<ContractMessage>
  stats(): ContractStats
}

/** Options that every client with a connection takes. */
export interface ContractOptions {
  clock?: Clock
  random?: () => number
  logger?: (record: DebugRecord) => unknown
  WebSocket?: WebSocketClass
  url?: string
  connectTimeout?: number
  idleTimeout?: number
  handlerTimeout?: number
  concurrency?: number
  maxBuffered?: number
  maxPending?: number
  reconnect?: false | ReconnectOptions
  /** Makes the credentials of an attempt; gets its time. */
  sign?: (timestamp: number) => string | Promise<string>
  /** The secret of the sign-in, in place of `sign`. */
  secret?: string
}

/** The provider's server on one fake socket. Ids are whole numbers. */
export interface ScriptedServer {
  readonly socket: FakeSocket
  /** Sign-ins that arrived, with the credentials and the time in each. */
  readonly signIns: readonly { readonly signature: string; readonly timestamp: number }[]
  accept(): void
  refuse(): void
  deliver(...ids: number[]): void
  /** Bytes that are not of the protocol. */
  garbage(): Uint8Array
  readonly acked: readonly string[]
  readonly nacked: readonly string[]
  /** Calls of the client that wait for an answer, by what `call` was given. */
  readonly calls: readonly string[]
  /** Answers a call. */
  answer(call: string): void
  /** Requests for what the user asked for: subscriptions, pulls. */
  readonly asks: number
  /** Everything else that went out would be a surprise. */
  readonly frames: number
}

/** The provider's emulator, in a room of its own. */
export interface ContractRoom {
  /** Where a client connects, over a line that can break without a goodbye. */
  readonly options: ContractOptions
  produce(count: number): Promise<void>
  /** Breaks all connections. */
  drop(abrupt: boolean): Promise<void>
  /** Messages that the emulator still holds. */
  left(): Promise<number>
  refuseNext(): Promise<void>
}

export interface ContractPlug {
  readonly name: string
  readonly create: (options: ContractOptions) => ContractClient
  readonly serve: (socket: FakeSocket) => ScriptedServer
  /** A request that the server answers; undefined where the provider has none. */
  readonly call: (client: ContractClient, text: string, options?: WaitOptions) => Promise<unknown>
  readonly room: () => Promise<ContractRoom>
  /** How long after the sign-in the client has asked for what it wants. */
  readonly asksAfter: number
}
