import { IsomqError } from '../core/errors.ts'

export const provider = 'webmq'

/** An argument is wrong. */
export const wrong = (text: string, cause?: unknown, details?: Record<string, unknown>): IsomqError =>
  new IsomqError(provider, 'CONFIG', text, { cause, details })

/** @throws IsomqError `CONFIG` when it is no text, or an empty one */
export function filled(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw wrong(`"${name}" must be a text that is not empty`)
}

/** Key and secret come together or not at all. */
export function bothOrNone({ key, secret }: { key?: unknown; secret?: unknown }): void {
  if ((key === undefined) === (secret === undefined)) return
  const option = key === undefined ? 'key' : 'secret'
  throw wrong('give both of the options "key" and "secret", or neither', undefined, { option })
}
