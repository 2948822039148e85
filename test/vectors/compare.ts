/** Anything that JSON holds. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type Fields = Readonly<Record<string, Json>>

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Collects what differs; a case passes when nothing does. */
export class Differences {
  readonly found: string[] = []

  add(text: string): void {
    this.found.push(text)
  }

  /** `also` are further values that are accepted. */
  same(what: string, actual: Json | undefined, expected: Json | undefined, also: readonly Json[] = []): void {
    if ([expected, ...also].some((accepted) => equal(actual ?? null, accepted ?? null))) return
    const others = also.map((value) => ` or ${show(value)}`).join('')
    this.add(`${what}: got ${show(actual)}, expected ${show(expected)}${others}`)
  }

  /** A file may not expect what nobody here looks at: that would pass unseen. */
  knownFields(what: string, fields: Fields, known: readonly string[]): void {
    const unknown = Object.keys(fields).filter((name) => !known.includes(name))
    if (unknown.length > 0) this.add(`${what}: cannot be checked: ${unknown.join(', ')}`)
  }
}

function equal(a: Json, b: Json): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, i) => equal(item, b[i]!))
  if (!isFields(a) || !isFields(b)) return a === b
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equal(a[key]!, b[key]!))
  )
}

const MOST = 400

function show(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > MOST ? `${text.slice(0, MOST)}… (${text.length} characters)` : text
}

/** The values in `also`, which is one value or a list of them. */
export const alternatives = (also: Json | undefined): readonly Json[] =>
  also === undefined ? [] : Array.isArray(also) ? also : [also as Json]

/** Thrown for a case that does not say what it has to. */
export class BadCase extends Error {}

export function text(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value === 'string') return value
  throw new BadCase(`"${name}" must be a text`)
}

export function number(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value === 'number') return value
  throw new BadCase(`"${name}" must be a number`)
}

/** Bytes written as hexadecimal digits. */
export function bytes(fields: Fields, name: string): Uint8Array<ArrayBuffer> {
  const digits = text(fields, name)
  if (!/^([\da-f]{2})*$/i.test(digits)) throw new BadCase(`"${name}" must be hexadecimal`)
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

export const toHex = (data: Uint8Array): string =>
  Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('')

export const utf8 = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value)
