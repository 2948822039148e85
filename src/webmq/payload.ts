import { IsomqError } from '../core/errors.ts'
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

/** @throws IsomqError `CONFIG` when what must be a list is none, or `kwargs` is no object of named arguments */
export function checkPayload({ kwargs = {}, ...lists }: Readonly<Record<string, unknown>>): void {
  for (const [name, list] of Object.entries(lists)) {
    if (list !== undefined && !Array.isArray(list)) throw wrong(`"${name}" must be a list`)
  }
  if (fieldsOf(kwargs) !== kwargs || Array.isArray(kwargs)) throw wrong('"kwargs" must be an object')
}

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
