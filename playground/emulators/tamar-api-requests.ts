/** What a request asks for, in JSON. */
export type Dict = Readonly<Record<string, unknown>>

/** A request that is refused with a status. */
export class Refused extends Error {
  readonly status: number
  readonly error: string
  readonly reason: unknown

  constructor(status: number, error: string, reason: unknown) {
    super(error)
    this.status = status
    this.error = error
    this.reason = reason
  }
}

export const bad = (reason: unknown): Refused => new Refused(400, 'bad_request', reason)
export const notFound = (): Refused => new Refused(404, 'Object Not Found', 'Not Found')
export const empty = (status: number): Response => new Response(null, { status })

export const isTrue = (value: unknown): boolean => value === true || value === 'true'

/** What is asked for by name, which must be there. */
export function needed(asked: Dict, ...names: readonly string[]): void {
  const missing = names.filter((name) => asked[name] === undefined)
  if (missing.length > 0) throw bad(`[${missing.map((name) => `{key_missing,${name}}`).join(',')}]`)
}
