/** When to try again after a connection was lost or did not come about. */
export interface ReconnectOptions {
  /** Tries in a row before the client gives up and is `closed`. Default: without end. */
  retries?: number | undefined
  /** Shortest pause before a retry, in milliseconds. Default 500. */
  minDelay?: number | undefined
  /** Longest pause before a retry, in milliseconds. Default 30,000. */
  maxDelay?: number | undefined
  /** How long a connection must have been up to count as healthy, in milliseconds. Default 10,000. */
  stableAfter?: number | undefined
  /** Try again after the server refused the sign-in, too. Default false: a refusal ends the client. */
  refused?: boolean | undefined
}

/**
 * Milliseconds to wait before retry `attempt`. Retry 0 follows a healthy connection and comes at once; the
 * others are spread evenly between the shortest pause and a ceiling that doubles. The first ceiling is 8
 * times the shortest pause: less would bring a thousand clients back within the same few moments.
 */
export function backoff(attempt: number, random: () => number, minDelay = 500, maxDelay = 30_000): number {
  if (attempt === 0) return 0
  const ceiling = Math.min(maxDelay, minDelay * 2 ** (attempt + 2))
  return Math.round(minDelay + random() * Math.max(0, ceiling - minDelay))
}
