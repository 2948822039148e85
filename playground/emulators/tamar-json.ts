export interface JsonFault {
  readonly reason: string
  readonly at: number
}

class Invalid extends Error {
  readonly at: number
  constructor(reason: string, at: number) {
    super(reason)
    this.at = at
  }
}

const STRING = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*"/uy
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const BLANK = /[ \t\n\r]*/y
const DEPTH = 100

/**
 * A text of JSON as MySQL gives it back: names in the order of their lengths, of doubled ones the last, a blank
 * after comma and colon, numbers as they were. Or what is wrong with it.
 */
export function mysqlJson(text: string): string | JsonFault {
  try {
    return new JsonReader(text).read()
  } catch (error) {
    if (error instanceof Invalid) return { reason: error.message, at: error.at }
    throw error
  }
}

class JsonReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  read(): string {
    const value = this.#value(1)
    if (this.#at < this.#text.length) this.#fail('The document root must not be followed by other values.')
    return value
  }

  #fail(reason: string): never {
    throw new Invalid(reason, this.#at)
  }

  #blank(): void {
    this.#match(BLANK)
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found !== null) this.#at += found[0].length
    return found
  }

  #takes(sign: string): boolean {
    if (!this.#text.startsWith(sign, this.#at)) return false
    this.#at += sign.length
    return true
  }

  #value(depth: number): string {
    if (depth > DEPTH) this.#fail('The JSON document exceeds the maximum depth.')
    this.#blank()
    if (this.#at === this.#text.length) this.#fail('The document is empty.')
    const value = this.#bare(depth)
    this.#blank()
    return value
  }

  #bare(depth: number): string {
    if (this.#takes('{')) return this.#object(depth)
    if (this.#takes('[')) return this.#array(depth)
    const word = ['null', 'true', 'false'].find((one) => this.#takes(one))
    if (word !== undefined) return word
    const text = this.#match(STRING)?.[0]
    if (text !== undefined) return JSON.stringify(JSON.parse(text))
    const number = this.#match(NUMBER)
    return number === null ? this.#fail('Invalid value.') : this.#number(number)
  }

  #number([text, fraction, exponent]: RegExpExecArray): string {
    if (!Number.isFinite(Number(text))) this.#fail('Number too big to be stored in double.')
    const isWhole = fraction === undefined && exponent === undefined
    // What no integer of 64 bits holds becomes a double.
    if (isWhole && text.length < 20) return text === '-0' ? '0' : text
    return Number.isInteger(Number(text)) && !isWhole ? `${Number(text)}.0` : String(Number(text))
  }

  #array(depth: number): string {
    const values: string[] = []
    this.#blank()
    if (this.#takes(']')) return '[]'
    do values.push(this.#value(depth + 1))
    while (this.#takes(','))
    if (!this.#takes(']')) this.#fail('Missing a comma or ] after an array element.')
    return `[${values.join(', ')}]`
  }

  #object(depth: number): string {
    const values = new Map<string, string>()
    this.#blank()
    if (this.#takes('}')) return '{}'
    do {
      this.#blank()
      const name = this.#match(STRING)?.[0]
      if (name === undefined) this.#fail('Missing a name for object member.')
      this.#blank()
      if (!this.#takes(':')) this.#fail('Missing a colon after a name of object member.')
      values.set(JSON.stringify(JSON.parse(name)), this.#value(depth + 1))
    } while (this.#takes(','))
    if (!this.#takes('}')) this.#fail('Missing a comma or } after an object member.')
    const names = [...values.keys()].sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
    return `{${names.map((name) => `${name}: ${values.get(name)}`).join(', ')}}`
  }
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
