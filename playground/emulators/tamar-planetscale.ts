import { basicOf } from './basic.ts'
import { toBase64 } from './tamar-base64.ts'
import { COLUMNS, type Column, TABLE } from './tamar-columns.ts'
import { answer, type Call } from './tamar-http.ts'
import type { Field, Result } from './tamar-mysql.ts'
import type { TamarRoom } from './tamar-room.ts'
import { SqlError } from './tamar-sql-tokens.ts'

const encoder = new TextEncoder()

/** MySQL over HTTP, as PlanetScale has it. */
export function planetscale(room: TamarRoom, { method, headers, path, body }: Call): Response {
  const [user, password] = basicOf(headers) ?? []
  if (password !== room.credentials.mysqlPassword || room.troubles.refuses('mysql')) {
    const message = `Access denied for user '${user ?? ''}' (errno 1045) (sqlstate 28000)`
    return answer({ error: { code: 'UNAUTHENTICATED', message } }, 401)
  }
  const [what] = path
  if (method !== 'POST') return failure('INVALID_ARGUMENT', 'the database is asked with POST', 405)
  let asked: { query?: unknown; session?: unknown }
  try {
    asked = (JSON.parse(body || '{}') ?? {}) as typeof asked
  } catch {
    return failure('INVALID_ARGUMENT', 'the body is not JSON', 400)
  }
  const session = asked.session ?? newSession(user ?? '')
  if (what === 'CreateSession') return answer({ session })
  if (what !== 'Execute') return failure('UNIMPLEMENTED', 'there are here: Execute, CreateSession', 404)
  if (typeof asked.query !== 'string') return failure('INVALID_ARGUMENT', 'there is no query', 400)
  const began = performance.now()
  room.counters.statements++
  room.store.touch()
  try {
    const result = room.mysql.execute(asked.query)
    if (result.fields.length === 0)
      room.counters.inserted += /^\s*insert/i.test(asked.query) ? result.affected : 0
    return answer({ session, result: shown(result), timing: (performance.now() - began) / 1000 })
  } catch (error) {
    if (!(error instanceof SqlError)) throw error
    return answer({ session, error: { code: error.code, message: worded(error) } })
  }
}

const failure = (code: string, message: string, status: number): Response =>
  answer({ error: { code, message } }, status)

const newSession = (user: string): object => ({
  signature: toBase64(crypto.getRandomValues(new Uint8Array(32))),
  vitessSession: {
    autocommit: true,
    options: { includedFields: 'ALL', clientFoundRows: true },
    foundRows: '1',
    rowCount: '-1',
    DDLStrategy: 'direct',
    SessionUUID: crypto.randomUUID(),
    enableSystemSettings: true,
    user,
  },
})

/** As Vitess passes on what MySQL says. */
function worded({ code, message, errno, state }: SqlError): string {
  if (errno === undefined) return message
  const name = code.toLowerCase().replace(/(^|_)([a-z])/g, (_, __, letter: string) => letter.toUpperCase())
  const description = `${message} (errno ${errno}) (sqlstate ${state})`
  return `target: isomq.-.primary: vttablet: rpc error: code = ${name} desc = ${description}`
}

function shown({ fields, rows, affected }: Result): object {
  if (fields.length === 0) return { rowsAffected: String(affected) }
  return { fields: fields.map(shownField), rows: rows.map(shownRow) }
}

function shownField({ name, type, column }: Field): object {
  const charset = type === 'VARCHAR' ? 255 : 63
  if (column === undefined) return { name, type, charset }
  const { length = 0, isNullable }: Column = COLUMNS[column]
  return {
    name,
    type,
    table: TABLE,
    orgTable: TABLE,
    database: 'isomq',
    orgName: column,
    columnLength: length > 0 ? length * 4 : undefined,
    charset,
    flags: isNullable ? undefined : column === 'id' ? 20_483 : 4097,
  }
}

/** Lengths of the values in bytes, -1 for none, and the values one after the other. */
function shownRow(row: readonly (string | null)[]): object {
  const parts = row.map((value) => (value === null ? undefined : encoder.encode(value)))
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + (part?.length ?? 0), 0))
  let at = 0
  for (const part of parts) {
    if (part === undefined) continue
    bytes.set(part, at)
    at += part.length
  }
  return { lengths: parts.map((part) => String(part?.length ?? -1)), values: toBase64(bytes) }
}
