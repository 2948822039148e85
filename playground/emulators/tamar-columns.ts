import { mysqlJson } from './tamar-json.ts'
import { SqlError } from './tamar-sql-tokens.ts'

export type ColumnType = 'VARCHAR' | 'INT32' | 'INT64' | 'JSON' | 'TIMESTAMP'

export interface Column {
  readonly type: ColumnType
  /** Letters of a VARCHAR. */
  readonly length?: number
  readonly isNullable: boolean
  /** Whether it is the present moment when nothing is said. */
  readonly isNow?: boolean
}

export const TABLE = 'push_messages'

const text = (length: number, isNullable = true): Column => ({ type: 'VARCHAR', length, isNullable })
const timestamp: Column = { type: 'TIMESTAMP', isNullable: true }
const json: Column = { type: 'JSON', isNullable: true }
const now: Column = { type: 'TIMESTAMP', isNullable: false, isNow: true }

export const COLUMNS = {
  id: text(36, false),
  sender_type: text(32),
  sender_id: text(255),
  target_user_id: text(255, false),
  push_type: { type: 'INT32', isNullable: false },
  seq: { type: 'INT64', isNullable: true },
  payload: json,
  status: text(32, false),
  command_request_id: text(36),
  command_response: json,
  command_response_queue: text(255),
  nonce: text(36),
  expired_at: timestamp,
  retry_interval: { type: 'INT32', isNullable: true },
  delivering_at: timestamp,
  request_delivered_at: timestamp,
  finished_at: timestamp,
  created_at: now,
  updated_at: now,
  deleted_at: timestamp,
} as const satisfies Readonly<Record<string, Column>>
export type ColumnName = keyof typeof COLUMNS

/** In MySQL names of columns have no case. */
export function columnOf(name: string): ColumnName | undefined {
  const lower = name.toLowerCase()
  return Object.hasOwn(COLUMNS, lower) ? (lower as ColumnName) : undefined
}

const DECLARED: Readonly<Record<ColumnType, string>> = {
  // As in MySQL, 'a' equals 'A'.
  VARCHAR: 'TEXT COLLATE NOCASE',
  INT32: 'INTEGER',
  INT64: 'INTEGER',
  JSON: 'TEXT',
  TIMESTAMP: 'TEXT',
}

/** SQLite's table, which holds what passed the checks below; timestamps are in UTC. */
export const CREATE = `CREATE TABLE IF NOT EXISTS ${TABLE} (${Object.entries<Column>(COLUMNS)
  .map(([name, { type, isNullable }]) => {
    const not = name === 'id' ? ' PRIMARY KEY NOT NULL' : isNullable ? '' : ' NOT NULL'
    return `${name} ${DECLARED[type]}${not}`
  })
  .join(', ')})`
export const INDEX = `CREATE INDEX IF NOT EXISTS push_messages_of_user ON ${TABLE} (target_user_id COLLATE BINARY, status, seq)`
export const INDEX_DUE = `CREATE INDEX IF NOT EXISTS push_messages_due ON ${TABLE} (status, expired_at)`

const RANGES = { INT32: 31n, INT64: 63n } as const
/** What the type TIMESTAMP can hold, in seconds since 1970. */
const LAST = 2 ** 31 - 1

/** A value as it is kept, or the error that MySQL's strict mode gives; `zone` is that of the session, in minutes. */
export function checked(name: ColumnName, value: string | null, zone: number, row: number): string | null {
  const column: Column = COLUMNS[name]
  const refuse = (message: string, errno: number, state: string): never => {
    throw new SqlError('INVALID_ARGUMENT', message, errno, state)
  }
  const at = `for column '${name}' at row ${row}`
  if (value === null) {
    return column.isNullable ? null : refuse(`Column '${name}' cannot be null`, 1048, '23000')
  }
  const { type } = column
  switch (type) {
    case 'VARCHAR':
      if (Array.from(value).length <= column.length!) return value
      return refuse(`Data too long for column '${name}' at row ${row}`, 1406, '22001')
    case 'JSON': {
      const read = mysqlJson(value)
      if (typeof read === 'string') return read
      const text = `Invalid JSON text: "${read.reason}" at position ${read.at} in value for column '${TABLE}.${name}'.`
      return refuse(text, 3140, '22032')
    }
    case 'TIMESTAMP': {
      const seconds = secondsOf(value, zone)
      if (seconds !== undefined && seconds > 0 && seconds <= LAST) return timestampOf(seconds)
      return refuse(`Incorrect datetime value: '${value}' ${at}`, 1292, '22007')
    }
  }
  const number = /^\s*([+-]?\d{1,40})(?:\.(\d)\d*)?\s*$/.exec(value)
  if (number === null) return refuse(`Incorrect integer value: '${value}' ${at}`, 1366, 'HY000')
  const whole = BigInt(number[1]!.replace('+', ''))
  const rounded = Number(number[2] ?? 0) < 5 ? whole : whole + (number[1]!.startsWith('-') ? -1n : 1n)
  const most = 2n ** RANGES[type]
  if (rounded < most && rounded >= -most) return String(rounded)
  return refuse(`Out of range value for column '${name}' at row ${row}`, 1264, '22003')
}

const DATE = /^(\d{4})-(\d\d?)-(\d\d?)(?:[ T](\d\d?):(\d\d?):(\d\d?)(\.\d{1,9})?([+-]\d\d:\d\d)?)?$/

/** Whole seconds since 1970 of what is written in a session's time zone, or in its own. */
function secondsOf(value: string, zone: number): number | undefined {
  const found = DATE.exec(value.trim())
  if (found === null) return undefined
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => Number(part ?? 0))
  const at = Date.UTC(year!, month! - 1, day, hour, minute, second)
  const back = new Date(at)
  const isReal =
    back.getUTCMonth() === month! - 1 &&
    back.getUTCDate() === day &&
    hour! < 24 &&
    minute! < 60 &&
    second! < 60
  if (!isReal) return undefined
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(found[8] ?? '') ?? []
  const own = sign === undefined ? zone : (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1)
  return at / 1000 - own * 60 + Math.round(Number(found[7] ?? 0))
}

/** `YYYY-MM-DD HH:MM:SS` in UTC. */
export const timestampOf = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')
