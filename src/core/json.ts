// What can begin or end a text, and whole numbers. Each is matched without going back, however long the JSON.
const TOKEN = /\\.|"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
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
