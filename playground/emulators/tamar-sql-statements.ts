import { type Expression, Reader } from './tamar-sql-expressions.ts'
import { tokensOf, unsupported } from './tamar-sql-tokens.ts'

export interface Item {
  readonly name: string
  readonly of: Expression
}

export interface Insert {
  readonly is: 'insert'
  readonly table: string
  readonly columns: readonly string[] | undefined
  readonly rows: readonly (readonly Expression[])[]
}

export interface Select {
  readonly is: 'select'
  readonly table: string | undefined
  readonly items: readonly Item[]
  readonly where: Expression | undefined
  readonly group: readonly Expression[]
  readonly order: readonly (readonly [of: Expression, descending: boolean])[]
  readonly limit: Limit | undefined
}

export interface Update {
  readonly is: 'update'
  readonly table: string
  readonly set: readonly (readonly [column: string, value: Expression])[]
  readonly where: Expression | undefined
}

export interface Delete {
  readonly is: 'delete'
  readonly table: string
  readonly where: Expression | undefined
}

export interface Limit {
  readonly count: string
  readonly offset: string
}

export type Statement = Insert | Select | Update | Delete

/** Reads one statement. */
export function statementOf(sql: string): Statement {
  const reader = new Reader(tokensOf(sql))
  const statement = begun(reader, sql)
  reader.takes(';')
  if (reader.next.is !== 'end') reader.fail()
  return statement
}

function begun(reader: Reader, sql: string): Statement {
  if (reader.takes('INSERT')) return insert(reader)
  if (reader.takes('SELECT')) return select(reader, sql)
  if (reader.takes('UPDATE')) return update(reader)
  if (reader.takes('DELETE')) return remove(reader)
  const { is, text } = reader.next
  if (is === 'word' && KNOWN.has(text))
    throw unsupported(`${text}; there are INSERT, SELECT, UPDATE and DELETE`)
  return reader.fail()
}

const KNOWN = new Set(
  'ALTER ANALYZE BEGIN CALL COMMIT CREATE DROP EXPLAIN GRANT REPLACE ROLLBACK SET SHOW START TRUNCATE USE WITH'.split(
    ' ',
  ),
)

/** The last part of `schema.table`. */
function tableOf(reader: Reader): string {
  let name = reader.name()
  while (reader.takes('.')) name = reader.name()
  return name
}

function insert(reader: Reader): Insert {
  if (reader.takes('IGNORE')) throw unsupported('INSERT IGNORE')
  reader.takes('INTO')
  const table = tableOf(reader)
  let columns: string[] | undefined
  if (reader.takes('(')) {
    columns = reader.list(() => reader.name())
    reader.expect(')')
  }
  if (!reader.takes('VALUES')) reader.expect('VALUE')
  const rows = reader.list(() => {
    reader.expect('(')
    const values = reader.list(() => reader.expression())
    reader.expect(')')
    return values
  })
  if (reader.takes('ON', 'DUPLICATE')) throw unsupported('ON DUPLICATE KEY UPDATE')
  return { is: 'insert', table, columns, rows }
}

function select(reader: Reader, sql: string): Select {
  if (reader.takes('DISTINCT')) throw unsupported('DISTINCT')
  const items = reader.list(() => item(reader, sql))
  if (!reader.takes('FROM')) {
    return { is: 'select', table: undefined, items, where: undefined, group: [], order: [], limit: undefined }
  }
  const table = tableOf(reader)
  // Its other name need not be known: there is only one table.
  if (reader.takes('AS') || reader.names) reader.name()
  const where = reader.takes('WHERE') ? reader.expression() : undefined
  const group = reader.takes('GROUP', 'BY') ? reader.list(() => reader.expression()) : []
  if (reader.takes('HAVING')) throw unsupported('HAVING')
  const order = reader.takes('ORDER', 'BY') ? reader.list(() => ordered(reader)) : []
  const limit = reader.takes('LIMIT') ? limitOf(reader) : undefined
  reader.takes('FOR', 'UPDATE')
  return { is: 'select', table, items, where, group, order, limit }
}

function item(reader: Reader, sql: string): Item {
  if (reader.takes('*')) return { name: '*', of: { is: 'star' } }
  const start = reader.next.at
  const of = reader.expression()
  const written = sql.slice(start, reader.next.at).trim()
  if (reader.takes('AS') || reader.names) return { name: reader.name(), of }
  return { name: of.is === 'column' ? of.name : written, of }
}

function ordered(reader: Reader): readonly [Expression, boolean] {
  const of = reader.expression()
  const descending = reader.takes('DESC')
  if (!descending) reader.takes('ASC')
  return [of, descending]
}

function limitOf(reader: Reader): Limit {
  const first = wholeNumber(reader)
  if (reader.takes(',')) return { offset: first, count: wholeNumber(reader) }
  return { count: first, offset: reader.takes('OFFSET') ? wholeNumber(reader) : '0' }
}

function wholeNumber(reader: Reader): string {
  const token = reader.take()
  if (token.is !== 'number' || !/^\d{1,15}$/.test(token.text)) reader.fail(token)
  return token.text
}

function update(reader: Reader): Update {
  const table = tableOf(reader)
  reader.expect('SET')
  const set = reader.list(() => {
    const column = tableOf(reader)
    reader.expect('=')
    return [column, reader.expression()] as const
  })
  return { is: 'update', table, set, where: reader.takes('WHERE') ? reader.expression() : undefined }
}

function remove(reader: Reader): Delete {
  reader.expect('FROM')
  const table = tableOf(reader)
  return { is: 'delete', table, where: reader.takes('WHERE') ? reader.expression() : undefined }
}
