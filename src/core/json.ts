// What can begin or end a text, and whole numbers. Each is matched without going back, however long the JSON.
const TOKEN = /\\.|"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
/** What JSON has the content of; classes of one's own are objects, too. */
const PLAIN = / (Object|Number|String|Boolean)]$/
const LONG = /^-?\d{16,}$/

/** `JSON.parse`, but integers of 16 digits and more arrive as text with all their digits. */
export function parseExact(text: string): unknown {
  // First as it is: what follows relies on it that this is JSON.
  const rounded: unknown = JSON.parse(text)
  if (!/\d{16}/.test(text)) return rounded
  let inText = false
  const exact = text.replace(TOKEN, (token) => {
    if (token === '"') inText = !inText
    return !inText && LONG.test(token) ? `"${token}"` : token
  })
  return JSON.parse(exact)
}

/** JSON would have null for NaN, and nothing for what is in a Map, a Promise or a Blob, without a word. */
export function orThrow(this: unknown, key: string, value: unknown): unknown {
  const isLost =
    typeof value === 'object'
      ? value === null
        ? (this as Record<string, unknown>)[key] instanceof Date
        : !(Array.isArray(value) || PLAIN.test({}.toString.call(value)))
      : typeof value === 'number' && !Number.isFinite(value)
  if (isLost) throw new RangeError('JSON cannot hold this')
  return value
}

/**
 * JSON of a value.
 *
 * @throws what `wrong` makes of it when it has none
 */
export function toJson(value: unknown, wrong: (cause: unknown) => Error): string {
  let cause: unknown
  try {
    const text: unknown = JSON.stringify(value, orThrow)
    if (typeof text === 'string') return text
  } catch (thrown) {
    cause = thrown
  }
  throw wrong(cause)
}

/** A text as it is, anything else as JSON. */
export const textOrJson = (value: unknown, wrong: (cause: unknown) => Error): string =>
  typeof value === 'string' ? value : toJson(value, wrong)
