// A text or a whole number, each in one piece: matching texts too keeps the digits in them alone.
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
const LONG = /^-?\d{16,}$/

/** `JSON.parse`, but integers of 16 digits and more arrive as text with all their digits. */
export function parseExact(text: string): unknown {
  // First as it is: in what is no JSON the search for tokens could take for ever.
  const rounded: unknown = JSON.parse(text)
  if (!/\d{16}/.test(text)) return rounded
  return JSON.parse(text.replace(TOKEN, (token) => (LONG.test(token) ? `"${token}"` : token)))
}
