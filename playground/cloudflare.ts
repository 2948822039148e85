// The few types of the Workers runtime that the playground uses; the published types clash with those of the DOM.

export type SqlValue = string | number | null | ArrayBuffer

export interface SqlStorage {
  exec<Row = Record<string, SqlValue>>(
    query: string,
    ...values: SqlValue[]
  ): Iterable<Row> & { one(): Row; toArray(): Row[]; readonly rowsWritten: number }
}

export interface ObjectState {
  readonly storage: {
    readonly sql: SqlStorage
    get<T>(key: string): Promise<T | undefined>
    put(key: string, value: unknown): Promise<void>
    delete(key: string): Promise<boolean>
    setAlarm(at: number): Promise<void>
    deleteAlarm(): Promise<void>
  }
  waitUntil(work: Promise<unknown>): void
  /** Ends this instance at once: its sockets break without a close frame, its storage stays. */
  abort(reason?: string): void
}

export interface ObjectNamespace {
  idFromName(name: string): object
  newUniqueId(): object
  get(id: object): { fetch(request: Request | string, init?: RequestInit): Promise<Response> }
}

export interface MessageBatch {
  readonly messages: readonly { readonly body: unknown; ack(): void; retry(): void }[]
}

export interface Env {
  readonly TMC_EMULATOR: ObjectNamespace
  readonly TMC_CONSUMER: ObjectNamespace
  readonly PRISM_EMULATOR: ObjectNamespace
  readonly PRISM_SESSIONS: ObjectNamespace
  readonly TAMAR_EMULATOR: ObjectNamespace
  readonly TAMAR_DEMO: ObjectNamespace
  readonly TAMBUR_EMULATOR: ObjectNamespace
  readonly WEBMQ_EMULATOR: ObjectNamespace
  readonly WIRE: ObjectNamespace
  readonly ORDERS: { send(body: unknown): Promise<void> }
  /** JSON of the settings that a new room of the TMC emulator begins with. */
  readonly TMC_SETTINGS?: string
  /** The same for Prism. */
  readonly PRISM_SETTINGS?: string
  /** The same for Tamar. */
  readonly TAMAR_SETTINGS?: string
  /** The same for Tambur. */
  readonly TAMBUR_SETTINGS?: string
  /** The same for WebMQ. */
  readonly WEBMQ_SETTINGS?: string
  /**
   * The real servers that the gateway of Tamar's room "real" works with, by the names that `fromEnv` of `isomq/tamar`
   * reads, too; RabbitMQ by Web STOMP alone. Without any of them that room is as any other.
   */
  readonly MSG_REDIS_URL?: string
  readonly MSG_REDIS_TOKEN?: string
  /** Or the host alone. */
  readonly MSG_MYSQL_URL?: string
  readonly MSG_MYSQL_HOST?: string
  readonly MSG_MYSQL_USER?: string
  readonly MSG_MYSQL_PASSWORD?: string
  readonly MSG_RABBITMQ_URL?: string
  readonly MSG_RABBITMQ_USERNAME?: string
  readonly MSG_RABBITMQ_PASSWORD?: string
  readonly MSG_RABBITMQ_VHOST?: string
}

export interface ServerSocket extends WebSocket {
  accept(): void
}

/** A socket for this side, and the response that hands its other end to the peer, with a subprotocol if it has one. */
export function acceptSocket(protocol?: string | null): { socket: ServerSocket; response: Response } {
  const Pair = (globalThis as unknown as { WebSocketPair: new () => [ServerSocket, ServerSocket] })
    .WebSocketPair
  const { 0: client, 1: socket } = new Pair()
  // By compatibility date the default is Blob, whose bytes come too late to keep the order of frames.
  socket.binaryType = 'arraybuffer'
  socket.accept()
  const headers: HeadersInit = protocol ? { 'sec-websocket-protocol': protocol } : {}
  const init = { status: 101, headers, webSocket: client }
  return { socket, response: new Response(null, init as ResponseInit) }
}

export const isUpgrade = (request: Request): boolean =>
  request.headers.get('upgrade')?.toLowerCase() === 'websocket'

export const CORS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD, POST, PUT, DELETE, OPTIONS',
  // The asterisk does not cover Authorization.
  'access-control-allow-headers': '*, Authorization',
  'access-control-expose-headers': 'date, x-request-id',
}

export const json = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), {
    status,
    headers: { ...CORS, 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  })
