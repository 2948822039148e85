import { IsomqError } from '../core/errors.ts'
import { isSuccess, send } from '../core/http.ts'
import type { TamburSettings } from './options.ts'
import { provider } from './wrong.ts'

/**
 * Asks the balancer where the socket is; `instance` is the number of the attempt.
 *
 * @throws IsomqError `AUTH_REJECTED`, `HTTP`, `PROTOCOL`, and whatever `send` throws
 */
export async function findSocket(
  settings: TamburSettings,
  instance: number,
  signal: AbortSignal,
): Promise<string> {
  const { clock, fetch, balancer, apiKey, appId, ssl } = settings
  const path = `${encodeURIComponent(apiKey!)}/${encodeURIComponent(appId!)}?instance=${instance}&callback=isomq`
  const url = `${ssl ? 'https' : 'http'}://${balancer}/${path}`
  const answer = await send({ provider, clock, fetch }, { url, method: 'GET', signal })
  if (isSuccess(answer)) return `${ssl ? 'wss' : 'ws'}://${readAddress(answer.text)}`
  const { status } = answer
  const code = status === 401 || status === 403 ? 'AUTH_REJECTED' : 'HTTP'
  const text = `the balancer answered with status ${status}; check its address, "apiKey" and "appId"`
  throw new IsomqError(provider, code, text, { details: { status } })
}

/**
 * The socket's address in a balancer's answer: the call of a function with a number and a text, as JSONP has it,
 * JSON that is or holds the text, or the text alone. Nothing of it is ever run.
 *
 * @throws IsomqError `PROTOCOL` when there is no address in it
 */
function readAddress(answer: string): string {
  const text = answer.length > MOST ? '' : answer.trim()
  const call = /^[\w$.]+\(\s*(?:\d+\s*,\s*)?("(?:[^"\\]|\\.)*"|'[^'\\]*')\s*\)\s*;?$/.exec(text)
  const found = call ? unquoted(call[1]!) : /^["{]/.test(text) ? fromJson(text) : text
  // A single word is no address, but may well say what is wrong.
  const address =
    /^(?:wss?:\/\/)?(?=.*[.:/])((?:[\w.-]+|\[[\da-f:]+\])(?::\d+)?(?:\/[\w.~!$&'()*+,;=:@%/-]*)?)$/i.exec(
      found ?? '',
    )?.[1]
  if (address !== undefined && URL.canParse(`ws://${address}`)) return address
  throw new IsomqError(
    provider,
    'PROTOCOL',
    'the balancer gave no address; check its URL, or give the option "url"',
  )
}

/** An answer that is longer is another's: no address takes as many characters. */
const MOST = 4_000

const unquoted = (quoted: string): string | undefined =>
  quoted.startsWith("'") ? quoted.slice(1, -1) : fromJson(quoted)

function fromJson(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'string') return value
    const { url, address, host } = value as Record<string, unknown>
    const found = url ?? address ?? host
    return typeof found === 'string' ? found : undefined
  } catch {
    return undefined
  }
}
