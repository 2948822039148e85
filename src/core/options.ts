import * as v from 'valibot'
import type { ReconnectOptions } from './backoff.ts'
import { type Clock, systemClock } from './clock.ts'
import { IsomqError, type Provider } from './errors.ts'

// Each piece says in words what it takes: valibot's own texts quote the value given, which may be a secret.
const MOST = 2 ** 31 - 1
/** What checks an option and fills in its default. */
export type Piece<T> = v.GenericSchema<unknown, T>

const required = <T>(says: string, fits: (given: unknown) => boolean): Piece<T> =>
  v.custom<T>(fits, `must be ${says}`) as Piece<T>
const piece = <T>(says: string, fits: (given: unknown) => boolean, fallback?: T): Piece<T> =>
  v.optional(required<T>(says, fits), () => fallback) as Piece<T>

const isObject = (given: unknown): given is object => typeof given === 'object' && given !== null
const hasMethods = (given: unknown, names: readonly string[]) =>
  isObject(given) && names.every((name) => typeof (given as Record<string, unknown>)[name] === 'function')
const isFilled = (given: unknown) => typeof given === 'string' && given !== ''
const FILLED = 'a text that is not empty'

/** A text that has to be given. */
export const filled = (): Piece<string> => required(FILLED, isFilled)
export const text = (fallback?: string): Piece<string> => piece(FILLED, isFilled, fallback)
/** A text that may be empty. */
export const anyText = (fallback: string): Piece<string> =>
  piece('a text', (given) => typeof given === 'string', fallback)
/** A whole number. */
export const count = (fallback: number, least = 1, most: number = Number.MAX_SAFE_INTEGER): Piece<number> =>
  piece(
    `a whole number from ${least} to ${most}`,
    (given) => Number.isInteger(given) && (given as number) >= least && (given as number) <= most,
    fallback,
  )
/** Milliseconds; 0 switches the thing off, where it may. */
export const ms = (fallback: number, least = 0): Piece<number> => count(fallback, least, MOST)
export const callback = <F>(fallback?: F): Piece<F> =>
  piece('a function', (given) => typeof given === 'function', fallback)
/** A text, or what gives it when it is needed. */
export const textOrCallback = <F>(): Piece<string | F> =>
  piece(`${FILLED}, or a function`, (given) => isFilled(given) || typeof given === 'function')
const urlOf =
  (scheme: 'http' | 'ws', tail = '([/?#]|$)') =>
  (given: unknown): boolean =>
    typeof given === 'string' &&
    URL.canParse(given) &&
    new RegExp(`^${scheme}s?://[^/?#@]*${tail}`, 'i').test(given)
const urlSays = (scheme: string, without = 'user and password') =>
  `a URL that starts with ${scheme}:// or ${scheme}s://, without ${without}`
/** A URL of a scheme, or of the same over TLS; it has to be given where there is no fallback. */
export const url = (scheme: 'http' | 'ws', fallback?: string): Piece<string> =>
  (fallback === undefined ? required : piece)(urlSays(scheme), urlOf(scheme), fallback as string)
export const optionalUrl = (scheme: 'http' | 'ws'): Piece<string | undefined> =>
  piece(urlSays(scheme), urlOf(scheme))
