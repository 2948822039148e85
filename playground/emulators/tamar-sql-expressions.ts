import { syntaxError, type Token } from './tamar-sql-tokens.ts'

export type Expression =
  | { readonly is: 'text' | 'number'; readonly value: string }
  | { readonly is: 'null' | 'default' | 'star' }
  | { readonly is: 'column'; readonly name: string }
  | { readonly is: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly is: 'cast'; readonly to: string; readonly of: Expression }
  | { readonly is: 'interval'; readonly unit: string; readonly of: Expression }
  | { readonly is: 'unary'; readonly sign: string; readonly of: Expression }
  | { readonly is: 'binary'; readonly sign: string; readonly left: Expression; readonly right: Expression }
  | {
      readonly is: 'in'
      readonly not: boolean
      readonly of: Expression
      readonly list: readonly Expression[]
    }

/** How tightly what stands between two expressions binds them. */
const LEVELS: readonly (readonly string[])[] = [
  ['OR', '||'],
  ['AND', '&&'],
  ['=', '<=>', '<>', '!=', '<', '<=', '>', '>=', 'LIKE', 'NOT LIKE', 'IS', 'IS NOT'],
  ['+', '-'],
  ['*', '/', '%'],
]
const NOT_LEVEL = 2
/** Names of functions that stand without parentheses. */
const BARE = new Set(['CURRENT_TIMESTAMP', 'UTC_TIMESTAMP', 'LOCALTIMESTAMP'])
const RESERVED = new Set(
  'AND AS ASC BETWEEN BY CASE DELETE DESC DISTINCT FOR FROM GROUP HAVING IN INSERT INTO IS JOIN LIKE LIMIT NOT OR ORDER SELECT SET UNION UPDATE VALUES WHERE'.split(
    ' ',
  ),
)

/** Reads tokens one by one; what it cannot read is a syntax error. */
export class Reader {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get next(): Token {
    return this.#tokens[this.#at]!
  }

  /** Whether a name comes next. */
  get names(): boolean {
    const { is, text } = this.next
    return is === 'name' || (is === 'word' && !RESERVED.has(text))
  }

  fail(token: Token = this.next): never {
    throw syntaxError(token.at, token.raw)
  }

  take(): Token {
    const token = this.next
    if (token.is === 'end') this.fail(token)
    this.#at++
    return token
  }

  /** Whether these words or signs come next; then they are taken. */
  takes(...texts: readonly string[]): boolean {
    const fits = texts.every((text, i) => {
      const token = this.#tokens[this.#at + i]
      return token !== undefined && /^(word|sign)$/.test(token.is) && token.text === text
    })
    if (fits) this.#at += texts.length
    return fits
  }

  expect(...texts: readonly string[]): void {
    for (const text of texts) if (!this.takes(text)) this.fail()
  }

  name(): string {
    const token = this.take()
    if (token.is === 'name') return token.text
    if (token.is !== 'word' || RESERVED.has(token.text)) this.fail(token)
    return token.raw
  }

  list<T>(one: () => T): T[] {
    const all = [one()]
    while (this.takes(',')) all.push(one())
    return all
  }

  expression(level = 0): Expression {
    if (level === NOT_LEVEL && this.takes('NOT')) {
      return { is: 'unary', sign: 'NOT', of: this.expression(level) }
    }
    if (level === LEVELS.length) return this.#unary()
    let left = this.expression(level + 1)
    for (;;) {
      if (level === NOT_LEVEL) {
        const further = this.#further(left)
        if (further !== undefined) {
          left = further
          continue
        }
      }
      const sign = LEVELS[level]!.find((one) => this.takes(...one.split(' ')))
      if (sign === undefined) return left
      // IS begins IS NOT, too.
      const whole = sign === 'IS' && this.takes('NOT') ? 'IS NOT' : sign
      left = { is: 'binary', sign: whole, left, right: this.expression(level + 1) }
    }
  }

  /** IN and BETWEEN, or neither. */
  #further(of: Expression): Expression | undefined {
    const not = this.takes('NOT', 'IN') || this.takes('NOT', 'BETWEEN')
    const word = not
      ? this.#tokens[this.#at - 1]!.text
      : this.takes('IN')
        ? 'IN'
        : this.takes('BETWEEN')
          ? 'BETWEEN'
          : ''
    if (word === '') return undefined
    if (word === 'IN') {
      this.expect('(')
      const list = this.list(() => this.expression())
      this.expect(')')
      return { is: 'in', not, of, list }
    }
    const low = this.expression(NOT_LEVEL + 1)
    this.expect('AND')
    const both: Expression = {
      is: 'binary',
      sign: 'AND',
      left: { is: 'binary', sign: '>=', left: of, right: low },
      right: { is: 'binary', sign: '<=', left: of, right: this.expression(NOT_LEVEL + 1) },
    }
    return not ? { is: 'unary', sign: 'NOT', of: both } : both
  }

  #unary(): Expression {
    for (const sign of ['-', '+', '!']) if (this.takes(sign)) return { is: 'unary', sign, of: this.#unary() }
    return this.#primary()
  }

  #primary(): Expression {
    if (this.takes('(')) {
      const inner = this.expression()
      this.expect(')')
      return inner
    }
    const token = this.take()
    if (token.is === 'text' || token.is === 'number') return { is: token.is, value: token.text }
    if (token.is === 'name') return this.#column(token.text)
    if (token.is !== 'word') this.fail(token)
    switch (token.text) {
      case 'NULL':
        return { is: 'null' }
      case 'TRUE':
        return { is: 'number', value: '1' }
      case 'FALSE':
        return { is: 'number', value: '0' }
      case 'DEFAULT':
        return { is: 'default' }
      case 'INTERVAL':
        return { is: 'interval', of: this.expression(), unit: this.take().text }
    }
    if (this.takes('(')) return this.#call(token.text)
    if (BARE.has(token.text)) return { is: 'call', name: token.text, args: [] }
    if (RESERVED.has(token.text)) this.fail(token)
    return this.#column(token.raw)
  }

  #call(name: string): Expression {
    if (name === 'CAST') {
      const of = this.expression()
      this.expect('AS')
      const to = this.take().text
      this.expect(')')
      return { is: 'cast', of, to }
    }
    if (this.takes(')')) return { is: 'call', name, args: [] }
    const one = (): Expression => (this.takes('*') ? { is: 'star' } : this.expression())
    const args = this.list(one)
    this.expect(')')
    return { is: 'call', name, args }
  }

  /** With its table, or its schema and table, before it. */
  #column(first: string): Expression {
    let name = first
    while (this.takes('.')) name = this.name()
    return { is: 'column', name }
  }
}
