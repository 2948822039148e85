import { randomUUID } from 'node:crypto'
import { type Front, openFront, type Received, type Reply } from './front.ts'
import { type Answer, type Field, type MySqlConnection, mysqlModule } from './peers.ts'

export interface PlanetScaleProxy extends Front {
  readonly username: string
  readonly password: string
  /** The same as one URL, with the credentials in it. */
  readonly databaseUrl: string
}

export interface MySqlAt {
  readonly port: number
}

/** The database that the tests use. */
export const DATABASE = 'push'

/** Types by the number that MySQL's protocol has for them; unsigned ones start with a U. */
const TYPES: Readonly<Record<number, string>> = {
  0: 'DECIMAL',
  1: 'INT8',
  2: 'INT16',
  3: 'INT32',
  4: 'FLOAT32',
  5: 'FLOAT64',
  6: 'NULL',
  7: 'TIMESTAMP',
  8: 'INT64',
  9: 'INT24',
  10: 'DATE',
  11: 'TIME',
  12: 'DATETIME',
  13: 'YEAR',
  245: 'JSON',
  246: 'DECIMAL',
  252: 'BLOB',
  253: 'VARCHAR',
  254: 'CHAR',
}
const [UNSIGNED, BINARY] = [32, 63]

/** The HTTP API of PlanetScale in front of a MySQL or MariaDB whose user is `root` without a password. */
export async function startPlanetScaleProxy(mysql: MySqlAt): Promise<PlanetScaleProxy> {
  const [username, password] = ['planet', 'pscale-secret']
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  const pool = mysqlModule().createPool({
    host: '127.0.0.1',
    port: mysql.port,
    user: 'root',
    database: DATABASE,
    charset: 'utf8mb4',
    connectionLimit: 32,
    rowsAsArray: true,
  })
  const transactions = new Map<string, MySqlConnection>()
  let jsonColumns: ReadonlySet<string> | undefined

  /** MariaDB's JSON is a text with a check, where MySQL has a type. */
  const findJson = async (): Promise<ReadonlySet<string>> => {
    if (jsonColumns !== undefined) return jsonColumns
    const [rows] = await pool.query<[string, string][]>(
      'SELECT table_name, constraint_name FROM information_schema.check_constraints ' +
        "WHERE constraint_schema = DATABASE() AND check_clause LIKE 'json_valid(%'",
    )
    jsonColumns = new Set(rows.map(([table, column]) => `${table}.${column}`))
    return jsonColumns
  }

  const typeOf = ({ columnType, flags, characterSet, orgTable, orgName }: Field): string => {
    if (jsonColumns?.has(`${orgTable}.${orgName}`)) return 'JSON'
    const type = TYPES[columnType] ?? 'VARCHAR'
    if (/^INT/.test(type) && flags & UNSIGNED) return `U${type}`
    if (type === 'BLOB' && characterSet !== BINARY) return 'TEXT'
    if (type === 'VARCHAR' && characterSet === BINARY) return 'VARBINARY'
    return type
  }

  const execute = async (query: string, id: string): Promise<object> => {
    const connection = transactions.get(id) ?? (await pool.getConnection())
    const [verb] = /^\s*\w+/.exec(query) ?? ['']
    const word = verb.trim().toUpperCase()
    if (word === 'BEGIN') transactions.set(id, connection)
    try {
      const typeCast = (field: { buffer(): Buffer | null }): Buffer | null => field.buffer()
      return told(await connection.query({ sql: query, rowsAsArray: true, typeCast }), typeOf)
    } finally {
      if (word === 'COMMIT' || word === 'ROLLBACK') transactions.delete(id)
      if (!transactions.has(id)) connection.release()
    }
  }

  const answer = async ({ path, headers, body }: Received): Promise<Reply> => {
    if (headers.authorization !== authorization) {
      return { status: 401, body: failure('UNAUTHENTICATED', 'Access denied for user') }
    }
    const { query, session } = JSON.parse(body) as { query?: string; session?: { id: string } | null }
    const id = session?.id ?? randomUUID()
    if (path.endsWith('/CreateSession')) return { status: 200, body: { session: { id } } }
    if (!path.endsWith('/Execute') || query === undefined) {
      return { status: 404, body: failure('NOT_FOUND', 'no such method') }
    }
    try {
      await findJson()
      return { status: 200, body: { session: { id }, result: await execute(query, id), timing: 0.001 } }
    } catch (error) {
      return { status: 200, body: { session: { id }, ...judged(error as SqlError) } }
    }
  }

  const front = await openFront({
    answer,
    failure: (text) => failure('INTERNAL', text),
    async close() {
      for (const connection of transactions.values()) connection.destroy()
      await pool.end()
    },
  })
  const databaseUrl = front.url.replace('://', `://${username}:${password}@`)
  return { ...front, username, password, databaseUrl }
}

/** A result in the words of the API. */
function told([answer, fields]: [Answer, readonly Field[] | undefined], typeOf: (field: Field) => string) {
  if (!isRows(answer)) {
    return { rowsAffected: String(answer.affectedRows), insertId: String(answer.insertId) }
  }
  return {
    fields: fields!.map((field) => ({ name: field.name, type: typeOf(field), charset: field.characterSet })),
    rows: answer.map((row) => ({
      lengths: row.map((value) => String(value?.length ?? -1)),
      values: Buffer.concat(row.flatMap((value) => value ?? [])).toString('base64'),
    })),
  }
}

const isRows = (answer: Answer): answer is readonly (Buffer | null)[][] => Array.isArray(answer)

interface SqlError extends Error {
  readonly errno?: number
  readonly sqlState?: string
  readonly code?: string
}

const failure = (code: string, message: string): object => ({ error: { code, message } })

/** What Vitess says of an error of the server behind it, or of its absence. */
function judged({ message, errno, sqlState, code }: SqlError): object {
  const target = `target: ${DATABASE}.-.primary: vttablet: rpc error:`
  if (sqlState !== undefined) {
    const kind = errno === 1062 ? ['ALREADY_EXISTS', 'AlreadyExists'] : ['UNKNOWN', 'Unknown']
    return failure(
      kind[0]!,
      `${target} code = ${kind[1]} desc = ${message} (errno ${errno}) (sqlstate ${sqlState})`,
    )
  }
  // Whether the work was done, nobody knows, unless the server could not even be asked.
  const unasked = code === 'ECONNREFUSED'
  const desc = unasked ? 'connection refused (errno 2003)' : 'Lost connection during query (errno 2013)'
  return failure('UNAVAILABLE', `${target} code = Unavailable desc = ${desc} (sqlstate HY000)`)
}
