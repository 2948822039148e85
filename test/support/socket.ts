import type { WebSocketClass, WebSocketLike } from 'isomq'

type Handler = ((event: never) => void) | null
export type Sent = string | Uint8Array

const CONNECTING = 0
const OPEN = 1
const CLOSING = 2
const CLOSED = 3

/** The client's end of a socket without a network; the test plays the server. */
export class FakeSocket implements WebSocketLike {
  readonly url: string
  readonly protocols: string[] | undefined
  readonly sent: Sent[] = []
  /** The subprotocol that the server chooses; to be set before it opens the socket. Otherwise the first offered. */
  protocol: string
  binaryType = 'blob'
  readyState: number = CONNECTING
  /** Bytes that the network has not taken yet, as far as the client can see. */
  bufferedAmount = 0
  onopen: Handler = null
  onmessage: Handler = null
  onerror: Handler = null
  onclose: Handler = null
  /** Whether a `close()` of the client is answered. */
  answersClose = true
  /** What `send` throws, as a socket of another request does in Workers. */
  sendFails: Error | undefined
  /** How the client closed it, if it did. */
  closedBy: { code: number | undefined } | undefined

  constructor(url: string, protocols?: string[]) {
    this.url = url
    this.protocols = protocols
    this.protocol = protocols?.[0] ?? ''
  }

  send(data: string | Uint8Array): void {
    if (this.sendFails) throw this.sendFails
    if (this.readyState === CONNECTING) throw new Error('InvalidStateError: still connecting')
    if (this.readyState === OPEN) this.sent.push(typeof data === 'string' ? data : data.slice())
  }

  close(code?: number): void {
    if (this.readyState >= CLOSING) return
    this.readyState = CLOSING
    this.closedBy = { code }
    if (this.answersClose) queueMicrotask(() => this.drop(code ?? 1005))
  }

  /** Handlers that are set: a socket that is let go has none but a deaf `onerror`. */
  get handlers(): number {
    return [this.onopen, this.onmessage, this.onclose].filter((handler) => handler !== null).length
  }

  get isOver(): boolean {
    return this.readyState >= CLOSING
  }

  open(): void {
    if (this.readyState !== CONNECTING) return
    this.readyState = OPEN
    this.onopen?.({ type: 'open' } as never)
  }

  /** Whatever a runtime may hand over: text, ArrayBuffer, view, Blob. */
  message(data: unknown): void {
    if (this.readyState === OPEN) this.onmessage?.({ type: 'message', data } as never)
  }

  /** Bytes as the ArrayBuffer that `binaryType` asks for. */
  bytes(bytes: Uint8Array): void {
    this.message(bytes.slice().buffer)
  }

  error(error: unknown = new Error('the network failed')): void {
    this.onerror?.({ type: 'error', error } as never)
  }

  /** The connection is gone; 1006 is a break without a goodbye. */
  drop(code = 1006, reason = ''): void {
    if (this.readyState === CLOSED) return
    this.readyState = CLOSED
    if (code === 1006) this.error()
    this.onclose?.({ type: 'close', code, reason } as never)
  }
}

/** A class to inject, and what was made of it. */
export interface FakeNetwork {
  readonly WebSocket: WebSocketClass
  readonly sockets: FakeSocket[]
  /** The socket that was opened last. */
  readonly last: FakeSocket
  /** Plays the server for every socket from now on; called while the socket still connects. */
  onDial: ((socket: FakeSocket) => void) | undefined
}

export function fakeNetwork(): FakeNetwork {
  const sockets: FakeSocket[] = []
  const network: FakeNetwork = {
    WebSocket: class extends FakeSocket {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols)
        sockets.push(this)
        network.onDial?.(this)
      }
    },
    sockets,
    get last() {
      const socket = sockets.at(-1)
      if (!socket) throw new Error('no socket was opened')
      return socket
    },
    onDial: undefined,
  }
  return network
}
