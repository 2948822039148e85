import { decodeText } from '../core/bytes.ts'
import { type Courier, Delivery } from '../core/delivery.ts'
import { IsomqError } from '../core/errors.ts'
import { parseExact } from '../core/json.ts'
import type { Session } from '../core/session.ts'
import { gunzip } from '../core/stream.ts'
import { type HeaderList, protocolError, type TmcFrame, type TmcValue } from './codec.ts'

/** What a TMC message says, by whichever way it came. */
export interface TmcMessageFields {
  /** The message id as decimal text: it exceeds what a number can hold. */
  readonly id: string
  /** Such as `taobao_trade_TradeCreate`. */
  readonly topic: string
  /** The text as it came, inflated when it was compressed; normally JSON. */
  readonly content: string
  /** The app key that published the message. */
  readonly publisher?: string | undefined
  /** When it was published. */
  readonly time?: Date | undefined
  /** When the server sent it. */
  readonly outTime?: Date | undefined
  readonly userId?: string | undefined
  readonly nick?: string | undefined
  readonly dataId?: string | undefined
  /** How often the server had sent it before. */
  readonly retried: number
}

/** A message and the ways to settle it. */
export interface TmcMessage extends TmcMessageFields {
  /** All custom headers, those that isomq does not know included. Empty for messages of the poller. */
  readonly headers: ReadonlyMap<string, TmcValue>
  /** When it arrived here, in milliseconds since 1970. */
  readonly receivedAt: number
  /** Ends when the message cannot be confirmed any more and will come again: stop working on it. */
  readonly signal: AbortSignal
  /**
   * The content parsed as JSON. With `exact`, integers of 16 digits and more come as text instead of being
   * rounded to what a number can hold.
   *
   * @throws IsomqError `PROTOCOL` when the content is not JSON
   */
  json<T = unknown>(options?: { exact?: boolean }): T
  /**
   * Confirms the message: the server forgets it. Resolves when the confirm has been handed to the socket (the
   * poller: when the server has answered it). Only the first `ack` or `nack` counts.
   *
   * @throws IsomqError `CONNECTION_LOST` or `TIMEOUT` when it is too late; the message will come again
   */
  ack(): Promise<void>
  /** Tells the server that the message failed; it will come again. At most 128 characters of the reason go. */
  nack(reason?: string): Promise<void>
}

/** The content parsed as {@link TmcMessage.json} says. */
export function contentJson<T>(content: string, exact = false): T {
  try {
    return (exact ? parseExact(content) : JSON.parse(content)) as T
  } catch (cause) {
    throw new IsomqError('tmc', 'PROTOCOL', 'the content is not JSON; read its text', { cause })
  }
}

/** Where values are found by key: a list or a Map. */
type Headers = Pick<TmcFrame['headers'], 'get'>

/** A header as text, whatever its format; undefined when it is missing or null. */
export function textOf(headers: Headers, key: string): string | undefined {
  const value = headers.get(key)?.value
  if (value === undefined || value === null) return undefined
  return value instanceof Uint8Array ? decodeText(value) : String(value)
}

function dateOf(headers: Headers, key: string): Date | undefined {
  const ms = Number(headers.get(key)?.value ?? Number.NaN)
  // What is beyond the range of a Date stays readable in the headers.
  return Math.abs(ms) <= 8.64e15 ? new Date(ms) : undefined
}

/** An id as an exact integer of 64 bits; undefined when it is none, and for a number, which cannot hold one. */
export function exactId(given: unknown): bigint | undefined {
  const id = typeof given === 'string' && /^-?\d{1,20}$/.test(given) ? BigInt(given) : given
  return typeof id === 'bigint' && BigInt.asIntN(64, id) === id ? id : undefined
}

/** The id of a data message as an exact integer; undefined when it has none. */
export function idOf(headers: Headers): bigint | undefined {
  const value = headers.get('id')?.value
  return exactId(typeof value === 'number' ? BigInt(value) : value)
}

/** The content of a data message; compressed content inflates to at most `most` bytes. */
function contentOf(headers: Headers, most: number): string | Promise<string> {
  const value = headers.get('content')?.value
  if (!(value instanceof Uint8Array)) return textOf(headers, 'content') ?? ''
  if (value[0] !== 0x1f || value[1] !== 0x8b) return decodeText(value)
  return gunzip('tmc', value, most).then(decodeText)
}

/**
 * What a decoded data frame says.
 *
 * @throws IsomqError `PROTOCOL` when it has no id or its content is broken, `LIMIT` when the content inflates
 * to more than `maxContent` bytes (default 8 MiB)
 */
export async function readMessage(
  frame: TmcFrame,
  { maxContent = 8 * 1024 * 1024 }: { maxContent?: number } = {},
): Promise<TmcMessageFields> {
  const { headers } = frame
  const id = idOf(headers)
  if (id === undefined) throw protocolError('a data message without an id')
  return { ...fieldsOf(headers), id: String(id), content: await contentOf(headers, maxContent) }
}

const fieldsOf = (headers: Headers): Omit<TmcMessageFields, 'id' | 'content'> => ({
  topic: textOf(headers, 'topic') ?? '',
  publisher: textOf(headers, 'publisher'),
  time: dateOf(headers, 'time'),
  outTime: dateOf(headers, 'outtime'),
  userId: textOf(headers, 'userid'),
  nick: textOf(headers, 'nick'),
  dataId: textOf(headers, 'dataid'),
  retried: Number(headers.get('retried')?.value ?? 0) || 0,
})

/** A message that a socket brought. Its fields are read from the headers when they are asked for. */
export class TmcDelivery extends Delivery implements TmcMessage {
  readonly exactId: bigint
  readonly #headers: HeaderList
  #content: string | undefined

  constructor(courier: Courier, from: Session, receivedAt: number, id: bigint, headers: HeaderList) {
    super(courier, from, receivedAt)
    this.exactId = id
    this.#headers = headers
  }

  get headers(): TmcFrame['headers'] {
    return this.#headers.toMap()
  }

  /** Reads the content; a promise only when it has to be inflated. */
  prepare(maxContent: number): Promise<void> | undefined {
    const content = this.#content ?? contentOf(this.#headers, maxContent)
    if (typeof content !== 'string') {
      return content.then((text) => {
        this.#content = text
      })
    }
    this.#content = content
    return undefined
  }

  get id(): string {
    return String(this.exactId)
  }
  get topic(): string {
    return textOf(this.#headers, 'topic') ?? ''
  }
  get content(): string {
    return this.#content ?? ''
  }
  get publisher(): string | undefined {
    return textOf(this.#headers, 'publisher')
  }
  get time(): Date | undefined {
    return dateOf(this.#headers, 'time')
  }
  get outTime(): Date | undefined {
    return dateOf(this.#headers, 'outtime')
  }
  get userId(): string | undefined {
    return textOf(this.#headers, 'userid')
  }
  get nick(): string | undefined {
    return textOf(this.#headers, 'nick')
  }
  get dataId(): string | undefined {
    return textOf(this.#headers, 'dataid')
  }
  get retried(): number {
    return Number(this.#headers.get('retried')?.value ?? 0) || 0
  }

  json<T = unknown>({ exact = false }: { exact?: boolean } = {}): T {
    return contentJson<T>(this.content, exact)
  }
}
