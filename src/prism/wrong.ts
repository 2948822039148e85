import { IsomqError } from '../core/errors.ts'

export const provider = 'prism'

/** An argument is wrong. */
export const wrong = (text: string, cause?: unknown, details?: Record<string, unknown>): IsomqError =>
  new IsomqError(provider, 'CONFIG', text, { cause, details })

/** Options of a call of the caller's, which are an object: `null` is none. */
export function optionsOf<T extends object>(given: T): T {
  if (typeof given === 'object' && given !== null) return given
  throw wrong('the options must be an object; leave them out for the defaults')
}
