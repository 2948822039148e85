export { IsomqError, type IsomqErrorCode, type IsomqErrorOptions, type Provider } from './core/errors.ts'
