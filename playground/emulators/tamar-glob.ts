/** Whether a text fits a pattern of Redis: `*`, `?`, `[ab]`, `[^a]`, `[a-z]`, and a backslash before what means itself. */
export function globMatches(pattern: string, text: string): boolean {
  const [signs, letters] = [bytes(pattern), bytes(text)]
  // The last star, and how far it reaches: only that one has ever to be tried again.
  let star = -1
  let reach = 0
  let at = 0
  let to = 0
  while (to < letters.length) {
    if (signs[at] === STAR) {
      star = at++
      reach = to
      continue
    }
    const next = one(signs, at, letters[to]!)
    if (next > 0) {
      at = next
      to++
    } else if (star >= 0) {
      at = star + 1
      to = ++reach
    } else return false
  }
  while (signs[at] === STAR) at++
  return at === signs.length
}

const [STAR, QUESTION, OPEN, CLOSE, CARET, DASH, BACKSLASH] = Array.from('*?[]^-\\', (c) => c.charCodeAt(0))
const encoder = new TextEncoder()
const bytes = (text: string): Uint8Array => encoder.encode(text)

/** The place in the pattern after what fits one letter, or 0 when it does not. */
function one(signs: Uint8Array, at: number, letter: number): number {
  if (at >= signs.length) return 0
  if (signs[at] === QUESTION) return at + 1
  if (signs[at] === OPEN) return oneOf(signs, at + 1, letter)
  const plain = signs[at] === BACKSLASH && at + 1 < signs.length ? at + 1 : at
  return signs[plain] === letter ? plain + 1 : 0
}

/** A class; one that does not end goes to the end of the pattern, as Redis has it. */
function oneOf(signs: Uint8Array, start: number, letter: number): number {
  const isNot = signs[start] === CARET
  let at = isNot ? start + 1 : start
  let fits = false
  for (; at < signs.length && signs[at] !== CLOSE; at++) {
    if (signs[at] === BACKSLASH && at + 1 < signs.length) {
      if (signs[++at] === letter) fits = true
    } else if (at + 2 < signs.length && signs[at + 1] === DASH) {
      const [low, high] = [signs[at]!, signs[at + 2]!].sort((a, b) => a - b)
      if (letter >= low! && letter <= high!) fits = true
      at += 2
    } else if (signs[at] === letter) fits = true
  }
  return fits === isNot ? 0 : Math.min(at + 1, signs.length)
}
