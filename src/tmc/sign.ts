import { byBytes, hex } from '../core/encoding.ts'
import { hmacMd5 } from '../core/hmac-md5.ts'
import { md5Hex } from '../core/md5.ts'
import { hmac } from '../core/signing.ts'
import { wrong } from './arguments.ts'

/** How {@link signTop} signs. */
export type TopSignMethod = 'md5' | 'hmac' | 'hmac-sha256'

/** What the signature of a sign-in covers. `timestamp` is in milliseconds. */
export interface TmcSignFields {
  readonly appKey: string
  readonly groupName: string
  readonly timestamp: number | string
}

/** Sorted by key in the order of UTF-8 bytes, joined without separators; empty keys and values are left out. */
function joined(params: Readonly<Record<string, string>>): string {
  return Object.keys(params)
    .filter((key) => key && params[key])
    .sort(byBytes)
    .map((key) => key + params[key])
    .join('')
}

/** The `sign` header of a TMC sign-in: MD5 in upper-case hex, as the official clients make it. */
export function signConnect(fields: TmcSignFields & { readonly appSecret: string }): string {
  const { appKey, appSecret, groupName, timestamp } = fields
  const params = { app_key: appKey, group_name: groupName, timestamp: String(timestamp) }
  return md5Hex(appSecret + joined(params) + appSecret).toUpperCase()
}

/** The `sign` field of a call to the TOP gateway, over all its other fields; upper-case hex. */
export async function signTop(
  params: Readonly<Record<string, string>>,
  appSecret: string,
  method: TopSignMethod = 'md5',
): Promise<string> {
  if (!['md5', 'hmac', 'hmac-sha256'].includes(method))
    throw wrong(`there is no signature method "${method}"`)
  // WebCrypto knows no empty key.
  if (method === 'hmac-sha256' && !appSecret) throw wrong('"appSecret" must not be empty')
  const text = joined(params)
  if (method === 'md5') return md5Hex(appSecret + text + appSecret).toUpperCase()
  const digest = method === 'hmac' ? hmacMd5(appSecret, text) : await hmac('SHA-256', appSecret, text)
  return hex(digest).toUpperCase()
}
