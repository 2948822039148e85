import { isDict } from './webmq-payload.ts'
import { type Message, Violation } from './webmq-session.ts'

type Check = readonly [name: string, fits: (value: unknown) => boolean]

/** From 1 to 2^53. */
export const isId = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 2 ** 53

const text = (value: unknown): boolean => typeof value === 'string'
const REQUEST: Check = ['the request id', isId]
const OPTIONS: Check = ['the options', isDict]
const DETAILS: Check = ['the details', isDict]
const URI: Check = ['the URI', text]
const ID: Check = ['the id', isId]
const PAYLOAD: readonly Check[] = [
  ['the arguments', Array.isArray],
  ['the named arguments', isDict],
]

/** What a client may send: the parts of each message, and those that may be left out. */
const MESSAGES: Readonly<
  Record<number, readonly [name: string, parts: readonly Check[], more?: readonly Check[]]>
> = {
  1: ['HELLO', [['the realm', text], DETAILS]],
  3: ['ABORT', [DETAILS, URI]],
  5: [
    'AUTHENTICATE',
    [
      ['the signature', text],
      ['the extra', isDict],
    ],
  ],
  6: ['GOODBYE', [DETAILS, URI]],
  8: ['ERROR', [['the type', Number.isInteger], REQUEST, DETAILS, URI], PAYLOAD],
  16: ['PUBLISH', [REQUEST, OPTIONS, URI], PAYLOAD],
  32: ['SUBSCRIBE', [REQUEST, OPTIONS, URI]],
  34: ['UNSUBSCRIBE', [REQUEST, ID]],
  48: ['CALL', [REQUEST, OPTIONS, URI], PAYLOAD],
  49: ['CANCEL', [REQUEST, OPTIONS]],
  64: ['REGISTER', [REQUEST, OPTIONS, URI]],
  66: ['UNREGISTER', [REQUEST, ID]],
  70: ['YIELD', [REQUEST, OPTIONS], PAYLOAD],
}

/** Throws when a message is none that a client may send. */
export function check([type, ...rest]: Message): void {
  const known = Object.hasOwn(MESSAGES, type) ? MESSAGES[type] : undefined
  if (known === undefined) throw new Violation(`a client sends no message of type ${type}`)
  const [name, parts, more = []] = known
  if (rest.length < parts.length || rest.length > parts.length + more.length) {
    throw new Violation(`${name} cannot have ${rest.length + 1} elements`)
  }
  const checks = [...parts, ...more]
  rest.forEach((value, i) => {
    const [what, fits] = checks[i]!
    if (!fits(value)) throw new Violation(`${what} of ${name} cannot be ${shown(value)}`)
  })
}

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 40) ?? 'nothing'
