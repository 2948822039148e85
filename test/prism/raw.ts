// Raw peers of the Prism emulator: they sign with Node's own MD5 and have nothing of the client under test.
import { createHash } from 'node:crypto'
import WebSocket from 'ws'
import { Inbox } from '../support/inbox.ts'
import { PRISM } from '../support/room.ts'

export type Pairs = readonly (readonly [name: string, value: string])[]

export interface CallInit {
  readonly method?: string
  readonly query?: Pairs
  readonly form?: Pairs
  readonly headers?: Readonly<Record<string, string>>
  /** Where the system parameters go: as most clients do it, or always into the query. */
  readonly system?: 'form' | 'query'
  readonly key?: string
  readonly secret?: string
  /** Seconds. */
  readonly time?: number | string
  readonly signMethod?: string | undefined
  /** In place of the signature. */
  readonly sign?: string
}

const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

const joined = (pairs: Pairs): string =>
  [...pairs]
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')

/** The signed text of a call, as the documentation describes it. */
function canonical(
  method: string,
  path: string,
  { headers = {}, query = [], form = [], secret = PRISM.secret }: CallInit,
): string {
  const signed = Object.entries(headers).filter(([name]) => /^(Authorization$|X-Api-)/.test(name))
  const parts = [decodeURIComponent(path), joined(signed), joined(query), joined(form)]
  return [secret, method, ...parts.map(escaped), secret].join('&')
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex').toUpperCase()

/** The signature of a call that carries just what is given. */
export const signOf = (method: string, url: URL, init: CallInit): string =>
  md5(canonical(method, url.pathname, init))

export const now = (): number => Math.floor(Date.now() / 1000)

/** Query and form of a call with all that the gateway wants to see. */
function signed(url: URL, init: CallInit): { query: Pairs; form: Pairs } {
  const { method = 'GET', key = PRISM.key, time = now() } = init
  const signMethod = 'signMethod' in init ? init.signMethod : 'md5'
  const inForm = init.system !== 'query' && /^(POST|PUT)$/.test(method)
  const system: [string, string][] = [['client_id', key]]
  if (signMethod !== undefined) system.push(['sign_method', signMethod])
  system.push(['sign_time', String(time)])
  const query = [...(init.query ?? []), ...(inForm ? [] : system)]
  const form = [...(init.form ?? []), ...(inForm ? system : [])]
  const sign = ['sign', init.sign ?? signOf(method, url, { ...init, query, form })] as const
  return inForm ? { query, form: [...form, sign] } : { query: [...query, sign], form }
}

const encoded = (pairs: Pairs): string => new URLSearchParams(pairs.map(([a, b]) => [a, b])).toString()

/** A signed URL, as a notify socket needs one. */
export function signedUrl(url: string, init: CallInit = {}): string {
  const target = new URL(url)
  target.search = encoded(signed(target, init).query)
  return target.href
}

/** Makes a signed call. */
export function call(url: string, init: CallInit = {}): Promise<Response> {
  const target = new URL(url)
  const { query, form } = signed(target, init)
  target.search = encoded(query)
  const { method = 'GET', headers } = init
  return fetch(target, {
    method,
    redirect: 'manual',
    headers: form.length > 0 ? { 'content-type': 'application/x-www-form-urlencoded', ...headers } : headers,
    body: form.length > 0 ? encoded(form) : undefined,
  })
}

export interface Delivery {
  readonly text: string
  /** Exactly as it is written. */
  readonly tag: string
  readonly key: string
  readonly body: string
}

/** A socket at the notify endpoint. */
export class NotifyPeer {
  readonly deliveries = new Inbox<Delivery>()
  readonly errors = new Inbox<string>()
  /** Frames that cannot be read. */
  readonly odd = new Inbox<string | Buffer>()
  readonly closed: Promise<number>
  /** 101, or the answer of an upgrade that was refused. */
  readonly answer: Promise<{ status: number; body: string }>
  readonly #socket: WebSocket

  constructor(baseUrl: string, init: CallInit = {}) {
    const url = signedUrl(`${baseUrl}/platform/notify`, init).replace(/^http/, 'ws')
    this.#socket = new WebSocket(url, { headers: { ...init.headers } })
    this.#socket.on('message', (data: Buffer, binary) => this.#take(data, binary))
    this.closed = new Promise((resolve) => this.#socket.on('close', resolve))
    this.answer = new Promise((resolve, reject) => {
      this.#socket.on('open', () => resolve({ status: 101, body: '' }))
      this.#socket.on('unexpected-response', async (_, response) => {
        let body = ''
        for await (const chunk of response) body += chunk
        resolve({ status: response.statusCode!, body })
      })
      this.#socket.on('error', reject)
    })
    this.answer.catch(() => {})
  }

  #take(data: Buffer, binary: boolean): void {
    const text = data.toString()
    const tag = /"tag":"?(\d+)"?\}$/.exec(text)?.[1]
    let fields: { key: string; body: string; error?: { code: string } } | undefined
    try {
      fields = JSON.parse(text)
    } catch {}
    if (binary || fields === undefined) this.odd.push(binary ? data : text)
    else if (fields.error !== undefined) this.errors.push(fields.error.code)
    else this.deliveries.push({ ...fields, text, tag: tag! })
  }

  send(frame: string | Buffer): void {
    this.#socket.send(frame)
  }

  /** Bytes in a text frame as they are, UTF-8 or not: Go's habit. */
  sendText(frame: Buffer): void {
    this.#socket.send(frame, { binary: false })
  }

  publish(
    key: string,
    body: string | Buffer,
    type = 'text/plain',
    write = (frame: Buffer) => this.send(frame),
  ) {
    const [k, b, t] = [Buffer.from(key), Buffer.from(body as string), Buffer.from(type)]
    write(Buffer.concat([Buffer.of(1), uint(2, k), k, uint(4, b), b, uint(2, t), t]))
  }

  consume(queue?: string): void {
    const name = Buffer.from(queue ?? '')
    this.send(queue === undefined ? Buffer.of(2) : Buffer.concat([Buffer.of(2), uint(2, name), name]))
  }

  ack(tag: string): void {
    this.send(Buffer.from(`\x03${tag}`))
  }

  async bodies(count: number): Promise<string[]> {
    const bodies: string[] = []
    while (bodies.length < count) bodies.push((await this.deliveries.next()).body)
    return bodies
  }

  /** Waits until the room has dealt with all that was sent: it answers what makes no sense. */
  async settled(): Promise<void> {
    this.send(Buffer.of(9))
    await this.errors.next()
  }

  close(): void {
    this.#socket.close()
  }

  /** Ends the socket without a close frame. */
  break(): void {
    this.#socket.terminate()
  }
}

/** How many bytes there are, in `width` bytes. */
function uint(width: number, { length }: Buffer): Buffer {
  const bytes = Buffer.alloc(width)
  bytes.writeUIntBE(length, 0, width)
  return bytes
}

/** A connected socket; `queue: null` does not consume. */
export async function connected(
  baseUrl: string,
  queue: string | null | undefined = undefined,
  init: CallInit = {},
): Promise<NotifyPeer> {
  const peer = new NotifyPeer(baseUrl, init)
  const { status } = await peer.answer
  if (status !== 101) throw new Error(`the socket was refused with ${status}`)
  if (queue !== null) peer.consume(queue)
  return peer
}
