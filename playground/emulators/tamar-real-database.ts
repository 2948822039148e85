import { connect } from '@planetscale/database'
import { redacted } from './tamar-real-link.ts'
import type { MysqlAccess } from './tamar-real-settings.ts'
import { type Columns, ServiceError } from './tamar-services.ts'

/** Milliseconds for a query: while one lasts, the gateway waits. */
const PATIENCE = 10_000

/** A real MySQL, by PlanetScale's HTTP API. */
export class RealDatabase {
  readonly #access: MysqlAccess
  readonly #hidden: readonly string[]

  constructor(access: MysqlAccess) {
    this.#access = access
    this.#hidden = [access.password, btoa(`${bytesOf(access.username)}:${bytesOf(access.password)}`)]
  }

  /** Gives all values as texts: numbers keep their digits, and JSON its text. */
  async execute(query: string, values: readonly (string | number)[]): Promise<Columns[]> {
    const { url, username, password } = this.#access
    const signal = AbortSignal.timeout(PATIENCE)
    // A session for each query: those that share one would have to wait for each other.
    const connection = connect({
      host: 'localhost',
      username: bytesOf(username),
      password: bytesOf(password),
      fetch: (given, init) => fetch(url + new URL(given).pathname, { ...(init as RequestInit), signal }),
      cast: textOf,
    })
    try {
      return (await connection.execute(query, [...values])).rows as Columns[]
    } catch (error) {
      throw new ServiceError(`MySQL: ${redacted(error, this.#hidden)}`)
    }
  }
}

/** A text whose characters are the bytes of another in UTF-8, as the driver wants what it signs in with. */
const bytesOf = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text))

/** The other way round, for all that comes. */
const textOf = (_: unknown, value: string | null): string | null =>
  value === null ? null : new TextDecoder().decode(Uint8Array.from(value, (unit) => unit.charCodeAt(0)))
