import type { ObjectState, SqlStorage, SqlValue } from '../cloudflare.ts'
import {
  COLUMNS,
  type Column,
  type ColumnName,
  CREATE,
  checked,
  columnOf,
  INDEX,
  INDEX_DUE,
  TABLE,
  timestampOf,
} from './tamar-columns.ts'
import { Emitter, type ResultType } from './tamar-sql-emit.ts'
import type { Expression } from './tamar-sql-expressions.ts'
import { type Delete, type Insert, type Select, statementOf, type Update } from './tamar-sql-statements.ts'
import { SqlError } from './tamar-sql-tokens.ts'

export interface Field {
  readonly name: string
  readonly type: ResultType
  /** Of the table, when it is one. */
  readonly column?: ColumnName
}

export interface Result {
  readonly fields: readonly Field[]
  readonly rows: readonly (readonly (string | null)[])[]
  readonly affected: number
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Minutes by which the sessions are ahead of UTC. */
  zone(): number
}

type Values = Partial<Record<ColumnName, string | null>>

const NAMES = Object.keys(COLUMNS) as ColumnName[]

/** MySQL with the one table, in strict mode: its statements carried out by SQLite, its values checked here. */
export class Mysql {
  readonly #sql: SqlStorage
  readonly #clock: Clock
  /** Called after each row that was inserted. */
  onInsert: () => void = () => {}

  constructor(state: ObjectState, clock: Clock) {
    this.#sql = state.storage.sql
    this.#clock = clock
    for (const statement of [CREATE, INDEX, INDEX_DUE]) this.#sql.exec(statement)
  }

  clear(): void {
    this.#sql.exec(`DELETE FROM ${TABLE}`)
  }

  /** How many rows there are of each status. */
  statuses(): Record<string, number> {
    const query = `SELECT status, COUNT(*) AS n FROM ${TABLE} GROUP BY status`
    const rows = this.#sql.exec<{ status: string; n: number }>(query).toArray()
    return Object.fromEntries(rows.map(({ status, n }) => [status, n]))
  }

  execute(text: string): Result {
    const statement = statementOf(text)
    const { table } = statement
    if (table !== undefined && table !== TABLE) {
      throw new SqlError('NOT_FOUND', `Table 'isomq.${table}' doesn't exist`, 1146, '42S02')
    }
    switch (statement.is) {
      case 'insert':
        return this.#insert(statement)
      case 'select':
        return this.#select(statement)
      case 'update':
        return this.#update(statement)
      case 'delete':
        return this.#delete(statement)
    }
  }

  #emitter(): Emitter {
    return new Emitter(Math.floor(this.#clock.now() / 1000), this.#clock.zone())
  }

  #exec(sql: string, values: readonly SqlValue[]): Record<string, SqlValue>[] {
    try {
      return this.#sql.exec<Record<string, SqlValue>>(sql, ...values).toArray()
    } catch (error) {
      // What is too much for SQLite is more than this table is made for.
      const { message } = error as Error
      throw new SqlError('RESOURCE_EXHAUSTED', `the statement is too much for this server: ${message}`, 1105)
    }
  }

  #insert({ columns, rows }: Insert): Result {
    const names = columns?.map((name) => this.#column(name)) ?? NAMES
    const all = rows.map((row, i) => {
      if (row.length !== names.length) {
        const text = `Column count doesn't match value count at row ${i + 1}`
        throw new SqlError('INVALID_ARGUMENT', text, 1136, '21S01')
      }
      return this.#defaults(this.#values(names, row, i + 1))
    })
    const ids = new Set<string>()
    for (const { id } of all) this.#unique(id!, ids)
    for (const values of all) this.#put(values)
    this.onInsert()
    return { fields: [], rows: [], affected: all.length }
  }

