// A publisher of Node's own parts, with nothing of the client under test.
import { createHmac } from 'node:crypto'
import { request } from 'node:http'
import { TAMBUR, type TamburRoom } from '../support/room.ts'

export const seconds = (): number => Math.floor(Date.now() / 1000)

/** RFC 3986, as RFC 5849 wants it. */
const percent = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)

export function signature(
  url: string,
  parameters: [string, string][],
  secret: string = TAMBUR.secret,
): string {
  const encoded = parameters.map(([name, value]) => [percent(name), percent(value)] as const)
  encoded.sort(([a, x], [b, y]) => (a < b || (a === b && x < y) ? -1 : 1))
  const list = encoded.map((pair) => pair.join('=')).join('&')
  const base = ['POST', percent(url), percent(list)].join('&')
  return createHmac('sha1', `${percent(secret)}&`)
    .update(base)
    .digest('base64')
}

/** What differs from a publication as it should be. */
export interface Odd {
  /** Replace parameters; `undefined` leaves one out. */
  readonly fields?: Readonly<Record<string, string | undefined>>
  readonly secret?: string
  readonly signature?: string
  /** The query, and whether it is signed. */
  readonly query?: string
  readonly unsigned?: boolean
  /** What is signed in place of the address that is asked. */
  readonly signedUrl?: string
  readonly headers?: Readonly<Record<string, string>>
}

let nonces = 0

/** Where a stream is published; characters that may stand in a path stay. */
export const streamUrl = ({ host, appId }: Pick<TamburRoom, 'host' | 'appId'>, stream: string): string =>
  `http://${host}/app/${appId}/stream/${stream}`

/** Publishes at an address, signed in the form. */
export function publishAt(url: string, message: string, odd: Odd = {}): Promise<Response> {
  const all = {
    api_version: '1.0',
    message,
    oauth_consumer_key: TAMBUR.apiKey,
    oauth_nonce: `nonce-${++nonces}`,
    oauth_signature_method: 'HMAC-SHA1',
    oauth_timestamp: String(seconds()),
    oauth_version: '1.0',
    ...odd.fields,
  }
  const form = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined)
  const query = odd.unsigned ? [] : [...new URLSearchParams(odd.query)]
  const sign = odd.signature ?? signature(odd.signedUrl ?? url, [...query, ...form], odd.secret)
  return fetch(odd.query === undefined ? url : `${url}?${odd.query}`, {
    method: 'POST',
    headers: odd.headers,
    body: new URLSearchParams([...form, ['oauth_signature', sign]]),
  })
}

export const publish = (
  room: Pick<TamburRoom, 'host' | 'appId'>,
  stream: string,
  message: string,
  odd: Odd = {},
): Promise<Response> => publishAt(streamUrl(room, stream), message, odd)

/** Sends a form as it is, under another host's name if need be, which `fetch` would not do. */
export function post(url: string, body: string, host: string = new URL(url).host): Promise<[number, string]> {
  const headers = { host, 'content-type': 'application/x-www-form-urlencoded' }
  return new Promise((resolve, reject) => {
    const call = request(url, { method: 'POST', headers }, async (response) => {
      let text = ''
      for await (const chunk of response) text += chunk
      resolve([response.statusCode!, text])
    })
    call.on('error', reject)
    call.end(body)
  })
}

/** What lets a subscriber have a mode. */
export function token(appId: string, subscriber: string, mode: string, ...props: string[]): string {
  const text = [TAMBUR.apiKey, appId, mode, ...props, subscriber].join(':')
  return createHmac('sha1', TAMBUR.secret).update(text).digest('hex')
}
