import { IsomqError } from '../core/errors.ts'

export const provider = 'tambur'

/** An argument is wrong. */
export const wrong = (text: string, cause?: unknown): IsomqError =>
  new IsomqError(provider, 'CONFIG', text, { cause })

/** @throws IsomqError `CONFIG` when it is no text, or an empty one */
export function filled(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw wrong(`"${name}" must be a text that is not empty`)
}
