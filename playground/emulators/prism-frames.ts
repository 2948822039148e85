import { publication } from './prism-text.ts'

/** What a client asks for over the socket. */
export type Command =
  | {
      readonly type: 'publish'
      readonly key: string
      readonly body: Uint8Array
      readonly contentType: string
    }
  | { readonly type: 'consume'; readonly queue: string }
  | { readonly type: 'ack'; readonly tag: string }

/** Says what is wrong with a command. */
export class Malformed extends Error {}

/** Reads bytes from the front; strict about the end. */
class Reader {
  readonly #bytes: Uint8Array
  #at = 1

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get rest(): number {
    return this.#bytes.length - this.#at
  }

  take(count: number, what: string): Uint8Array {
    if (count > this.rest) {
      throw new Malformed(`the ${what} should have ${count} bytes, but ${this.rest} are left`)
    }
    this.#at += count
    return this.#bytes.subarray(this.#at - count, this.#at)
  }

  /** Bytes with their count in front, which is big endian and `width` bytes wide. */
  counted(width: 2 | 4, what: string): Uint8Array {
    let count = 0
    for (const byte of this.take(width, `length of the ${what}`)) count = count * 256 + byte
    return this.take(count, what)
  }

  end(): void {
    if (this.rest > 0) throw new Malformed(`${this.rest} bytes too many`)
  }
}

/** A command of any client: Go sends text frames, the others binary ones, with the same bytes in both. */
export function decodeCommand(frame: string | ArrayBuffer): Command {
  if (typeof frame !== 'string') return decode(new Uint8Array(frame))
  if (!frame.startsWith('\x01') || !frame.includes('\ufffd')) return decode(new TextEncoder().encode(frame))
  const bytes = publication(frame)
  if (bytes !== undefined) return decode(bytes)
  throw new Malformed('the lengths in this text frame are no UTF-8 and were lost; send it as a binary frame')
}

function decode(bytes: Uint8Array): Command {
  const reader = new Reader(bytes)
  switch (bytes[0]) {
    case 1: {
      const key = utf8(reader.counted(2, 'routing key'), 'routing key')
      const body = reader.counted(4, 'body')
      const contentType = utf8(reader.counted(2, 'content type'), 'content type')
      reader.end()
      return { type: 'publish', key, body, contentType }
    }
    case 2: {
      // Without a name it is the default queue; PHP writes the empty name.
      const queue = reader.rest === 0 ? '' : utf8(reader.counted(2, 'queue name'), 'queue name')
      reader.end()
      return { type: 'consume', queue }
    }
    case 3: {
      const tag = new TextDecoder('latin1').decode(bytes.subarray(1))
      if (!/^\d{1,20}$/.test(tag)) throw new Malformed('a tag is 1 to 20 decimal digits')
      return { type: 'ack', tag }
    }
  }
  throw new Malformed(
    bytes.length === 0 ? 'an empty frame' : `there is no command ${bytes[0]}; there are 1, 2 and 3`,
  )
}

function utf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Malformed(`the ${what} is not UTF-8`)
  }
}

/** What is published, as it is kept. */
export interface MessageFields {
  readonly client: string
  readonly app: string
  readonly key: string
  readonly type: string
  readonly body: string
}

/** The text of a delivery. A number as tag is written digit by digit: as a double it would be another. */
export function deliveryText(message: MessageFields, time: number, tag: string, asText: boolean): string {
  const { client, app, key, type, body } = message
  const fields = { client_id: client, app, key, type: type === '' ? undefined : type, body, time }
  return `${JSON.stringify(fields).slice(0, -1)},"tag":${asText ? `"${tag}"` : tag}}`
}

/** Whether a routing key fits a binding: words between dots, `*` for one of them, `#` for any number. */
export function matches(pattern: string, key: string): boolean {
  const fits = (p: readonly string[], k: readonly string[]): boolean => {
    const [word, ...rest] = p
    if (word === undefined) return k.length === 0
    if (word === '#') return fits(rest, k) || (k.length > 0 && fits(p, k.slice(1)))
    return k.length > 0 && (word === '*' || word === k[0]) && fits(rest, k.slice(1))
  }
  return fits(pattern.split('.'), key === '' ? [] : key.split('.'))
}
