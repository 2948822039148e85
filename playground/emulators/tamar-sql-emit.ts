import type { SqlValue } from '../cloudflare.ts'
import { COLUMNS, type ColumnType, columnOf } from './tamar-columns.ts'
import type { Expression } from './tamar-sql-expressions.ts'
import { SqlError, unsupported } from './tamar-sql-tokens.ts'

/** What an expression gives, as PlanetScale names it. */
export type ResultType = ColumnType | 'DATETIME' | 'DECIMAL' | 'NULL'

export interface Emitted {
  /** For SQLite. */
  readonly sql: string
  readonly type: ResultType
}

type Texts = readonly Emitted[]

const SIGNS: Readonly<Record<string, string>> = { '<=>': 'IS', '!=': '<>', '&&': 'AND', '||': 'OR' }
const SECONDS: Readonly<Record<string, number>> = { SECOND: 1, MINUTE: 60, HOUR: 3600, DAY: 86_400 }
const CASTS: Readonly<Record<string, readonly [sql: string, type: ResultType]>> = {
  CHAR: ['TEXT', 'VARCHAR'],
  SIGNED: ['INTEGER', 'INT64'],
  UNSIGNED: ['INTEGER', 'INT64'],
  JSON: ['TEXT', 'JSON'],
}

/** Turns expressions of MySQL into those of SQLite; what they hold goes into `values`, never into the text. */
export class Emitter {
  readonly values: SqlValue[] = []
  /** Where a fault is said to be. */
  clause = 'field list'
  readonly #now: number
  readonly #zone: string
  readonly #minutes: number

  /** The time is in seconds since 1970, the zone in minutes. */
  constructor(now: number, minutes: number) {
    this.#now = now
    this.#minutes = minutes
    this.#zone = `'${minutes < 0 ? '' : '+'}${minutes} minutes'`
  }

  emit(of: Expression): Emitted {
    switch (of.is) {
      case 'null':
        return { sql: 'NULL', type: 'NULL' }
      case 'text':
        this.values.push(of.value)
        return { sql: '?', type: 'VARCHAR' }
      case 'number':
        return this.#number(of.value)
      case 'column':
        return this.#column(of.name)
      case 'unary': {
        if (of.sign === '-' && of.of.is === 'number') return this.#number(`-${of.of.value}`)
        const { sql } = this.emit(of.of)
        return { sql: `(${of.sign === '!' ? 'NOT' : of.sign} ${sql})`, type: 'INT64' }
      }
      case 'binary':
        return this.#binary(of.sign, of.left, of.right)
      case 'in':
        return this.#in(of)
      case 'call':
        return this.#call(of.name, of.args)
      case 'cast': {
        const [sql, type] = CASTS[of.to] ?? []
        if (sql === undefined) throw unsupported(`CAST AS ${of.to}`)
        return { sql: `CAST(${this.emit(of.of).sql} AS ${sql})`, type: type! }
      }
    }
    throw unsupported(`${of.is.toUpperCase()} at this place`)
  }

