import { decodeText } from './bytes.ts'
import { IsomqError, type Provider } from './errors.ts'
import { type HttpSetup, isSuccess, send } from './http.ts'
import { readAll } from './stream.ts'

// What a page must not do for want of a secret, its own server does: the two halves of that.

/** Bytes that a page's wish may have. */
const MOST = 10_000

/**
 * The server's half: answers a POST of JSON by JSON. `read` makes the wish of its fields, or nothing; `grant` gives
 * the answer, or false to refuse.
 */
export function createGranter<W>(
  provider: Provider,
  says: string,
  read: (fields: Record<string, unknown>) => W | undefined,
  grant: (request: Request, wish: W) => Promise<object | false>,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const text = await bodyOf(provider, request)
    if (request.method !== 'POST') return answer(405, { error: 'ask by POST' })
    const fields = fieldsOf(text)
    const wish = fields && read(fields)
    if (wish === undefined) return answer(400, { error: `ask by JSON: ${says}` })
    try {
      const granted = await grant(request, wish)
      return granted ? answer(200, granted) : answer(403, { error: 'not allowed' })
    } catch (error) {
      // What a hook threw is not for the page to read.
      if (error instanceof IsomqError && /CONFIG|LIMIT/.test(error.code))
        return answer(400, { error: 'this cannot be granted' })
      return answer(500, { error: 'the server failed' })
    }
  }
}

/** Nothing when it is too long or breaks off. */
async function bodyOf(provider: Provider, { body }: Request): Promise<string> {
  if (!body) return ''
  const read = readAll(provider, body as ReadableStream<Uint8Array>, MOST, 'the wish', 'ask for less')
  return decodeText(await read.catch(() => new Uint8Array()))
}

const answer = (status: number, said: object): Response =>
  new Response(JSON.stringify(said), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  })

function fieldsOf(text: string): Record<string, unknown> | undefined {
  try {
    const fields: unknown = JSON.parse(text)
    return typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/**
 * The page's half: asks the server for the text of a field.
 *
 * @throws IsomqError `AUTH_REJECTED` when it refuses, `HTTP`, and whatever `send` throws
 */
export async function askServer(
  http: HttpSetup & { readonly provider: Provider },
  url: string,
  given: Readonly<Record<string, string>> | undefined,
  wish: object,
  field: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const headers = { ...given, 'content-type': 'application/json' }
  const answered = await send(http, { url, method: 'POST', headers, body: JSON.stringify(wish), signal })
  const { status } = answered
  const found = isSuccess(answered) && fieldsOf(answered.text)?.[field]
  if (typeof found === 'string' && found !== '') return found
  const code = status === 401 || status === 403 ? 'AUTH_REJECTED' : 'HTTP'
  const text = `the server that was asked for a ${field} answered with status ${status} and none`
  // As of any answer: a server that is being restarted may well grant it soon.
  const retryable = status >= 500 || status === 429
  throw new IsomqError(http.provider, code, text, { retryable, details: { status } })
}
