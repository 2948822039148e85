export type List = readonly unknown[]
export type Dict = Readonly<Record<string, unknown>>

/** What events, calls and results carry in version 2. */
export interface Payload {
  readonly args: List
  readonly kwargs: Dict
}

export const isDict = (value: unknown): value is Dict =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const payload = (args: List = [], kwargs: Dict = {}): Payload => ({ args, kwargs })

/** The end of a message: what is empty is left out. */
export function tail({ args, kwargs }: Payload): unknown[] {
  if (Object.keys(kwargs).length > 0) return [args, kwargs]
  return args.length > 0 ? [args] : []
}

/** The same in version 1, where everything is one value. */
export function single({ args, kwargs }: Payload): unknown {
  const named = Object.keys(kwargs).length > 0
  if (named) return args.length > 0 ? { args, kwargs } : kwargs
  return args.length > 1 ? args : (args[0] ?? null)
}

/** An error that the far side is told of. */
export class WampError extends Error {
  readonly uri: string
  readonly kwargs: Dict

  constructor(uri: string, message: string, kwargs: Dict = {}) {
    super(message)
    this.uri = uri
    this.kwargs = kwargs
  }

  get payload(): Payload {
    return { args: [this.message], kwargs: this.kwargs }
  }
}

export const invalid = (message: string): WampError => new WampError('wamp.error.invalid_argument', message)

export const forbidden = (what: string): WampError =>
  new WampError('wamp.error.not_authorized', `not authorized to ${what}`)

export const WAMP1_ERROR = 'http://api.wamp.ws/error#'

/** Where the errors of the demo procedures have their URIs, in version 1 and 2. */
const DEMO_ERRORS = ['http://example.com/error#', 'com.example.error.'] as const

/** What version 1 calls an error. */
export function legacyUri(uri: string): string {
  const [old, current] = DEMO_ERRORS
  if (uri.startsWith(current)) return old + uri.slice(current.length)
  if (uri === 'wamp.error.no_such_procedure') return `${WAMP1_ERROR}NoSuchRPCEndpoint`
  if (uri === 'wamp.error.runtime_error') return `${WAMP1_ERROR}internal`
  return uri.startsWith('wamp.') ? `${WAMP1_ERROR}generic` : uri
}

/** A random id of version 2: 1 to 2^53. */
export function randomId(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2))
  return (high & 0x1f_ffff) * 2 ** 32 + low + 1
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** A random id of version 1. */
export function randomText(length = 16): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length))
  return Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join('')
}
