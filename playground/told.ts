import { IsomqError } from 'isomq/errors'

/** An error as JSON can carry it. */
export const told = (error: Error | undefined) =>
  error && { code: error instanceof IsomqError ? error.code : 'ERROR', message: error.message }