  #column(name: string): ColumnName {
    const column = columnOf(name)
    if (column !== undefined) return column
    throw new SqlError('INVALID_ARGUMENT', `Unknown column '${name}' in 'field list'`, 1054, '42S22')
  }

  #values(names: readonly ColumnName[], row: readonly Expression[], number: number): Values {
    const values: Values = {}
    for (const [i, name] of names.entries()) {
      const of = row[i]!
      if (of.is !== 'default') values[name] = checked(name, this.#constant(of), this.#clock.zone(), number)
    }
    return values
  }

  /** What an expression without columns gives. */
  #constant(of: Expression): string | null {
    if (of.is === 'null') return null
    if (of.is === 'text' || of.is === 'number') return of.value
    const emitter = this.#emitter()
    const { sql } = emitter.emit(of)
    return this.#exec(`SELECT CAST(${sql} AS TEXT) AS value`, emitter.values)[0]!.value as string | null
  }

  #defaults(given: Values): Values {
    const values: Values = {}
    for (const name of NAMES) {
      const { isNullable, isNow }: Column = COLUMNS[name]
      if (Object.hasOwn(given, name)) values[name] = given[name]!
      else if (isNow) values[name] = timestampOf(this.#clock.now() / 1000)
      else if (isNullable) values[name] = null
      else {
        throw new SqlError('INVALID_ARGUMENT', `Field '${name}' doesn't have a default value`, 1364, 'HY000')
      }
    }
    return values
  }

  #unique(id: string, others: Set<string>): void {
    const isKnown = this.#exec(`SELECT 1 FROM ${TABLE} WHERE id = ?`, [id]).length > 0
    if (isKnown || others.has(id.toLowerCase())) {
      throw new SqlError(
        'ALREADY_EXISTS',
        `Duplicate entry '${id}' for key '${TABLE}.PRIMARY'`,
        1062,
        '23000',
      )
    }
    others.add(id.toLowerCase())
  }

  #put(values: Values): void {
    // The column's type makes numbers of digits, of any size.
    const marks = NAMES.map(() => '?').join(', ')
    const all = NAMES.map((name) => values[name] ?? null)
    this.#exec(`INSERT INTO ${TABLE} (${NAMES.join(', ')}) VALUES (${marks})`, all)
  }

  #select({ table, items, where, group, order, limit }: Select): Result {
    const emitter = this.#emitter()
    const shown = items.flatMap(({ name, of }) =>
      of.is === 'star' && table !== undefined
        ? NAMES.map((column) => ({
            name: column as string,
            of: { is: 'column', name: column } as Expression,
          }))
        : [{ name, of }],
    )
    const fields: Field[] = []
    const parts: string[] = []
    for (const { name, of } of shown) {
      const { sql, type } = emitter.emit(of)
      fields.push({ name, type, ...(of.is === 'column' && { column: columnOf(of.name)! }) })
      parts.push(`CAST(${sql} AS TEXT) AS c${parts.length}`)
    }
    let sql = `SELECT ${parts.join(', ')}`
    if (table !== undefined) sql += ` FROM ${TABLE}${this.#where(emitter, where)}`
    emitter.clause = 'group statement'
    if (group.length > 0) sql += ` GROUP BY ${group.map((of) => emitter.emit(of).sql).join(', ')}`
    emitter.clause = 'order clause'
    const sorted = order.map(([of, descending]) => `${emitter.emit(of).sql}${descending ? ' DESC' : ''}`)
    if (sorted.length > 0) sql += ` ORDER BY ${sorted.join(', ')}`
    if (limit !== undefined) sql += ` LIMIT ${limit.count} OFFSET ${limit.offset}`
    const rows = this.#exec(sql, emitter.values)
    return {
      fields,
      rows: rows.map((row) => fields.map((_, i) => row[`c${i}`] as string | null)),
      affected: 0,
    }
  }

  #where(emitter: Emitter, where: Expression | undefined): string {
    emitter.clause = 'where clause'
    return where === undefined ? '' : ` WHERE ${emitter.emit(where).sql}`
  }

  #update({ set, where }: Update): Result {
    const names = set.map(([name]) => this.#column(name))
    const emitter = this.#emitter()
    const parts = set.map(([, of], i) => `CAST(${emitter.emit(of).sql} AS TEXT) AS c${i}`)
    const sql = `SELECT id, ${parts.join(', ')} FROM ${TABLE}${this.#where(emitter, where)}`
    const found = this.#exec(sql, emitter.values)
    const zone = this.#clock.zone()
    // All are checked before the first is changed.
    const changes = found.map((row, at) => {
      const values: Values = {}
      for (const [i, name] of names.entries()) {
        values[name] = checked(name, row[`c${i}`] as string | null, zone, at + 1)
      }
      return [row.id as string, values] as const
    })
    for (const [id, values] of changes) this.change(id, values)
    return { fields: [], rows: [], affected: changes.length }
  }

  /** Changes a row as an UPDATE does, which notes when. */
  change(id: string, values: Values): void {
    const all: Values = { updated_at: timestampOf(this.#clock.now() / 1000), ...values }
    const names = Object.keys(all) as ColumnName[]
    if (all.id !== undefined && all.id !== id) this.#unique(all.id!, new Set())
    const sets = names.map((name) => `${name} = ?`).join(', ')
    const given = names.map((name) => all[name] ?? null)
    this.#exec(`UPDATE ${TABLE} SET ${sets} WHERE id = ?`, [...given, id])
  }

  #delete({ where }: Delete): Result {
    const emitter = this.#emitter()
    const sql = `DELETE FROM ${TABLE}${this.#where(emitter, where)} RETURNING 1`
    return { fields: [], rows: [], affected: this.#exec(sql, emitter.values).length }
  }
}
