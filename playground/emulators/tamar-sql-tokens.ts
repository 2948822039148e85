/** A statement that is refused, as MySQL numbers and words it, with the code that Vitess gives it. */
export class SqlError extends Error {
  readonly code: SqlCode
  /** MySQL's number and state; none when the statement does not even reach it. */
  readonly errno: number | undefined
  readonly state: string

  constructor(code: SqlCode, message: string, errno?: number, state = 'HY000') {
    super(message)
    this.code = code
    this.errno = errno
    this.state = state
  }
}
export type SqlCode =
  | 'INVALID_ARGUMENT'
  | 'ALREADY_EXISTS'
  | 'NOT_FOUND'
  | 'UNIMPLEMENTED'
  | 'RESOURCE_EXHAUSTED'

export interface Token {
  readonly is: 'word' | 'name' | 'text' | 'number' | 'sign' | 'end'
  /** Of a text what it means, of a word in upper case. */
  readonly text: string
  /** As it is written. */
  readonly raw: string
  readonly at: number
}

const BLANK = /[ \t\n\r\v\f]+/y
const WORD = /[A-Za-z_$][\w$]*/y
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y
const NAME = /`((?:[^`]|``)+)`/y
const TEXT = /'((?:[^'\\]|\\[\s\S]|'')*)'|"((?:[^"\\]|\\[\s\S]|"")*)"/y
const SIGN = /<=>|<>|<=|>=|!=|&&|\|\||[=<>+\-*/%(),.;!]/y
// What a client has not written can only have come in with a value.
const COMMENT = /--|#|\/\*/y

/** The tokens of a statement of MySQL; comments are refused. */
export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    return pattern.exec(sql)
  }
  while (at < sql.length) {
    const found = match(BLANK) ? undefined : tokenAt(match, at)
    if (found !== undefined) tokens.push(found)
    else if (match(COMMENT) !== null || match(BLANK) === null) throw syntaxError(at, sql.slice(at, at + 20))
    at += found?.raw.length ?? match(BLANK)![0].length
  }
  tokens.push({ is: 'end', text: '', raw: '', at })
  return tokens
}

function tokenAt(match: (pattern: RegExp) => RegExpExecArray | null, at: number): Token | undefined {
  if (match(COMMENT)) return undefined
  const token = (is: Token['is'], raw: string, text = raw): Token => ({ is, text, raw, at })
  let found = match(WORD)
  if (found) return token('word', found[0], found[0].toUpperCase())
  found = match(NUMBER)
  if (found) return token('number', found[0])
  found = match(NAME)
  if (found) return token('name', found[0], found[1]!.replaceAll('``', '`'))
  found = match(TEXT)
  if (found) return token('text', found[0], meant(found[1] ?? found[2]!, found[0][0]!))
  found = match(SIGN)
  return found ? token('sign', found[0]) : undefined
}

const ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  b: '\b',
  n: '\n',
  r: '\r',
  t: '\t',
  Z: '\x1a',
  // In LIKE these two mean themselves, in texts they keep their backslash.
  '%': '\\%',
  _: '\\_',
}

const meant = (text: string, quote: string): string =>
  text.replace(/\\([\s\S])|''|""/g, (pair, sign: string | undefined) => {
    if (sign !== undefined) return ESCAPES[sign] ?? sign
    return pair[0] === quote ? quote : pair
  })

export function syntaxError(at: number, near: string): SqlError {
  const where = near === '' ? '' : ` near '${near}'`
  return new SqlError('INVALID_ARGUMENT', `syntax error at position ${at + 1}${where}`)
}

export const unsupported = (what: string): SqlError =>
  new SqlError('UNIMPLEMENTED', `unsupported here: ${what}`)