  #number(text: string): Emitted {
    this.values.push(text)
    const isWhole = /^-?\d+$/.test(text)
    return { sql: `CAST(? AS ${isWhole ? 'INTEGER' : 'REAL'})`, type: isWhole ? 'INT64' : 'DECIMAL' }
  }

  #column(name: string): Emitted {
    const column = columnOf(name)
    if (column === undefined) {
      throw new SqlError('INVALID_ARGUMENT', `Unknown column '${name}' in '${this.clause}'`, 1054, '42S22')
    }
    const { type } = COLUMNS[column]
    const isLocal = type === 'TIMESTAMP' && this.#minutes !== 0
    return { sql: isLocal ? `datetime(${column}, ${this.#zone})` : column, type }
  }

  #binary(sign: string, left: Expression, right: Expression): Emitted {
    if (right.is === 'interval' && /^[+-]$/.test(sign)) return this.#shifted(left, right, sign)
    const [a, b] = [this.emit(left), this.emit(right)]
    const plain = SIGNS[sign] ?? sign
    if (sign === '/') return { sql: `(1.0 * ${a.sql} / ${b.sql})`, type: 'DECIMAL' }
    const last = sign.endsWith('LIKE') ? " ESCAPE '\\'" : ''
    const isExact = /^[+*%-]$/.test(sign) && [a, b].every(({ type }) => type.startsWith('INT'))
    const type = /^[+*%-]$/.test(sign) && !isExact ? 'DECIMAL' : 'INT64'
    return { sql: `(${a.sql} ${plain} ${b.sql}${last})`, type }
  }

  #shifted(time: Expression, { of, unit }: Expression & { is: 'interval' }, sign: string): Emitted {
    const factor = Object.hasOwn(SECONDS, unit) ? SECONDS[unit] : undefined
    if (factor === undefined) throw unsupported(`INTERVAL in ${unit}`)
    const [at, by] = [this.emit(time).sql, this.emit(of).sql]
    const signed = `(${sign === '-' ? -factor : factor} * (${by}))`
    return { sql: `datetime(${at}, ${signed} || ' seconds')`, type: 'DATETIME' }
  }

  #in({ of, list, not }: Expression & { is: 'in' }): Emitted {
    const { sql } = this.emit(of)
    const word = not ? 'NOT IN' : 'IN'
    // A long list goes in as one value: there can be only so many.
    const texts = list.flatMap((one) => (one.is === 'text' ? [one.value] : []))
    if (texts.length === list.length) {
      this.values.push(JSON.stringify(texts))
      return { sql: `(${sql} ${word} (SELECT value FROM json_each(?)))`, type: 'INT64' }
    }
    return { sql: `(${sql} ${word} (${list.map((one) => this.emit(one).sql).join(', ')}))`, type: 'INT64' }
  }

  #call(name: string, args: readonly Expression[]): Emitted {
    if (name === 'COUNT' && args.length === 1) {
      return { sql: args[0]!.is === 'star' ? 'COUNT(*)' : `COUNT(${this.emit(args[0]!).sql})`, type: 'INT64' }
    }
    if (/^DATE_(ADD|SUB)$/.test(name) && args.length === 2 && args[1]!.is === 'interval') {
      return this.#shifted(
        args[0]!,
        args[1] as Expression & { is: 'interval' },
        name === 'DATE_SUB' ? '-' : '+',
      )
    }
    return this.#function(
      name,
      args.map((arg) => this.emit(arg)),
    )
  }

  #function(name: string, args: Texts): Emitted {
    const [first, second] = args
    const list = args.map(({ sql }) => sql).join(', ')
    switch (`${name}/${args.length}`) {
      case 'NOW/0':
      case 'CURRENT_TIMESTAMP/0':
      case 'LOCALTIMESTAMP/0':
        return { sql: `datetime(${this.#now}, 'unixepoch', ${this.#zone})`, type: 'DATETIME' }
      case 'UTC_TIMESTAMP/0':
        return { sql: `datetime(${this.#now}, 'unixepoch')`, type: 'DATETIME' }
      case 'UNIX_TIMESTAMP/0':
        return { sql: String(this.#now), type: 'INT64' }
      case 'UNIX_TIMESTAMP/1':
        return { sql: `(unixepoch(${first!.sql}) - ${this.#minutes * 60})`, type: 'INT64' }
      case 'FROM_UNIXTIME/1':
        return { sql: this.#fromUnix(first!.sql), type: 'DATETIME' }
      case 'MAX/1':
      case 'MIN/1':
        return { sql: `${name}(${list})`, type: first!.type }
      case 'IFNULL/2':
      case 'COALESCE/2':
        return { sql: `COALESCE(${list})`, type: first!.type === 'NULL' ? second!.type : first!.type }
      case 'JSON_EXTRACT/2':
        return { sql: `(${first!.sql} -> ${second!.sql})`, type: 'JSON' }
    }
    if (name === 'CONCAT' && args.length > 0) {
      return { sql: `(${args.map(({ sql }) => sql).join(' || ')})`, type: 'VARCHAR' }
    }
    if (/^\w+$/.test(name)) throw unsupported(`the function ${name} with ${args.length} arguments`)
    throw unsupported('this function')
  }

  /** With its fraction, which a TIMESTAMP then rounds. */
  #fromUnix(sql: string): string {
    return `strftime('%Y-%m-%d %H:%M:%f', ${sql}, 'unixepoch', ${this.#zone})`
  }
}
