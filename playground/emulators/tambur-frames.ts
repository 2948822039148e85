export const MODES = ['auth', 'presence', 'direct'] as const
export type Mode = (typeof MODES)[number]

export const isMode = (text: string): text is Mode => (MODES as readonly string[]).includes(text)

/** What a subscriber asks for. */
export interface Command {
  readonly name: string
  /** The answer carries it, too. */
  readonly handle: number
  readonly args: readonly unknown[]
}

/** Says what is wrong with a frame that cannot even be answered by its handle. */
export class Malformed extends Error {}

/** `[command, handle, ...args]`, in a text frame or in a binary one. */
export function decodeCommand(frame: string | ArrayBuffer): Command {
  const value = parsed(typeof frame === 'string' ? frame : utf8(frame))
  if (!Array.isArray(value)) throw new Malformed('not_an_array')
  const [name, handle, ...args] = value as unknown[]
  if (typeof name !== 'string') throw new Malformed('invalid_command')
  if (typeof handle !== 'number' || !Number.isSafeInteger(handle) || handle < 1)
    throw new Malformed('invalid_handle')
  return { name, handle, args }
}

function utf8(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Malformed('not_utf8')
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Malformed('not_json')
  }
}

/** An answer; with a handle of 0 or less it is an error notice. */
export const ackText = (handle: number, response: string): string => JSON.stringify(['ack', handle, response])

/** A message; the kind says what `data` is. */
export const messageText = (stream: string, kind: string, data: unknown): string =>
  JSON.stringify(['msg', stream, kind, data])

/** Whom a publication is meant for. */
export type Target =
  | { readonly is: 'stream'; readonly stream: string }
  /** Those that have the mode "auth" alone. */
  | { readonly is: 'auth'; readonly stream: string }
  | { readonly is: 'private'; readonly subscriber: string }

/** Reads a stream's name as publishers write it; `undefined` when it names nobody. */
export function targetOf(name: string): Target | undefined {
  const [, prefix, rest] = /^(auth|private):(.*)$/s.exec(name) ?? []
  if (rest === '') return undefined
  if (prefix === 'private') return { is: 'private', subscriber: rest! }
  if (prefix === 'auth') return isStream(rest!) ? { is: 'auth', stream: rest! } : undefined
  return isStream(name) ? { is: 'stream', stream: name } : undefined
}

/** Whether one can subscribe to it: "private" is everybody's already, and a prefix is for publishers. */
export const isStream = (name: string): boolean =>
  name !== '' && name !== 'private' && !/^(auth|private):/.test(name)
