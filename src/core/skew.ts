import type { Clock } from './clock.ts'

/** What spoils signatures; less is a request that took a while. */
const NOTABLE = 30_000

/** By how many milliseconds this clock is ahead of the server's, as far as an answer tells. */
export function clockSkew(headers: Headers, clock: Clock): number | undefined {
  const date = Date.parse(headers.get('date') ?? '')
  return Number.isNaN(date) ? undefined : clock.now() - date
}

/** What to say of a notable skew behind an error's text; nothing of any other. */
export function skewHint(skew = 0): string {
  if (Math.abs(skew) < NOTABLE) return ''
  const side = skew < 0 ? 'behind' : 'ahead of'
  return `; the clock here is ${Math.round(Math.abs(skew) / 1000)} s ${side} the server's, which spoils signatures: set it`
}