const isSite = (given: unknown) => urlOf('http', '(/[^?#]*)?$')(given) && !/\s/.test(given as string)
const SITE = urlSays('http', 'user, password and query')
/** A URL that paths are put behind. */
export const site = (): Piece<string> => required(SITE, isSite)
export const optionalSite = (): Piece<string | undefined> => piece(SITE, isSite)
const isHost = (given: unknown) =>
  typeof given === 'string' && /^[^\s/?#@\\]+$/.test(given) && URL.canParse(`http://${given}`)
/** A host, and a port where it is not the usual one; none where there is no fallback. */
export const host = <T extends string | undefined = string>(fallback?: T): Piece<T> =>
  piece('a host such as example.com or example.com:8443', isHost, fallback) as Piece<T>
export const flag = (fallback: boolean): Piece<boolean> =>
  piece('true or false', (given) => typeof given === 'boolean', fallback)
/** One of several words, the first of them by default. */
export const word = <const T extends string>(...words: T[]): Piece<T> =>
  piece(`one of ${words.join(', ')}`, (given) => words.includes(given as T), words[0])
export const texts = (): Piece<Record<string, string>> =>
  piece(
    'an object whose values are texts',
    (given) => isObject(given) && Object.values(given).every((value) => typeof value === 'string'),
    {},
  )

/** An object whose fields are looked at elsewhere. */
export const object = <T>(): Piece<T> => piece('an object', isObject)

/** An object of the caller's with certain methods; it has to be given. */
export const driver = <T>(...methods: string[]): Piece<T> =>
  required(`an object with the methods ${methods.join(', ')}`, (given) => hasMethods(given, methods))

/** {@link ReconnectOptions}, or false. */
export function reconnect(): Piece<false | ReconnectOptions> {
  const fields = {
    retries: piece('', (given) => typeof given === 'number' && given >= 0),
    minDelay: ms(0),
    maxDelay: ms(0),
    stableAfter: ms(0),
    refused: piece('', (given) => typeof given === 'boolean'),
  }
  return piece<false | ReconnectOptions>(
    'false, or an object of retries, minDelay, maxDelay, stableAfter (numbers from 0 on) and refused',
    (given) => given === false || (isObject(given) && !parse(fields, given).fault),
    {},
  )
}

/** What every client takes: see {@link Injected}. */
export const injected = (): {
  clock: Piece<Clock>
  random: Piece<() => number>
  logger: Piece<(record: DebugRecord) => void>
} => ({
  clock: piece(
    'a clock: now, setTimeout, clearTimeout',
    (given) => hasMethods(given, ['now', 'setTimeout', 'clearTimeout']),
    systemClock,
  ),
  random: callback(Math.random),
  logger: callback(),
})

/** The record that `on('debug')` and a `logger` get; secrets are left out of it. */
export interface DebugRecord {
  readonly provider: Provider
  readonly at: number
  readonly event: string
  readonly [fact: string]: unknown
}

/** What a client uses of its surroundings; all of it can be given. */
export interface Injected {
  /** Time and timers. Default: the runtime's. */
  clock?: Clock | undefined
  /** Numbers from 0 to below 1, for the spread of retries. Default `Math.random`. */
  random?: (() => number) | undefined
  /** Gets the records that `on('debug')` gets. */
  logger?: ((record: DebugRecord) => void) | undefined
}

type Parsed = { settings: Record<string, unknown>; fault?: readonly [option: string, says: string] }

/** The settings, or the first option that is wrong. */
function parse(pieces: Record<string, Piece<unknown>>, given: object): Parsed {
  const settings: Record<string, unknown> = {}
  for (const [option, piece] of Object.entries(pieces)) {
    const value = (given as typeof settings)[option]
    const { success, output, issues } = v.safeParse(piece, value)
    if (!success) return { settings, fault: [option, value === undefined ? 'is missing' : issues[0].message] }
    settings[option] = output
  }
  const unknown = Object.keys(given).find((option) => !Object.hasOwn(pieces, option))
  return unknown === undefined
    ? { settings }
    : { settings, fault: [unknown, 'is not known; check its spelling'] }
}

/**
 * Checks a factory's options and returns a copy with the defaults; what is unknown is refused, so that a typing
 * mistake shows.
 *
 * @throws IsomqError `CONFIG`, which names the option and never its value
 */
export function parseOptions<S>(
  provider: Provider,
  pieces: { [K in keyof Required<S>]: Piece<S[K]> },
  options: unknown,
): S {
  if (!isObject(options)) throw new IsomqError(provider, 'CONFIG', 'the options must be an object')
  const { settings, fault } = parse(pieces, options)
  if (!fault) return settings as S
  const [option, says] = fault
  throw new IsomqError(provider, 'CONFIG', `the option "${option}" ${says}`, { details: { option } })
}
