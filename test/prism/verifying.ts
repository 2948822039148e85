// Requests as some client signs them, for the receiving side.
import {
  type PrismPairs,
  type PrismVerdict,
  type PrismVerifyOptions,
  signRequest,
  verifyRequest,
} from 'isomq/prism'

export const SECRET = 's3cret'
const TIME = 1_700_000_000
export const NOW = TIME * 1000
export const FORM = 'application/x-www-form-urlencoded'
export const SYSTEM = [
  ['client_id', 'key'],
  ['sign_method', 'md5'],
  ['sign_time', String(TIME)],
] as const

export interface Wanted {
  method?: string
  path?: string
  headers?: Record<string, string>
  query?: PrismPairs
  form?: PrismPairs
  /** Sent as it is, in place of a form. */
  body?: BodyInit
  /** Where the signature goes. */
  signIn?: 'query' | 'form' | 'nowhere'
  secret?: string
  /** In place of the right one. */
  sign?: string
}

/** A request as some client makes it. */
export function signed(wanted: Wanted = {}): Request {
  const {
    method = 'GET',
    path = '/api/x',
    headers = {},
    query = SYSTEM,
    form,
    body,
    signIn = 'query',
    secret = SECRET,
  } = wanted
  const parts = { method, path, headers: Object.entries(headers), query, body: form ?? [], secret }
  const pair = ['sign', wanted.sign ?? signRequest(parts)] as const
  const url = new URL(`https://api.test${path}`)
  url.search = String(
    new URLSearchParams([...query, ...(signIn === 'query' ? [pair] : [])] as unknown as string[][]),
  )
  const init: RequestInit = { method, headers: { ...headers } }
  if (form) {
    init.body = String(
      new URLSearchParams([...form, ...(signIn === 'form' ? [pair] : [])] as unknown as string[][]),
    )
    init.headers = { 'content-type': FORM, ...headers }
  }
  if (body !== undefined) init.body = body
  return new Request(url, init)
}

/** Checks at the second in which requests are signed. */
export const check = (
  request: Parameters<typeof verifyRequest>[0],
  options: Partial<PrismVerifyOptions> = {},
): Promise<PrismVerdict> => verifyRequest(request, { secret: SECRET, now: NOW, ...options })

/** Workers warn of forms that are read as text. */
export const textOf = async (request: Request): Promise<string> =>
  new TextDecoder().decode(await request.arrayBuffer())

/** The system parameters but for one. */
export const without = (name: string): PrismPairs => SYSTEM.filter(([key]) => key !== name)
