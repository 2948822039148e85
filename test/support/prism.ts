import type { FakeSocket, Sent } from './socket.ts'

export interface Published {
  readonly key: string
  readonly body: Uint8Array
  readonly type: string
}

/** What a frame of the client asks for, read by its bytes; `odd` is what the protocol does not have. */
export type PrismCommand =
  | ({ readonly is: 'publish' } & Published)
  | { readonly is: 'consume'; readonly queue: string | undefined }
  | { readonly is: 'ack'; readonly tag: string }
  | { readonly is: 'odd'; readonly bytes: Uint8Array }

export const utf8 = (bytes: Uint8Array): string =>
  new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)

export function command(sent: Sent): PrismCommand {
  const bytes = typeof sent === 'string' ? new TextEncoder().encode(sent) : sent
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 1
  const take = (size: 2 | 4): Uint8Array => {
    const length = size === 2 ? view.getUint16(at) : view.getUint32(at)
    at += size + length
    if (at > bytes.length) throw new RangeError('a length beyond the end')
    return bytes.subarray(at - length, at)
  }
  try {
    if (bytes[0] === 1) {
      const [key, body, type] = [utf8(take(2)), take(4), utf8(take(2))]
      if (at === bytes.length) return { is: 'publish', key, body, type }
    }
    if (bytes[0] === 2) {
      const queue = bytes.length === 1 ? undefined : utf8(take(2))
      if (at === bytes.length) return { is: 'consume', queue }
    }
    if (bytes[0] === 3) return { is: 'ack', tag: utf8(bytes.subarray(1)) }
  } catch {
    // Too short, or no UTF-8.
  }
  return { is: 'odd', bytes }
}

/** A delivery as the server writes it; the tag digit by digit, since a double might be another number. */
export const deliveryText = (tag: string, body = `{"n":${tag}}`): string =>
  `${JSON.stringify({ key: 'orders.created', type: 'application/json', body, time: 1_700_000_000 }).slice(0, -1)},"tag":${tag}}`

/** The Prism server's side of a fake socket. */
export class PrismScript {
  readonly socket: FakeSocket

  constructor(socket: FakeSocket) {
    this.socket = socket
  }

  /** The signed query of the upgrade. */
  get query(): URLSearchParams {
    return new URL(this.socket.url).searchParams
  }

  /** All frames of the client, in order. */
  get commands(): PrismCommand[] {
    return this.socket.sent.map(command)
  }

  #of<K extends PrismCommand['is']>(is: K): Extract<PrismCommand, { is: K }>[] {
    return this.commands.filter((it): it is Extract<PrismCommand, { is: K }> => it.is === is)
  }

  get consumes(): (string | undefined)[] {
    return this.#of('consume').map(({ queue }) => queue)
  }

  get acked(): string[] {
    return this.#of('ack').map(({ tag }) => tag)
  }

  get published(): Published[] {
    return this.#of('publish').map(({ key, body, type }) => ({ key, body, type }))
  }

  /** The bodies of what was published, as text. */
  get bodies(): string[] {
    return this.#of('publish').map(({ body }) => utf8(body))
  }

  /** What the protocol does not have. */
  get odd(): Uint8Array[] {
    return this.#of('odd').map(({ bytes }) => bytes)
  }

  open(): void {
    this.socket.open()
  }

  /** Text as it is, bytes as the ArrayBuffer that `binaryType` asks for. */
  send(frame: string | Uint8Array): void {
    if (typeof frame === 'string') this.socket.message(frame)
    else this.socket.bytes(frame)
  }

  /** Delivers messages of these tags. */
  deliver(...tags: (bigint | number)[]): void {
    for (const tag of tags) this.send(deliveryText(String(tag)))
  }
}

/** The same address over HTTP, which a client asks why it was refused. */
export const overHttp = (url: string): string => url.replace(/^ws/, 'http')

export const refusal = (
  status = 401,
  error: unknown = { code: 'sign error', message: 'invalid sign' },
): Response =>
  new Response(JSON.stringify({ error }), { status, headers: { 'content-type': 'application/json' } })
