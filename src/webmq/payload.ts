import { IsomqError } from '../core/errors.ts'
import { toJson } from '../core/json.ts'
import { provider, wrong } from './wrong.ts'

/** Several results, or named ones. */
export interface WampResult {
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
}

export const textOf = (given: unknown): string => (typeof given === 'string' ? given : '')
export const listOf = (args: unknown): readonly unknown[] => (Array.isArray(args) ? args : [])
export const fieldsOf = (kwargs: unknown): Readonly<Record<string, unknown>> =>
  typeof kwargs === 'object' && kwargs !== null ? (kwargs as Record<string, unknown>) : {}

/** @throws IsomqError `CONFIG` when it is there and no list */
export function checkList(name: string, list: unknown): void {
  if (list !== undefined && !Array.isArray(list)) throw wrong(`"${name}" must be a list`)
}

/** @throws IsomqError `CONFIG` when `args` is no list, or `kwargs` no object of named arguments */
export function checkPayload(args: unknown, kwargs: unknown): void {
  checkList('args', args)
  if (kwargs === undefined || (fieldsOf(kwargs) === kwargs && !Array.isArray(kwargs))) return
  throw wrong('"kwargs" must be an object')
}

/** @throws IsomqError `CONFIG` when it is no JSON value */
export const jsonOf = (value: unknown): string =>
  toJson(value, (cause) => wrong('arguments must be JSON values', cause))

/** The items of a list as they stand in a message: JSON, without the brackets. */
export const itemsOf = (list: readonly unknown[]): string => jsonOf(list).slice(1, -1)

/** Arguments as they stand in a message. */
export interface Texts {
  /** The items; empty when there are none. */
  readonly args: string
  /** An object; empty when there are none. */
  readonly kwargs: string
}

/** @throws IsomqError `CONFIG` when they are no JSON values */
export const textsOf = (args: readonly unknown[], kwargs: object = {}): Texts => ({
  args: itemsOf([...args]),
  kwargs: Object.keys(kwargs).length > 0 ? jsonOf(kwargs) : '',
})

/** A result as callers want it: a single one is itself, none is undefined, anything more a {@link WampResult}. */
export function resultOf(args: unknown, kwargs: unknown): unknown {
  const list = listOf(args)
  const fields = fieldsOf(kwargs)
  return list.length <= 1 && Object.keys(fields).length === 0 ? list[0] : { args: list, kwargs: fields }
}

/** An error of the far side, by its URI. */
export function refusalOf(what: string, uri: string, args?: unknown, kwargs?: unknown): IsomqError {
  const said = `${uri.slice(0, 200)} ${textOf(listOf(args)[0]).slice(0, 200)}`.trim()
  return new IsomqError(provider, 'PROVIDER', `${what} (${said})`, {
    details: { uri, args: listOf(args), kwargs: fieldsOf(kwargs) },
  })
}
