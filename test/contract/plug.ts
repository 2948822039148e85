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
} from 'isomq'
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
  /** Where calls have no answer: those that a lost connection leaves in doubt, by their numbers. */
  | { readonly type: 'doubtful'; readonly first: number; readonly last: number }

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
  /** Without acks: what iterations had no room for. */
  readonly dropped?: number
  /** Where calls are answered. */
  readonly lastRoundTrip?: number | undefined
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
  /** Where a sign-in takes turns of the event loop: resolves when it is through, or the socket over. */
  accepted?(): Promise<void>
  /** Refuses the sign-in; `refused` of the harness waits until the client knows. */
  refuse(): void
  deliver(...ids: number[]): void
  /** Bytes that are not of the protocol. */
  garbage(): Uint8Array
  readonly acked: readonly string[]
  readonly nacked: readonly string[]
  /** Calls of the client, by what `call` was given. */
  readonly calls: readonly string[]
  /** Answers a call that arrived; where calls have no answer, just sees to it that it did. */
  answer(call: string): void
  /** Requests for what the user asked for: subscriptions, pulls. */
  readonly asks: number
  /** All that went out on the socket, a sign-in included; more would be a surprise. */
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
  /** Without acks: who gets what is produced now. */
  listeners?(): Promise<number>
  refuseNext(): Promise<void>
}

/** What a protocol has. A test that needs what is not there is not defined; one that needs its absence is. */
export interface ContractTraits {
  /** Messages come to handlers and iterations. Without it nothing comes but answers, which one listener gets. */
  readonly messages: boolean
  /**
   * Messages are acknowledged, and come again until they are. Without it every handler and every iteration gets each
   * message, a message is lost with the connection, and what an iteration has no room for is dropped.
   */
  readonly acks: boolean
  /** Credentials are made anew for every attempt; without it each attempt gives the same ones. */
  readonly signs: boolean
  /** The server can refuse a sign-in when there is a socket already. */
  readonly refusals: boolean
  /** The server answers a sign-in on the open socket; without it an open socket is all there is to wait for. */
  readonly handshake: boolean
  /** The sign-in answers a challenge on the open socket; without it, it is made before the socket is. */
  readonly challenges?: boolean
  /** A message that failed is told to the server; without it such a message just stays unacknowledged. */
  readonly nacks: boolean
  /** The server answers calls; without it they are done once they were handed to the socket. */
  readonly answers: boolean
  /** `close()` lets calls that were sent have their answers, as long as it is patient. */
  readonly drains: boolean
  /** A malformed frame harms no other; without it what comes behind one cannot be told apart, and the line is replaced. */
  readonly framed: boolean
  /** A silent line is asked for a sign of life, and replaced, whatever the options say. */
  readonly watched: boolean
  /** Messages are asked for again and again; without it once per session, as soon as anybody wants them. */
  readonly pulls: boolean
}

/** What the clients that hand out messages have in common. */
export const CLIENT = {
  messages: true,
  signs: true,
  drains: false,
  framed: true,
  watched: false,
} as const satisfies Partial<ContractTraits>

export interface ContractPlug {
  readonly name: string
  /** What it is called in the titles of tests, where its name is not enough. */
  readonly title?: string
  readonly traits: ContractTraits
  /** What the provider calls options that the suite calls otherwise. */
  readonly optionNames?: Readonly<Partial<Record<keyof ContractOptions, string>>>
  /** Milliseconds that two sign-ins must be apart to carry different times. */
  readonly timeStep: number
  readonly create: (options: ContractOptions) => ContractClient
  readonly serve: (socket: FakeSocket) => ScriptedServer
  /** Sends something to the server. Resolves when it answered; where calls have no answer, with the call's number. */
  readonly call: (client: ContractClient, text: string, options?: WaitOptions) => Promise<unknown>
  readonly room: () => Promise<ContractRoom>
  /** Tells the messages of a room apart, over connections. */
  readonly nameOf: (message: ContractMessage) => string
  /** How long after the sign-in the client has asked for what it wants. */
  readonly asksAfter: number
}
