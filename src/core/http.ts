import { createFetch } from 'ofetch'
import { decodeText } from './bytes.ts'
import type { Clock } from './clock.ts'
import { IsomqError, type Provider } from './errors.ts'
import { readAll } from './stream.ts'
import { type WaitOptions, wait } from './wait.ts'

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>

/** What every request of a client has in common. */
export interface HttpSetup {
  readonly provider: Provider
  readonly clock: Clock
  /** Default: the runtime's, looked up when it is called. */
  readonly fetch?: Fetch | undefined
}

export interface HttpRequest extends WaitOptions {
  readonly url: string
  readonly method: string
  readonly headers?: Record<string, string> | undefined
  /** Made when the request is, if that takes a while. */
  readonly body?: string | (() => Promise<string>) | undefined
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

const MOST = 16 * 1024 * 1024

/**
 * Sends one request, once: whether it may be repeated only the provider knows. Redirects are not followed,
 * since a signature is made for one address.
 *
 * @throws IsomqError `CONNECT_FAILED`, `HTTP` for a status that is no success, `LIMIT`, `TIMEOUT`, `ABORTED`
 */
export async function request(
  setup: HttpSetup,
  { url, signal, timeout, ...init }: HttpRequest,
): Promise<HttpAnswer> {
  const { provider, clock } = setup
  const answer = await wait<HttpAnswer>(
    { signal, timeout },
    { provider, clock, what: 'answer' },
    (resolve, reject) => {
      const abort = new AbortController()
      send(setup, url, init, abort.signal).then(resolve, reject)
      return () => abort.abort()
    },
  )
  return judge(provider, answer)
}

async function send(
  { provider, fetch }: HttpSetup,
  url: string,
  { body, ...init }: Pick<HttpRequest, 'method' | 'headers' | 'body'>,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const given = typeof body === 'function' ? await body() : body
  const { Headers, AbortController } = globalThis
  const send = createFetch({
    fetch: (fetch ?? globalThis.fetch) as typeof globalThis.fetch,
    Headers,
    AbortController,
  })
  const response = await send
    .raw(url, {
      ...(init as object),
      ...(given !== undefined && { body: given }),
      signal,
      redirect: 'manual',
      responseType: 'stream',
      ignoreResponseError: true,
      retry: false,
    })
    // Its error's text quotes the URL, which may carry a signature: only what is behind it goes on.
    .catch(({ cause }) => {
      throw new IsomqError(
        provider,
        'CONNECT_FAILED',
        'the request did not get through; check the URL and the network',
        {
          cause,
        },
      )
    })
  const { status, headers } = response
  const stream = response._data as ReadableStream<Uint8Array> | undefined
  try {
    const text = stream ? decodeText(await readAll(provider, stream, MOST, 'an answer')) : ''
    return { status, headers, text }
  } catch (cause) {
    if (cause instanceof IsomqError) throw cause
    throw new IsomqError(provider, 'CONNECTION_LOST', 'the answer broke off; it may have been done', {
      cause,
    })
  }
}

function judge(provider: Provider, answer: HttpAnswer): HttpAnswer {
  const { status, text } = answer
  if (status >= 200 && status < 300) return answer
  throw new IsomqError(provider, 'HTTP', `the server answered with status ${status}`, {
    retryable: status >= 500 || status === 429,
    details: { status, body: text.slice(0, 200) },
  })
}
