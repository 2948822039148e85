import { byBytes, percent } from '../core/encoding.ts'
import { orThrow } from '../core/json.ts'
import { wrong } from './wrong.ts'

/** Names and values in order; a name may come more than once. */
export type PrismPairs = readonly (readonly [name: string, value: string])[]

/**
 * Parameters of a call: an object, pairs, or a `URLSearchParams`. See {@link paramText} for what becomes of their
 * values.
 */
export type PrismParams =
  | Readonly<Record<string, unknown>>
  | Iterable<readonly [name: string, value: unknown]>

/**
 * A parameter's value as the text that is sent and signed, by the rule of Prism's Go client: texts as they are,
 * numbers in decimal, booleans as `true` and `false`, lists and objects as JSON with sorted keys. `null` and
 * `undefined` are left out, which is what `undefined` here says.
 *
 * @throws IsomqError `CONFIG` for what has no such text: NaN, a function, a cycle
 */
export function paramText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (value === undefined || value === null) return undefined
  if (typeof value === 'boolean' || typeof value === 'bigint' || Number.isFinite(value)) return String(value)
  let cause: unknown
  try {
    const json: unknown = JSON.stringify(value, orThrow)
    // A date that is none says that it is null.
    if (json !== undefined && json !== 'null') return jsonText(JSON.parse(json as string))
  } catch (thrown) {
    cause = thrown
  }
  throw wrong(
    'a parameter must be a text, a finite number, a boolean, or a list or object that JSON holds',
    cause,
  )
}

/** JSON as Go writes it: keys sorted by their bytes, and nothing in it that HTML would read. */
function jsonText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join()}]`
  if (typeof value !== 'object' || value === null) {
    return JSON.stringify(value).replace(
      /[<>&\u2028\u2029]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
  }
  const fields = Object.entries(value).sort(([a], [b]) => byBytes(a, b))
  return `{${fields.map(([key, field]) => `${jsonText(key)}:${jsonText(field)}`).join()}}`
}

/** Parameters as pairs of texts. */
export function pairsOf(params: PrismParams | undefined): [string, string][] {
  if (params === undefined || params === null) return []
  if (typeof params !== 'object') throw wrong('parameters must be an object, pairs or a URLSearchParams')
  const entries = Symbol.iterator in params ? [...params] : Object.entries(params)
  const pairs: [string, string][] = []
  for (const pair of entries as unknown[]) {
    if (!Array.isArray(pair) || typeof pair[0] !== 'string') {
      throw wrong('pairs of parameters must be lists of a name, which is a text, and a value')
    }
    const text = paramText(pair[1])
    if (text !== undefined) pairs.push([pair[0], text])
  }
  return pairs
}

/** As it stands in a query or a form. */
export const encodePairs = (pairs: PrismPairs): string =>
  pairs.map(([name, value]) => `${percent(name)}=${percent(value)}`).join('&')
