import { encodeFrame, type Frame, FrameReader } from './tamar-frames.ts'
import type { RabbitAccess } from './tamar-real-settings.ts'

export interface StompEvents {
  /** It is signed in. */
  ready(): void
  /** A MESSAGE or a RECEIPT. */
  frame(frame: Frame): void
  /** It is of no use any more; told once, and not after `end`. */
  lost(error: Error): void
}

type Headers = Readonly<Record<string, string>>

/** Milliseconds between signs of life, as they are agreed on. */
const BEAT = 10_000
const HEART_BEAT = '\n'

/** One connection to Web STOMP as a client. */
export class StompSocket {
  readonly #socket: WebSocket
  readonly #events: StompEvents
  readonly #reader = new FrameReader()
  readonly #timer: ReturnType<typeof setInterval>
  #isReady = false
  #isOver = false
  #heardAt = Date.now()

  constructor({ url, username, password, vhost }: RabbitAccess, events: StompEvents) {
    this.#events = events
    const socket = new WebSocket(url, ['v12.stomp'])
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('open', () =>
      this.send('CONNECT', {
        'accept-version': '1.2',
        host: vhost,
        login: username,
        passcode: password,
        'heart-beat': `${BEAT},${BEAT}`,
      }),
    )
    socket.addEventListener('message', ({ data }) => this.#take(data))
    socket.addEventListener('close', ({ code, reason }) =>
      this.#fail(`RabbitMQ closed the socket (${code} ${reason})`),
    )
    socket.addEventListener('error', () => this.#fail('the socket to RabbitMQ broke'))
    this.#timer = setInterval(() => this.#beat(), BEAT / 2)
  }

  send(command: string, headers: Headers, body = ''): void {
    if (this.#isOver) return
    try {
      this.#socket.send(encodeFrame(command, Object.entries(headers), new TextEncoder().encode(body)))
    } catch (error) {
      this.#fail((error as Error).message)
    }
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearInterval(this.#timer)
    try {
      this.#socket.close()
    } catch {
      // It was closed already.
    }
  }

  #fail(text: string): void {
    if (this.#isOver) return
    this.end()
    this.#events.lost(new Error(text))
  }

  #take(data: string | ArrayBuffer): void {
    this.#heardAt = Date.now()
    try {
      const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : new Uint8Array(data)
      for (const frame of this.#reader.read(bytes)) if (!this.#isOver) this.#read(frame)
    } catch (error) {
      this.#fail(`what RabbitMQ sent is no STOMP: ${(error as Error).message}`)
    }
  }

  #read(frame: Frame): void {
    const { command, headers, body } = frame
    if (command === 'CONNECTED') {
      this.#isReady = true
      this.#events.ready()
    } else if (command === 'ERROR') {
      // It may leave the socket open behind it.
      const text = new TextDecoder().decode(body).trim()
      this.#fail(`RabbitMQ answered with "${headers.get('message') ?? 'an error'}: ${text}"`)
    } else this.#events.frame(frame)
  }

  #beat(): void {
    if (Date.now() - this.#heardAt > BEAT * 2.5) return this.#fail('RabbitMQ says nothing')
    if (!this.#isReady) return
    try {
      this.#socket.send(HEART_BEAT)
    } catch (error) {
      this.#fail((error as Error).message)
    }
  }
}
