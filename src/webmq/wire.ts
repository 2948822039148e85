import { decodeText } from '../core/bytes.ts'
import { IsomqError, toError } from '../core/errors.ts'
import type { Session } from '../core/session.ts'
import type { Frame } from '../core/socket.ts'
import type { WaitOptions } from '../core/wait.ts'
import type { Answers } from './answers.ts'
import type { WampSettings } from './options.ts'
import type { Texts } from './payload.ts'
import type { WampEvent, WampMatch, WampPermissions } from './types.ts'
import { provider } from './wrong.ts'

export type WampMessage = readonly unknown[]

/** What a version of WAMP needs of the session that speaks it. */
export interface Speaker {
  readonly settings: WampSettings
  /** What waits for an answer, by a key of the version's own. */
  readonly answers: Answers
  /** Sends a message of a type; `rest` is what stands behind that, as JSON. */
  send(session: Session, type: number, rest: string): void
  /** A URI in full: what a declared prefix stands for is put in its place. */
  resolve(uri: string): string
  prefixes(): Iterable<readonly [name: string, uri: string]>
  /** The session is signed in. */
  welcome(session: Session, id: string | number, permissions?: WampPermissions): void
  event(
    key: string | number,
    event: Pick<WampEvent, 'event' | 'args'> & { readonly [K in keyof WampEvent]?: WampEvent[K] | undefined },
  ): void
  /** The server takes its leave. */
  leave(error: IsomqError): void
}

/** A publication, the event as its first argument. */
export interface Publication extends Texts {
  readonly excludeMe?: boolean | undefined
  readonly exclude?: readonly unknown[] | undefined
  readonly eligible?: readonly unknown[] | undefined
  readonly acknowledge?: boolean | undefined
}

/** A version of WAMP on the wire. Made anew for each session, by whose end the signal is aborted. */
export interface Wire {
  /** The socket is open. */
  opened?(session: Session): void
  received(session: Session, message: WampMessage): void
  /** Tells, the moment it is known, the key by which events name the subscription. */
  subscribe(
    session: Session,
    topic: string,
    match: WampMatch,
    granted: (key: string | number) => void,
  ): Promise<void>
  unsubscribe(session: Session, key: string | number, limits: WaitOptions): Promise<void>
  publish(
    session: Session,
    topic: string,
    publication: Publication,
    limits: WaitOptions,
  ): Promise<number | undefined>
  call(session: Session, procedure: string, payload: Texts, limits: WaitOptions): Promise<unknown>
  /** Declares a prefix, where the version knows them. */
  prefix?(session: Session, name: string, uri: string): void
  /** Says goodbye, where the version has a word for it. */
  goodbye?(session: Session): void
}

export const PROTOCOLS = { 1: 'wamp', 2: 'wamp.2.json' } as const
/** What a silent server is asked. */
export const PROBES = { 1: 'http://api.wamp.ws/procedure#ping', 2: 'wamp.session.count' } as const

export const fault = (text: string): IsomqError => new IsomqError(provider, 'PROTOCOL', text)

/** Whatever failed a sign-in. */
export const signInFailed = (thrown: unknown): IsomqError =>
  thrown instanceof IsomqError
    ? thrown
    : new IsomqError(provider, 'CONNECT_FAILED', 'the sign-in failed; see the cause, and the option "auth"', {
        cause: toError(thrown),
      })

/** @throws IsomqError `PROTOCOL` when the message is none */
export function readMessage(raw: Frame): WampMessage {
  let message: unknown
  try {
    message = JSON.parse(typeof raw === 'string' ? raw : decodeText(raw))
  } catch {
    // Its text would quote the frame.
  }
  if (Array.isArray(message) && Number.isInteger(message[0])) return message
  throw fault('a frame that is no WAMP message')
}

/** The server is another than it should be: to try again is of no use. */
export const mismatch = (what: string, details: Readonly<Record<string, unknown>>): IsomqError =>
  new IsomqError(provider, 'CONNECT_FAILED', `the server ${what}`, { retryable: false, details })

/** @throws IsomqError `CONNECT_FAILED`, for good, that says what the server speaks */
export function checkProtocol(protocol: string, version: 1 | 2): void {
  if (protocol === PROTOCOLS[version]) return
  const other = version === 1 ? 2 : 1
  if (protocol === PROTOCOLS[other]) {
    throw mismatch(`speaks WAMP version ${other}; set "version: ${other}"`, { protocol })
  }
  const chosen = protocol ? `the subprotocol "${protocol.slice(0, 50)}"` : 'no subprotocol'
  throw mismatch(`chose ${chosen}, so it is no WAMP server; check the URL`, { protocol })
}
