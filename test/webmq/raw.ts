// Raw peers of the WebMQ emulator: they write messages by hand, sign with Node's own crypto, and have nothing of
// the client under test.
import { createHmac, pbkdf2Sync } from 'node:crypto'
import WebSocket from 'ws'
import { Inbox } from '../support/inbox.ts'
import { WEBMQ } from '../support/room.ts'

export type Message = readonly unknown[]

const hmac = (hash: 'sha1' | 'sha256', key: string, text: string): string =>
  createHmac(hash, key).update(text).digest('base64')

const urlSafe = (base64: string): string => base64.replaceAll('+', '-').replaceAll('/', '_')

/** The signature of a challenge. */
export const signed = (key: string, challenge: string): string => hmac('sha256', key, challenge)

export const derived = (secret: string, salt: string, iterations: number, keylen = 32): string =>
  pbkdf2Sync(secret, salt, iterations, keylen, 'sha256').toString('base64')

export interface PushInit {
  readonly topic?: string
  readonly body?: string | Buffer
  readonly key?: string
  readonly secret?: string
  readonly dialect?: 'webmq' | 'autobahn'
  /** Milliseconds by which the timestamp is off. */
  readonly off?: number
  /** Parameters that are added, changed or, when undefined, left out. */
  readonly query?: Readonly<Record<string, string | undefined>>
}

function withQuery(url: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return `${url}?${new URLSearchParams(given)}`
}

/** A push as the connectors write it, signed if there is a key. */
export function push(url: string, init: PushInit = {}): Promise<Response> {
  const { topic = 'com.example.topic', body = '{"n":1}', key, secret = WEBMQ.secret } = init
  const query: Record<string, string | undefined> = { topicuri: topic }
  if (key !== undefined) {
    const old = init.dialect === 'autobahn'
    const timestamp = `${new Date(Date.now() + (init.off ?? 0)).toISOString().slice(0, 19)}Z`
    query.timestamp = timestamp
    query[old ? 'appkey' : 'authkey'] = key
    query.signature = urlSafe(hmac(old ? 'sha1' : 'sha256', secret, topic + key + timestamp + body))
  }
  return fetch(withQuery(`${url}/`, { ...query, ...init.query }), {
    method: 'POST',
    body: body as BodyInit,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
}

export interface BridgeInit {
  readonly method?: string
  readonly key?: string
  readonly secret?: string
  readonly off?: number
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly headers?: Readonly<Record<string, string>>
}

/** A request to Crossbar.io's bridge, signed if there is a key. */
export function bridge(url: string, body: unknown, init: BridgeInit = {}): Promise<Response> {
  const { key, secret = WEBMQ.secret, method = 'POST' } = init
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const query: Record<string, string | undefined> = {}
  if (key !== undefined) {
    query.timestamp = new Date(Date.now() + (init.off ?? 0)).toISOString()
    query.seq = '1'
    query.nonce = '1234567'
    query.key = key
    query.signature = urlSafe(hmac('sha256', secret, `${key + query.timestamp}11234567${text}`))
  }
  const headers = init.headers ?? { 'content-type': 'application/json' }
  const content = method === 'GET' ? {} : { body: text }
  return fetch(withQuery(url, { ...query, ...init.query }), { method, headers, ...content })
}

/** A socket that speaks WAMP, of whatever version. */
export class WampPeer {
  readonly messages = new Inbox<Message>()
  readonly closed: Promise<{ code: number; reason: string }>
  /** The subprotocol, or the status and text of a refusal. */
  readonly opened: Promise<string>
  /** Of version 1 or 2, as soon as it is known. */
  session: unknown
  readonly #socket: WebSocket

  constructor(url: string, protocols: string | string[]) {
    this.#socket = new WebSocket(url, protocols)
    this.#socket.on('message', (data: Buffer) => this.messages.push(parsed(data.toString())))
    this.closed = new Promise((resolve) =>
      this.#socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    )
    this.opened = new Promise((resolve, reject) => {
      this.#socket.on('open', () => resolve(this.#socket.protocol))
      this.#socket.on('unexpected-response', async (_, response) => {
        let body = ''
        for await (const chunk of response) body += chunk
        resolve(`${response.statusCode} ${body.trim()}`)
      })
      this.#socket.on('error', reject)
    })
    this.opened.catch(() => {})
  }

  send(...message: unknown[]): void {
    this.sendRaw(JSON.stringify(message))
  }

  sendRaw(frame: string | Buffer): void {
    this.#socket.send(frame)
  }

  next(): Promise<Message> {
    return this.messages.next()
  }

  /** Sends, and waits for the next message. */
  ask(...message: unknown[]): Promise<Message> {
    this.send(...message)
    return this.next()
  }

  close(): void {
    this.#socket.close()
  }

  break(): void {
    this.#socket.terminate()
  }
}

/** What is no JSON, or no list, stands for itself. */
function parsed(text: string): Message {
  try {
    const message: unknown = JSON.parse(text)
    if (Array.isArray(message)) return message
  } catch {}
  return [text]
}

const SETTLED = 'settled'

/** A session of version 1. */
export class Peer1 extends WampPeer {
  static async connect(url: string, protocols: string | string[] = 'wamp'): Promise<Peer1> {
    const peer = new Peer1(url, protocols)
    const [, id] = await peer.next()
    peer.session = id
    return peer
  }

  async subscribe(...topics: string[]): Promise<this> {
    for (const topic of topics) this.send(5, topic)
    expectEmpty(await this.settled())
    return this
  }

  /** What has come until the room has dealt with all that was sent. */
  async settled(): Promise<Message[]> {
    this.send(2, SETTLED, 'http://example.com/demo#echo')
    const came: Message[] = []
    for (;;) {
      const message = await this.next()
      if (message[1] === SETTLED) return came
      came.push(message)
    }
  }
}

/** A session of version 2. */
export class Peer2 extends WampPeer {
  #request = 0

  static async connect(url: string, details: object = {}): Promise<Peer2> {
    const peer = new Peer2(url, 'wamp.2.json')
    await peer.opened
    const [type, id] = await peer.ask(1, WEBMQ.realm, { roles: ROLES, ...details })
    if (type === 2) peer.session = id
    else peer.messages.push([type, id])
    return peer
  }

  /** Sends a request, and gives its id. */
  request(type: number, ...rest: unknown[]): number {
    this.send(type, ++this.#request, ...rest)
    return this.#request
  }

  asked(type: number, ...rest: unknown[]): Promise<Message> {
    this.request(type, ...rest)
    return this.next()
  }

  /** Gives the id of the subscription. */
  async subscribe(topic: string, options: object = {}): Promise<number> {
    const [, , id] = await this.asked(32, options, topic)
    return id as number
  }

  async settled(): Promise<Message[]> {
    const request = this.request(48, {}, 'com.example.demo.echo')
    const came: Message[] = []
    for (;;) {
      const message = await this.next()
      if (message[0] === 50 && message[1] === request) return came
      came.push(message)
    }
  }
}

export const ROLES = { publisher: {}, subscriber: {}, caller: {}, callee: {} }

function expectEmpty(messages: Message[]): void {
  if (messages.length > 0) throw new Error(`came unasked: ${JSON.stringify(messages)}`)
}
