import { IsomqError } from '../core/errors.ts'
import { provider } from './wrong.ts'

/** What only the users of one driver install, and one of them has not. */
export const notInstalled = (name: string, cause: unknown): IsomqError =>
  new IsomqError(provider, 'CONFIG', `"${name}" could not be loaded; install it`, { cause })
