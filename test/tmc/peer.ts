import {
  decodeFrame,
  encodeFrame,
  signConnect,
  type TmcFrame,
  type TmcFrameInit,
  type TmcValue,
} from 'isomq/tmc'
import WebSocket from 'ws'
import { Inbox } from '../support/inbox.ts'

export const APP = { appKey: '12345678', appSecret: 'isomq-secret' } as const

export const byte = (value: number): TmcValue => ({ type: 'byte', value })
export const text = (value: string): TmcValue => ({ type: 'string', value })
export const int64 = (value: bigint): TmcValue => ({ type: 'int64', value })

/** A bare socket that speaks TMC frame by frame, with nothing of the client under test. */
export class Peer {
  readonly frames = new Inbox<TmcFrame>()
  /** Frames that cannot be read, and text. */
  readonly odd = new Inbox<Uint8Array | string>()
  readonly closed: Promise<number>
  token = ''
  readonly #socket: WebSocket
  readonly #opened: Promise<void>

  constructor(url: string) {
    this.#socket = new WebSocket(url)
    this.#socket.binaryType = 'arraybuffer'
    this.#socket.on('message', (data: ArrayBuffer | Buffer, isBinary) => {
      if (isBinary) this.#take(new Uint8Array(data as ArrayBuffer))
      else this.odd.push(data.toString())
    })
    this.#opened = new Promise((resolve, reject) => {
      this.#socket.on('open', resolve)
      this.#socket.on('error', reject)
    })
    this.#opened.catch(() => {})
    this.closed = new Promise((resolve) => this.#socket.on('close', resolve))
  }

  #take(bytes: Uint8Array): void {
    let frame: TmcFrame
    try {
      frame = decodeFrame(bytes)
    } catch {
      this.odd.push(bytes)
      return
    }
    this.frames.push(frame)
  }

  async raw(data: Uint8Array | string): Promise<void> {
    await this.#opened
    this.#socket.send(data)
  }

  send(frame: TmcFrameInit): Promise<void> {
    return this.raw(encodeFrame(frame))
  }

  /** Sends CONNECT and gives the answer; headers override what is right. */
  async connect(headers: Record<string, string> = {}, flag: number | undefined = 7): Promise<TmcFrame> {
    const timestamp = headers.timestamp ?? String(Date.now())
    const appKey = headers.app_key ?? APP.appKey
    const groupName = headers.group_name ?? 'default'
    const sign = signConnect({ ...APP, appKey, groupName, timestamp })
    const all = { app_key: appKey, group_name: groupName, timestamp, sign, sdk: 'raw', ...headers }
    const entries = Object.entries(all).map(([key, value]) => [key, text(value)] as const)
    await this.send({ type: 'connect', flag, headers: entries })
    const answer = await this.frames.next()
    this.token = answer.token ?? ''
    return answer
  }

  request(kind: number, headers: [string, TmcValue][] = [], flag?: number): Promise<void> {
    return this.send({ type: 'send', flag, token: this.token, headers: [['__kind', byte(kind)], ...headers] })
  }

  confirm(id: bigint): Promise<void> {
    return this.request(2, [['id', int64(id)]])
  }

  fail(id: bigint, reason: string): Promise<void> {
    return this.request(20, [
      ['id', int64(id)],
      ['msg', text(reason)],
    ])
  }

  async nextId(): Promise<bigint> {
    const { headers } = await this.frames.next()
    return headers.get('id')!.value as bigint
  }

  close(): void {
    this.#socket.close()
  }

  /** Ends the socket without a close frame. */
  break(): void {
    this.#socket.terminate()
  }
}

export interface RoomStats {
  readonly [name: string]: unknown
}

/** A room of the emulator, seen from outside. */
export class Room {
  readonly url: string
  readonly name: string

  constructor(base: string, name: string) {
    this.name = name
    this.url = `${base}/tmc/${name}`
  }

  /** A new socket; on a wire it can be cut without a close frame. */
  peer(path: '' | 'wire' = ''): Peer {
    return new Peer(`${this.url.replace(/^http/, 'ws')}/${path}`)
  }

  async signedIn(group = 'default', path: '' | 'wire' = ''): Promise<Peer> {
    const peer = this.peer(path)
    await peer.connect({ group_name: group })
    return peer
  }

  async control(op: string, args: object = {}): Promise<RoomStats> {
    const response = await fetch(`${this.url}/control`, {
      method: 'POST',
      body: JSON.stringify({ op, ...args }),
    })
    const answer = (await response.json()) as RoomStats
    if (answer.ok !== true) throw new Error(`${op}: ${answer.error}`)
    return answer
  }

  stats(): Promise<RoomStats> {
    return this.control('stats')
  }
}
