import * as v from 'valibot'
import { type Clock, systemClock } from './clock.ts'
import { IsomqError, type Provider } from './errors.ts'

// Each piece says in words what it takes: valibot's own texts quote the value given, which may be a secret.
const MOST = 2 ** 31 - 1
type Piece<T> = v.GenericSchema<T>
type Optional<T> = v.OptionalSchema<Piece<T>, undefined>

const integer = (least: number, says: string): Piece<number> =>
  v.pipe(v.number(says), v.integer(says), v.minValue(least, says), v.maxValue(MOST, says))

/** Milliseconds; 0 switches the thing off. */
export const ms = (): Piece<number> => integer(0, `must be whole milliseconds from 0 to ${MOST}`)
/** A whole number from `least` on. */
export const count = (least = 1): Piece<number> => integer(least, `must be a whole number from ${least} on`)
export const flag = (): Piece<boolean> => v.boolean('must be true or false')
export const filled = (): Piece<string> => {
  const says = 'must be a text that is not empty'
  return v.pipe(v.string(says), v.minLength(1, says))
}
export const callback = <F extends (...args: never[]) => unknown>(): Piece<F> =>
  v.function('must be a function') as unknown as Piece<F>
export const url = (...schemes: string[]): Piece<string> => {
  const says = `must be a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`
  return v.pipe(
    v.string(says),
    v.check((text) => URL.canParse(text) && schemes.includes(new URL(text).protocol.slice(0, -1)), says),
  )
}
/** One of several words. */
export const word = <const T extends string>(...words: T[]): Piece<T> =>
  v.picklist(words, `must be one of ${words.join(', ')}`)
export const texts = (): Piece<Record<string, string>> => {
  const says = 'must be an object whose values are texts'
  return v.record(v.string(says), v.string(says), says)
}

export const reconnect = (): Piece<false | ReconnectInput> =>
  v.union(
    [
      v.literal(false),
      v.strictObject(
        {
          retries: v.optional(v.union([count(0), v.literal(Number.POSITIVE_INFINITY)])),
          minDelay: v.optional(ms()),
          maxDelay: v.optional(ms()),
          stableAfter: v.optional(ms()),
          refused: v.optional(flag()),
        },
        'must be false or an object',
      ),
    ],
    'must be false, or an object of retries, minDelay, maxDelay, stableAfter, refused',
  ) as Piece<false | ReconnectInput>
type ReconnectInput = Partial<Record<'retries' | 'minDelay' | 'maxDelay' | 'stableAfter', number>> & {
  refused?: boolean
}

/** What every client takes: see {@link Injected}. */
export const injected: {
  readonly clock: Optional<Clock>
  readonly random: Optional<() => number>
  readonly logger: Optional<(record: DebugRecord) => void>
} = {
  clock: v.optional(
    v.custom<Clock>(
      (given) => typeof (given as Clock)?.now === 'function' && typeof (given as Clock).setTimeout === 'function',
      'must be an object with now, setTimeout and clearTimeout',
    ),
  ),
  random: v.optional(callback<() => number>()),
  logger: v.optional(callback<(record: DebugRecord) => void>()),
}

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
  const issue = result.issues[0]
  const name = v.getDotPath(issue)
  const says = /^Invalid (key|type)/.test(issue.message)
    ? issue.expected === 'never'
      ? 'is not known; check its spelling'
      : 'is missing'
    : issue.message
  throw new IsomqError(provider, 'CONFIG', name ? `the option "${name}" ${says}` : 'the options must be an object', {
    details: name ? { option: name } : {},
  })
}
