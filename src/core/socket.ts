import type { Provider } from './errors.ts'
import { IsomqError } from './errors.ts'

/** The part of the Web's `WebSocket` that isomq uses: what an injected class must have. */
export interface WebSocketLike {
  binaryType: string
  readonly readyState: number
  /** Bytes that were taken and are not on the network yet; not every class tells. */
  readonly bufferedAmount?: number
  readonly protocol?: string
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  send(data: string | Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
}

export type WebSocketClass = new (url: string, protocols?: string[]) => WebSocketLike

/** What one WebSocket message holds. */
export type Frame = string | Uint8Array

export interface SocketEvents {
  opened(): void
  received(frame: Frame): void
  /**
   * The socket is gone; 1006 (or 0) means that it broke without a goodbye. What follows, this again included,
   * means nothing.
   */
  closed(code: number, reason: string, cause?: unknown): void
}

export interface Socket {
  /** The subprotocol that the server has chosen; empty when it chose none. */
  readonly protocol?: string
  send(frame: string | Uint8Array<ArrayBuffer>): void
  /** Bytes that were taken and are not on the network yet, as far as the runtime tells. */
  readonly buffered?: number
  /** It would take a frame and drop it without a word; that it is closed is told soon. */
  readonly closing?: boolean
  /** Says goodbye; `closed` follows. */
  close(code: number): void
  /** Ends it without waiting for the other side, where the runtime can; no event follows. */
  destroy(): void
}

const OPEN = 1

/** The given class, the runtime's, or the one of `isows` where the runtime has none (Node before 22). */
export async function findWebSocket(provider: Provider, given?: WebSocketClass): Promise<WebSocketClass> {
  const found = given ?? (globalThis as { WebSocket?: unknown }).WebSocket
  if (found) return found as WebSocketClass
  try {
    const Ws = (await import('isows')).WebSocket as unknown as new (...given: unknown[]) => WebSocketLike
    // To inflate each small frame takes `ws` longer than all the rest; what is worth it comes compressed anyway.
    return class extends Ws {
      constructor(url: string, protocols: string[] = []) {
        super(url, protocols, { perMessageDeflate: false })
      }
    }
  } catch (cause) {
    const text = 'this runtime has no WebSocket; install "ws" or give the option WebSocket'
    throw new IsomqError(provider, 'CONNECT_FAILED', text, { cause, retryable: false })
  }
}

/** Opens a WebSocket and hands its frames over in order of arrival, binary ones as bytes. */
export function openSocket(
  Class: WebSocketClass,
  url: string,
  protocols: string[] | undefined,
  events: SocketEvents,
): Socket {
  const socket = protocols ? new Class(url, protocols) : new Class(url)
  // Views of what was read from the network, as `ws` and Bun give them, save a copy.
  if (socket.binaryType !== 'nodebuffer') socket.binaryType = 'arraybuffer'
  let failure: unknown
  // Some runtimes give Blobs whatever binaryType says. Reading one takes a while: what comes after waits.
  let reading: Promise<void> | undefined
  const inOrder = (act: () => void | Promise<void>) => {
    if (!reading) return void act()
    reading = reading.then(act).catch((cause) => {
      // A hole in the order of frames: the line is of no use any more.
      handle.destroy()
      events.closed(1006, 'a frame could not be read', cause)
    })
  }
  socket.onopen = () => events.opened()
  socket.onmessage = ({ data }: { data: unknown }) => {
    const frame = frameOf(data)
    if (frame !== undefined) return inOrder(() => events.received(frame))
    reading ??= Promise.resolve()
    inOrder(async () => events.received(new Uint8Array(await (data as Blob).arrayBuffer())))
  }
  // The close event follows; its cause, where the runtime tells it, comes only here.
  socket.onerror = (event: { error?: unknown; message?: unknown }) => {
    failure ??= event?.error ?? event?.message
  }
  socket.onclose = ({ code, reason }: { code: number; reason: string }) =>
    inOrder(() => events.closed(code, String(reason ?? ''), failure))
  const hold = holder(socket)
  const handle: Socket = {
    get protocol() {
      return socket.protocol ?? ''
    },
    get buffered() {
      return readable(() => socket.bufferedAmount) ?? 0
    },
    get closing() {
      return (readable(() => socket.readyState) ?? OPEN) > OPEN
    },
    send(frame) {
      hold()
      socket.send(frame)
    },
    close(code) {
      try {
        socket.close(code)
      } catch (cause) {
        events.closed(1006, '', cause)
      }
    },
    destroy() {
      try {
        socket.onopen = socket.onmessage = socket.onclose = null
        // A socket of `ws` that is ended while it opens still reports an error, which somebody must hear.
        socket.onerror = () => {}
        const { terminate } = socket as { terminate?: () => void }
        if (terminate) terminate.call(socket)
        else if (socket.readyState < 2) socket.close()
      } catch {
        // In Workers the socket of another request cannot be touched; it ends with that request.
      }
    },
  }
  return handle
}

/** In Workers nothing of another request's socket can be read; that shows when something is sent. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

function frameOf(data: unknown): Frame | undefined {
  if (typeof data === 'string') return data
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return undefined
}

/**
 * `ws` writes each frame to the network by itself. Held together for as long as the code at hand runs, the acks
 * for a burst of messages go out in one piece. Other WebSockets do so already, or know no way to.
 */
function holder(socket: { _socket?: { cork?(): void; uncork(): void } | null } & object): () => void {
  let holding = false
  return () => {
    const stream = socket._socket
    if (holding || !stream?.cork) return
    holding = true
    stream.cork()
    queueMicrotask(() => {
      holding = false
      stream.uncork()
    })
  }
}
