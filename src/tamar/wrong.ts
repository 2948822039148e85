import { IsomqError } from '../core/errors.ts'

export const provider = 'tamar'

/** An argument is wrong. */
export const wrong = (text: string, cause?: unknown, details?: Record<string, unknown>): IsomqError =>
  new IsomqError(provider, 'CONFIG', text, { cause, details })
