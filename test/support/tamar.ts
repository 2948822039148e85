// Peers of the Tamar emulator that have nothing of the client under test.
import { type Connection, connect } from '@planetscale/database'
import { Redis } from '@upstash/redis'
import WebSocket from 'ws'
import { Inbox } from './inbox.ts'
import { TAMAR, type TamarRoom } from './room.ts'

/** What PlanetScale's client gives to a room's database. */
export const database = ({ mysql }: TamarRoom): Connection => connect({ url: mysql })

/** Upstash's client; what fails is not tried again. */
export const redisOf = ({ redis }: TamarRoom, options: object = {}): Redis =>
  new Redis({ url: redis, token: TAMAR.token, retry: false, enableTelemetry: false, ...options })

/** A frame of STOMP. */
export interface StompFrame {
  readonly command: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A bare socket that speaks STOMP frame by frame. */
export class StompPeer {
  readonly frames = new Inbox<StompFrame>()
  readonly beats = new Inbox<number>()
  readonly closed: Promise<{ code: number; reason: string }>
  readonly opened: Promise<void>
  /** The messages of the socket as they came. */
  readonly raw: (string | Buffer)[] = []
  readonly #socket: WebSocket

  constructor(url: string, protocols: string[] = ['v12.stomp']) {
    this.#socket = new WebSocket(url, protocols)
    this.opened = new Promise((resolve) => this.#socket.on('open', resolve))
    this.closed = new Promise((resolve) => {
      this.#socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
    this.#socket.on('message', (data: Buffer, binary) => {
      this.raw.push(binary ? data : data.toString())
      const text = data.toString()
      if (/^\n+$/.test(text)) this.beats.push(text.length)
      else this.frames.push(frameOf(text))
    })
    this.#socket.on('error', () => {})
  }

  get protocol(): string {
    return this.#socket.protocol
  }

  /** Sends bytes or text as they are. */
  put(data: string | Buffer): void {
    this.#socket.send(data)
  }

  /** Sends a frame; in the headers nothing is escaped. */
  send(command: string, headers: Readonly<Record<string, string>> = {}, body = ''): void {
    this.put(text(command, headers, body))
  }

  /** Sends a frame with a receipt and waits for that, past all else. */
  async confirmed(command: string, headers: Readonly<Record<string, string>>, body = ''): Promise<void> {
    const receipt = `r${++receipts}`
    this.send(command, { ...headers, receipt }, body)
    const frame = await this.frames.next()
    if (frame.command !== 'RECEIPT' || frame.headers['receipt-id'] !== receipt) {
      throw new Error(`in place of a receipt came ${frame.command} ${JSON.stringify(frame.headers)}`)
    }
  }

  close(): void {
    this.#socket.close()
  }

  /** Ends the socket without a close frame. */
  break(): void {
    this.#socket.terminate()
  }
}

let receipts = 0

export function text(command: string, headers: Readonly<Record<string, string>>, body = ''): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`)
  return `${command}\n${lines.join('')}\n${body}\0`
}

function frameOf(text: string): StompFrame {
  const end = text.indexOf('\n\n')
  const [command = '', ...lines] = text.slice(0, end).split('\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
  return { command, headers, body: text.slice(end + 2).replace(/\0\n$/, '') }
}

export const LOGIN = { 'accept-version': '1.2', host: '/', login: TAMAR.username, passcode: TAMAR.password }

/** A peer that has signed in. */
export async function stomp(url: string, headers: Readonly<Record<string, string>> = {}): Promise<StompPeer> {
  const peer = new StompPeer(url)
  await peer.opened
  peer.send('CONNECT', { ...LOGIN, ...headers })
  const { command } = await peer.frames.next()
  if (command !== 'CONNECTED') throw new Error(`in place of CONNECTED came ${command}`)
  return peer
}

/** Where the seed sends the names of rows to. */
export const DESTINATION = `/exchange/${TAMAR.exchange}/${TAMAR.routingKey}`

/** What the gateway sends to a user. */
export interface UserFrame {
  readonly type: 'realtime' | 'reliable' | 'command' | 'error'
  readonly id: string
  readonly seq: number
  readonly payload: unknown
  readonly command: string
  readonly data: unknown
  readonly expiresAt: number
  readonly reason: string
}

/** A user's socket to the gateway. */
export class UserPeer {
  readonly frames = new Inbox<UserFrame>()
  /** Frames that cannot be read. */
  readonly odd = new Inbox<string>()
  readonly closed: Promise<number>
  readonly opened: Promise<void>
  readonly #socket: WebSocket

  constructor(url: string) {
    this.#socket = new WebSocket(url)
    this.opened = new Promise((resolve, reject) => {
      this.#socket.on('open', resolve)
      this.#socket.on('unexpected-response', (_, { statusCode }) => reject(new Error(String(statusCode))))
    })
    this.closed = new Promise((resolve) => this.#socket.on('close', resolve))
    this.#socket.on('error', () => {})
    this.#socket.on('message', (data: Buffer) => {
      try {
        this.frames.push(JSON.parse(data.toString()) as UserFrame)
      } catch {
        this.odd.push(data.toString())
      }
    })
  }

  send(frame: unknown): void {
    this.#socket.send(JSON.stringify(frame))
  }

  ack(id: string): void {
    this.send({ type: 'ack', id })
  }

  respond(id: string, response: unknown): void {
    this.send({ type: 'response', id, response })
  }

  /** Waits until the gateway has read all that was sent: it answers what makes no sense. */
  async settled(): Promise<void> {
    this.send({})
    for (;;) if ((await this.frames.next()).type === 'error') return
  }

  close(): void {
    this.#socket.close()
  }
}

/** A user who is there. */
export async function user(room: TamarRoom, id: string): Promise<UserPeer> {
  const peer = new UserPeer(room.user(id))
  await peer.opened
  return peer
}

/** Resolves when the room's count is as wanted. */
export async function counted(room: TamarRoom, name: string, count: number): Promise<void> {
  while ((await room.stats())[name] !== count) await new Promise((resolve) => setTimeout(resolve, 10))
}

export interface NewRow {
  readonly userId?: string
  readonly pushType?: 1 | 2
  readonly seq?: number | string
  readonly payload?: unknown
  /** Seconds since 1970. */
  readonly expires?: number
  readonly retryInterval?: number
  readonly requestId?: string
}

/** Puts a row into the table as the SDKs do; gives its id. */
export async function insert(room: TamarRoom, row: NewRow = {}): Promise<string> {
  const { userId = 'ann', pushType = 1, seq = 1, payload = { n: 1 }, expires = null } = row
  const { retryInterval = null, requestId = pushType === 2 ? crypto.randomUUID() : null } = row
  const id = crypto.randomUUID()
  await database(room).execute(
    `INSERT INTO push_messages (id, sender_type, sender_id, target_user_id, push_type, seq, payload, status,
      command_request_id, nonce, expired_at, retry_interval)
     VALUES (?, 'server', NULL, ?, ?, ?, ?, 'PENDING', ?, ?, FROM_UNIXTIME(?), ?)`,
    [
      id,
      userId,
      pushType,
      seq,
      JSON.stringify(payload),
      requestId,
      crypto.randomUUID(),
      expires,
      retryInterval,
    ],
  )
  return id
}

/** A row of the table as the control API shows it. */
export async function rowOf(room: TamarRoom, id: string): Promise<Record<string, string | null>> {
  const { rows } = await room.control('rows', { id })
  return (rows as Record<string, string | null>[])[0]!
}
