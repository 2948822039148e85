import * as v from 'valibot'
import type { ReconnectOptions } from './backoff.ts'
import { type Clock, systemClock } from './clock.ts'
import { IsomqError, type Provider } from './errors.ts'

// Each piece says in words what it takes: valibot's own texts quote the value given, which may be a secret.
const MOST = 2 ** 31 - 1
type Piece<T> = v.CustomSchema<T, v.ErrorMessage<v.CustomIssue> | undefined>

const piece = <T>(says: string, fits: (given: unknown) => boolean): Piece<T> =>
  v.custom<T>(fits, `must be ${says}`)

const integer = (given: unknown, least: number, most: number) =>
  Number.isInteger(given) && (given as number) >= least && (given as number) <= most

/** Milliseconds; 0 switches the thing off. */
export const ms = (): Piece<number> =>
  piece(`whole milliseconds from 0 to ${MOST}`, (given) => integer(given, 0, MOST))
/** A whole number. */
export const count = (least = 1, most: number = Number.MAX_SAFE_INTEGER): Piece<number> =>
  piece(`a whole number from ${least} to ${most}`, (given) => integer(given, least, most))
export const filled = (): Piece<string> =>
  piece('a text that is not empty', (given) => typeof given === 'string' && given !== '')
export const callback = <F>(): Piece<F> => piece('a function', (given) => typeof given === 'function')
export const url = (...schemes: string[]): Piece<string> =>
  piece(
    `a URL that starts with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`,
    (given) => typeof given === 'string' && URL.canParse(given) && schemes.includes(new URL(given).protocol),
  )
/** One of several words. */
export const word = <const T extends string>(...words: T[]): Piece<T> =>
  piece(`one of ${words.join(', ')}`, (given) => words.includes(given as T))
export const texts = (): Piece<Record<string, string>> =>
  piece(
    'an object whose values are texts',
    (given) =>
      typeof given === 'object' &&
      given !== null &&
      Object.values(given).every((value) => typeof value === 'string'),
  )

/** {@link ReconnectOptions}, or false. */
export const reconnect = (): Piece<false | ReconnectOptions> =>
  piece(
    'false, or an object of retries, minDelay, maxDelay and stableAfter (numbers from 0 on) and refused',
    (given) =>
      given === false ||
      (typeof given === 'object' &&
        given !== null &&
        Object.entries(given).every(([key, value]) =>
          key === 'refused'
            ? typeof value === 'boolean'
            : /^(retries|minDelay|maxDelay|stableAfter)$/.test(key) &&
              (value === undefined ||
                (key === 'retries' && value === Number.POSITIVE_INFINITY) ||
                integer(value, 0, MOST)),
        )),
  )

type Optional<T> = v.OptionalSchema<Piece<T>, undefined>

/** What every client takes: see {@link Injected}. */
export const injected = (): {
  clock: Optional<Clock>
  random: Optional<() => number>
  logger: Optional<(record: DebugRecord) => void>
} => ({
  clock: v.optional(
    piece('a clock: now, setTimeout, clearTimeout', (given) => typeof (given as Clock)?.now === 'function'),
  ),
  random: v.optional(callback<() => number>()),
  logger: v.optional(callback<(record: DebugRecord) => void>()),
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

/** The surroundings with their defaults. */
export function surroundings(options: Injected): { clock: Clock; random: () => number } {
  return { clock: options.clock ?? systemClock, random: options.random ?? Math.random }
}

/**
 * Checks a factory's options and returns a copy; what is unknown is refused, so that a typing mistake shows.
 *
 * @throws IsomqError `CONFIG`, which names the option and never its value
 */
export function parseOptions<S extends v.ObjectEntries>(
  provider: Provider,
  entries: S,
  options: unknown,
): v.InferOutput<v.StrictObjectSchema<S, undefined>> {
  const result = v.safeParse(v.strictObject(entries), options, { abortEarly: true })
  if (result.success) return result.output
  const [{ path, message, expected }] = result.issues
  if (!path) throw new IsomqError(provider, 'CONFIG', 'the options must be an object')
  const option = String(path[0].key)
  const says =
    expected === 'never' ? 'is not known; check its spelling' : /^must/.test(message) ? message : 'is missing'
  throw new IsomqError(provider, 'CONFIG', `the option "${option}" ${says}`, { details: { option } })
}
