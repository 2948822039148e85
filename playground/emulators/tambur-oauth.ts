import { oauthSignature, percent, percentByte } from './tambur-sign.ts'

/** Names and values in the spelling that is signed, each percent-encoded. */
type Pairs = readonly (readonly [name: string, value: string])[]

/** What a signature covers. */
export interface Signed {
  readonly method: string
  /** As in the request line, with its %XX, without a query. */
  readonly url: string
  readonly query: string
  readonly form: string
}

/** Says why a request is not let in. */
export class Refused extends Error {
  readonly status: number
  readonly code: string
  /** What the caller is told besides. */
  explanation: object = {}

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** What was sent, with parameters to be looked up. */
export class OAuthRequest {
  readonly #signed: Signed
  readonly #query: Pairs
  readonly #form: Pairs

  constructor(signed: Signed) {
    this.#signed = signed
    this.#query = pairs(signed.query)
    this.#form = pairs(signed.form)
  }

  /** Whether the caller wants to know why it is refused. */
  get debug(): boolean {
    return this.#query.some(([name, value]) => name === 'debug' && value === 'true')
  }

  /** RFC 5849, 3.4.1: of every parameter but the signature; `debug` may be left out, since not all sign it. */
  base(withDebug = true): string {
    const query = withDebug ? this.#query : this.#query.filter(([name]) => name !== 'debug')
    const all = [...query, ...this.#form].filter(([name]) => name !== 'oauth_signature')
    const list = all.map(([name, value]) => `${name}=${value}`)
    // What is encoded is ASCII; a name ends before "=", which is none of it.
    list.sort((a, b) => compare(a.replace('=', '\0'), b.replace('=', '\0')))
    return [this.#signed.method, percent(this.#signed.url), percent(list.join('&'))].join('&')
  }

  /** A parameter of the form, as it is signed. */
  encoded(name: string): string {
    const values = this.#form.filter(([known]) => known === name).map(([, value]) => value)
    if (values.length === 0) throw new Refused(400, 'missing_parameter', `there is no ${name} in the form`)
    if (values.length > 1) throw new Refused(400, 'repeated_parameter', `${name} is there more than once`)
    return values[0]!
  }

  /** The same as text. */
  field(name: string): string {
    const encoded = this.encoded(name)
    try {
      return decodeURIComponent(encoded)
    } catch {
      throw new Refused(400, 'invalid_parameter', `${name} is not UTF-8`)
    }
  }

  /** A parameter of the form which must be as expected. */
  expect(name: string, value: string, code: string): void {
    const given = this.field(name)
    if (given !== value) throw new Refused(400, code, `${name} is ${given}; it must be ${value}`)
  }

  /** Whether the signature was made with the secret. */
  async isSigned(secret: string): Promise<boolean> {
    const given = this.field('oauth_signature')
    if (given === (await oauthSignature(this.base(), secret))) return true
    return this.debug && given === (await oauthSignature(this.base(false), secret))
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function pairs(text: string): Pairs {
  const parts = text.split('&').filter((part) => part !== '')
  return parts.map((part) => {
    const at = part.indexOf('=')
    return at < 0 ? [normal(part), ''] : [normal(part.slice(0, at)), normal(part.slice(at + 1))]
  })
}

/** Form encoding undone and RFC 3986 done, byte by byte: some clients sign what is no UTF-8. */
const normal = (text: string): string =>
  text
    .replaceAll('+', ' ')
    .split(/(%[\dA-Fa-f]{2})/)
    .map((part) => {
      if (/^%[\dA-Fa-f]{2}$/.test(part)) return percentByte(Number.parseInt(part.slice(1), 16))
      return percent(part)
    })
    .join('')
