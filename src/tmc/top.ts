import { IsomqError, toError } from '../core/errors.ts'
import { type HttpSetup, request } from '../core/http.ts'
import { parseExact } from '../core/json.ts'
import type { WaitOptions } from '../core/wait.ts'
import { readSignature } from './arguments.ts'
import { signTop, type TopSignMethod } from './sign.ts'

/** What the gateway answers: integers of 16 digits and more are text. */
export type TopAnswer = Readonly<Record<string, unknown>>

export interface TopSetup extends HttpSetup {
  readonly url: string
  readonly appKey: string
  readonly appSecret?: string | undefined
  readonly sign?: ((params: Readonly<Record<string, string>>) => string | Promise<string>) | undefined
  readonly signMethod: TopSignMethod
  readonly timeout: number
  /** Ends with the client, and every call with it. */
  ended(): AbortSignal
}

export type TopParams = Readonly<Record<string, string | number | undefined>>

/**
 * Calls a method of the TOP gateway.
 *
 * @throws IsomqError `PROVIDER` with `code`, `subCode`, `subMessage` and `requestId` in `details`, and whatever
 * `request` throws
 */
export async function callTop(
  setup: TopSetup,
  method: string,
  params: TopParams,
  { signal, timeout = setup.timeout }: WaitOptions = {},
): Promise<TopAnswer> {
  const ended = setup.ended()
  const { text } = await request(setup, {
    timeout,
    signal: signal ? AbortSignal.any([signal, ended]) : ended,
    url: setup.url,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded;charset=utf-8' },
    body: async () => new URLSearchParams(await signed(setup, method, params)).toString(),
  })
  return judge(method, text)
}

/** All fields of a call, the signature of this moment included. */
async function signed(setup: TopSetup, method: string, params: TopParams): Promise<Record<string, string>> {
  const { appKey, appSecret, sign, signMethod, clock } = setup
  const fields: Record<string, string> = {
    method,
    app_key: appKey,
    timestamp: chinaTime(clock.now()),
    format: 'json',
    v: '2.0',
    sign_method: signMethod,
  }
  for (const [key, value] of Object.entries(params)) if (value !== undefined) fields[key] = String(value)
  try {
    fields.sign = readSignature(await (sign ? sign({ ...fields }) : signTop(fields, appSecret!, signMethod)))
    return fields
  } catch (cause) {
    if (cause instanceof IsomqError) throw cause
    throw new IsomqError('tmc', 'CONNECT_FAILED', 'the option "sign" failed; see the cause', {
      cause: toError(cause),
    })
  }
}

/** `yyyy-MM-dd HH:mm:ss` in the gateway's time zone, GMT+8. */
const chinaTime = (now: number) => new Date(now + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ')

function judge(method: string, text: string): TopAnswer {
  const answer = parse(text)
  const error = answer?.error_response as TopAnswer | undefined
  if (error) throw refusal(method, error)
  const body = answer?.[`${method.replace('taobao.', '').replaceAll('.', '_')}_response`]
  if (typeof body === 'object' && body !== null) return body as TopAnswer
  throw new IsomqError(
    'tmc',
    'PROTOCOL',
    `the answer to ${method} is not that of a TOP gateway; check the URL`,
    {
      details: { body: text.slice(0, 200) },
    },
  )
}

function parse(text: string): TopAnswer | undefined {
  try {
    return parseExact(text) as TopAnswer
  } catch {
    return undefined
  }
}

function refusal(method: string, error: TopAnswer): IsomqError {
  const { code, msg, sub_code: subCode, sub_msg: subMessage, request_id: requestId } = error
  const said = [code, msg, subCode, subMessage].filter((part) => part !== undefined).join(' ')
  return new IsomqError('tmc', 'PROVIDER', `the gateway refused ${method} (${said})`, {
    // 7: too many calls; isp: trouble on the gateway's own side.
    retryable: Number(code) === 7 || /^isp\./.test(String(subCode)),
    details: { code, subCode, subMessage, requestId },
  })
}

/** Lists come as `{"messages":{"tmc_message":[…]}}`, one thing in a list sometimes without it, none as nothing. */
export function listOf(answer: TopAnswer, outer: string, inner: string): TopAnswer[] {
  const list = (answer[outer] as TopAnswer | undefined)?.[inner] ?? []
  return (Array.isArray(list) ? list : [list as TopAnswer]).filter((one) => one !== null)
}
