// The service's REST side behind a fake `fetch`. What it checks signatures with follows RFC 5849 by itself, on bytes.
import { createTamburPublisher, type TamburPublisher, type TamburPublisherOptions } from 'isomq/tambur'
import { FakeClock } from '../support/clock.ts'
import { until } from '../support/events.ts'

export const KEYS = { apiKey: 'the key', appId: 'app-1', secret: 'MARKER-s3cret&+ü' } as const

/** A request as it arrived. */
export interface Call {
  readonly url: string
  readonly init: RequestInit
  readonly body: string
  /** The form, decoded. */
  readonly form: ReadonlyMap<string, string>
  /** When it arrived, by the fake clock. */
  readonly at: number
}

export type Answer = (call: Call) => Response | Promise<Response>

export interface Service {
  readonly publisher: TamburPublisher
  readonly calls: Call[]
  readonly clock: FakeClock
  /** What the logger got. */
  readonly records: { readonly event: string; readonly [fact: string]: unknown }[]
}

export const taken = (): Response => new Response(null, { status: 204 })

/** A publisher whose requests the test answers. Pauses between attempts are as short as they can be. */
export function service(answer: Answer = taken, options: Partial<TamburPublisherOptions> = {}): Service {
  const calls: Call[] = []
  const clock = new FakeClock()
  const records: Service['records'] = []
  const publisher = createTamburPublisher({
    ...KEYS,
    apiHost: 'api.test',
    clock,
    random: () => 0,
    logger: (record) => void records.push(record),
    async fetch(url, init = {}) {
      const body = String(init.body)
      const form = new Map(pairs(body))
      const call = { url, init, body, form, at: clock.now() }
      calls.push(call)
      return answer(call)
    },
    ...options,
  })
  return { publisher, calls, clock, records }
}

/** Lets pauses end until the call does; gives how long they were. */
export async function pauses(clock: FakeClock, call: Promise<unknown>): Promise<number[]> {
  const found: number[] = []
  let over = false
  const end = () => {
    over = true
  }
  call.then(end, end)
  for (;;) {
    await until(() => over || clock.timers > 0)
    if (over) return found
    found.push(clock.untilNext!)
    await clock.advance(clock.untilNext!)
  }
}

const utf8 = (text: string): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>

/** RFC 5849, section 3.6, byte by byte. */
function encoded(text: string): string {
  let found = ''
  for (const byte of utf8(text)) {
    const sign = String.fromCharCode(byte)
    found += /[A-Za-z0-9\-._~]/.test(sign) ? sign : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return found
}

/** A form or a query, decoded by hand. */
export function pairs(text: string): [string, string][] {
  const decode = (part: string) => decodeURIComponent(part.replaceAll('+', ' '))
  return text
    .split('&')
    .filter(Boolean)
    .map((part) => {
      const at = part.indexOf('=')
      return [decode(part.slice(0, at)), decode(part.slice(at + 1))]
    })
}

/** RFC 5849, section 3.4.1, of what arrived. */
export function baseString({ url, init, body }: Call): string {
  const [, scheme, host, path, query = ''] = /^(https?):\/\/([^/?#]+)([^?#]*)(?:\?([^#]*))?$/.exec(url)!
  const port = scheme === 'https' ? ':443' : ':80'
  const authority = host!.toLowerCase().endsWith(port) ? host!.slice(0, -port.length) : host!
  const list = [...pairs(query), ...pairs(body)]
    .filter(([name]) => name !== 'oauth_signature')
    .map(([name, value]) => [encoded(name), encoded(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
  return [init.method!.toUpperCase(), `${scheme}://${authority.toLowerCase()}${path || '/'}`, list]
    .map(encoded)
    .join('&')
}

/** RFC 5849, section 3.4.2. */
export async function signatureOf(call: Call, secret: string = KEYS.secret): Promise<string> {
  const algorithm = { name: 'HMAC', hash: 'SHA-1' }
  const key = await crypto.subtle.importKey('raw', utf8(`${encoded(secret)}&`), algorithm, false, ['sign'])
  const digest = new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8(baseString(call))))
  return btoa(String.fromCharCode(...digest))
}

/** Whether it is signed by this secret. */
export const isSigned = async (call: Call, secret?: string): Promise<boolean> =>
  call.form.get('oauth_signature') === (await signatureOf(call, secret))
