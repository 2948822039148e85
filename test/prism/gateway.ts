import {
  createPrismClient,
  type PrismClient,
  type PrismClientOptions,
  type PrismPairs,
  signRequest,
} from 'isomq/prism'
import { expect } from 'vitest'
import { FakeClock } from '../support/clock.ts'

export const SECRET = 'marker-secret'

/** A request as it arrived. */
export interface Call {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly query: PrismPairs
  /** The text of the body; undefined when there is none. */
  readonly body: string | undefined
  readonly form: PrismPairs
  /** When it arrived, by the fake clock. */
  readonly at: number
  /** What `fetch` was given. */
  readonly init: RequestInit
}

export type Answer = (call: Call) => Response | Promise<Response>

export interface Gateway {
  readonly client: PrismClient
  readonly calls: Call[]
  readonly clock: FakeClock
  /** What the logger got. */
  readonly records: { readonly event: string; readonly [fact: string]: unknown }[]
}

export const ok = (value: unknown = {}): Response => Response.json(value)

/** A client whose requests the test answers. Pauses between attempts are as short as they can be. */
export function gateway(answer: Answer = () => ok(), options: Partial<PrismClientOptions> = {}): Gateway {
  const calls: Call[] = []
  const clock = new FakeClock()
  const records: Gateway['records'] = []
  const client = createPrismClient({
    baseUrl: 'https://prism.test/api',
    key: 'key',
    secret: SECRET,
    clock,
    random: () => 0,
    logger: (record) => void records.push(record),
    async fetch(input, init = {}) {
      const url = new URL(input)
      const body = init.body === undefined || init.body === null ? undefined : String(init.body)
      const call: Call = {
        method: init.method!,
        url,
        headers: new Headers(init.headers),
        query: [...url.searchParams],
        body,
        form: [...new URLSearchParams(body)],
        at: clock.now(),
        init,
      }
      calls.push(call)
      return answer(call)
    },
    ...options,
  })
  return { client, calls, clock, records }
}

/** A client whose calls are made once. */
export const once = (answer: Answer, options: Partial<PrismClientOptions> = {}): PrismClient =>
  gateway(answer, { retries: 0, ...options }).client

/** Answers every call with a text. */
export const text =
  (body: string | null, init: ResponseInit = {}) =>
  (): Response =>
    new Response(body, init)

/** All values of a name, in the query and in the form. */
export const values = ({ query, form }: Call, name: string): string[] =>
  [...query, ...form].flatMap(([key, value]) => (key === name ? [value] : []))

/** The one value of a name. */
export function value(call: Call, name: string): string {
  const found = values(call, name)
  if (found.length !== 1) throw new Error(`${found.length} times ${name}`)
  return found[0]!
}

/** The signature that belongs to what arrived. */
export const signatureOf = (
  { method, url, headers, query, form }: Call,
  secret = SECRET,
  names: readonly string[] | undefined = undefined,
): string =>
  signRequest({
    method,
    path: url.pathname,
    headers: [...headers].filter(([name]) => names === undefined || names.includes(name)),
    query,
    body: form,
    secret,
  })

/** Whether it is signed once, by this secret, with the second that it arrived in. */
export const isSigned = (call: Call, secret = SECRET): boolean =>
  value(call, 'sign') === signatureOf(call, secret) &&
  value(call, 'sign_time') === String(Math.floor(call.at / 1000)) &&
  value(call, 'sign_method') === 'md5'

/** The parameters without those of the system. */
export const own = (pairs: PrismPairs): PrismPairs =>
  pairs.filter(([name]) => !/^(client_id|sign|sign_time|sign_method)$/.test(name))

/** A body that breaks off behind its first bytes. */
export const broken = (): Response =>
  new Response(
    new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode('{"half'))
        controller.error(new TypeError('terminated'))
      },
    }),
  )

export const CONFIG = expect.objectContaining({ name: 'IsomqError', code: 'CONFIG', provider: 'prism' })
