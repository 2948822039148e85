import { isJson } from './tamar-json.ts'
import { type Link, pause } from './tamar-real-link.ts'
import type { RedisAccess } from './tamar-real-settings.ts'
import type { Realtime } from './tamar-services.ts'

type Hear = (userId: string, payload: string) => void

const CHANNEL = 'realtime:user:'
const PATTERN = `${CHANNEL}*`
const MESSAGE = `pmessage,${PATTERN},${CHANNEL}`
/** Milliseconds until Redis has said that it subscribed. */
const PATIENCE = 10_000
/** Commas that a user's id may have. */
const COMMAS = 16

/** Realtime messages of a real Redis, by the event stream of a subscription that is taken out again when it breaks. */
export class RealRealtime implements Realtime {
  readonly #access: RedisAccess
  readonly #link: Link

  constructor(access: RedisAccess, link: Link) {
    this.#access = access
    this.#link = link
  }

  listen(hear: Hear): () => void {
    const stopping = new AbortController()
    void this.#keep(hear, stopping.signal)
    return () => {
      stopping.abort()
      this.#link.closed()
    }
  }

  async #keep(hear: Hear, stopping: AbortSignal): Promise<void> {
    this.#link.opening()
    while (!stopping.aborted) {
      const attempt = new AbortController()
      const end = (): void => attempt.abort()
      stopping.addEventListener('abort', end)
      try {
        await this.#read(hear, attempt)
        throw new Error('Redis ended the stream')
      } catch (error) {
        if (!stopping.aborted) await pause(this.#link.failed(error), stopping)
      } finally {
        stopping.removeEventListener('abort', end)
        end()
      }
    }
  }

  async #read(hear: Hear, attempt: AbortController): Promise<void> {
    const { url, token } = this.#access
    const late = setTimeout(() => attempt.abort(new Error('Redis did not subscribe in time')), PATIENCE)
    try {
      const response = await fetch(`${url}/psubscribe/${encodeURIComponent(PATTERN)}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
        signal: attempt.signal,
      })
      if (!response.ok || response.body === null) {
        throw new Error(`Redis answered PSUBSCRIBE with status ${response.status}`)
      }
      for await (const event of eventsOf(response.body)) {
        if (attempt.signal.aborted) return
        if (event.startsWith('psubscribe,')) {
          clearTimeout(late)
          this.#link.opened()
        } else if (event.startsWith(MESSAGE)) hear(...parted(event.slice(MESSAGE.length)))
      }
    } finally {
      clearTimeout(late)
    }
  }
}

/** The data of each event of a stream. */
async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  let data: string[] = []
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
      rest = lines.pop()!
      for (const raw of lines) {
        const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
        if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5))
        else if (line === '' && data.length > 0) {
          yield data.join('\n')
          data = []
        }
      }
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** User and payload, with a comma between them; the user may have some, too: behind the right one all is JSON. */
function parted(text: string): [userId: string, payload: string] {
  const first = text.indexOf(',')
  for (let at = first, tries = 0; at >= 0 && tries <= COMMAS; at = text.indexOf(',', at + 1), tries++) {
    const payload = text.slice(at + 1)
    if (isJson(payload)) return [text.slice(0, at), payload]
  }
  return [text.slice(0, first), text.slice(first + 1)]
}
