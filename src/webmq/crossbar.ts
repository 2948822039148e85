import { IsomqError } from '../core/errors.ts'
import { excerpt, type HttpAnswer, hide, isSuccess, statusError } from '../core/http.ts'
import { toJson } from '../core/json.ts'
import * as o from '../core/options.ts'
import type { WaitOptions } from '../core/wait.ts'
import { checkList, checkPayload, refusalOf, resultOf } from './payload.ts'
import {
  type BridgeCall,
  type BridgeOptions,
  type BridgeSettings,
  bridgePieces,
  checkEndpoint,
  sendCall,
} from './pusher.ts'
import { signCrossbar } from './sign.ts'
import { filled, provider, wrong } from './wrong.ts'

/** Options of `createCrossbarPublisher`. */
export interface CrossbarOptions extends BridgeOptions {
  /** The URL of the caller bridge, which stands beside that of the publisher. Default: `endpoint`. */
  callEndpoint?: string | undefined
}

/** Who receives a publication, and what becomes of it. Ids are WAMP session ids, which are numbers in version 2. */
export interface CrossbarPublishOptions extends WaitOptions {
  excludeMe?: boolean | undefined
  exclude?: readonly (number | string)[] | undefined
  excludeAuthId?: readonly string[] | undefined
  excludeAuthRole?: readonly string[] | undefined
  eligible?: readonly (number | string)[] | undefined
  eligibleAuthId?: readonly string[] | undefined
  eligibleAuthRole?: readonly string[] | undefined
  retain?: boolean | undefined
  forwardFor?: readonly unknown[] | undefined
  acknowledge?: boolean | undefined
}

export interface CrossbarPublisher {
  /**
   * Publishes to a topic over Crossbar.io's HTTP bridge; resolves with the publication's id. Each attempt has its own
   * time, number and nonce; tried again is only what the router has certainly not taken.
   *
   * @throws IsomqError `PROVIDER` with the WAMP error in `details` (`uri`, `args`, `kwargs`), `AUTH_REJECTED`, `HTTP`,
   * `PROTOCOL`, `CONFIG`, `CONNECT_FAILED` or `CONNECTION_LOST` (in both it may have been taken), `TIMEOUT`, `ABORTED`
   */
  publish(
    topic: string,
    args?: readonly unknown[],
    kwargs?: Readonly<Record<string, unknown>>,
    options?: CrossbarPublishOptions,
  ): Promise<number>
  /** Calls a procedure over the caller bridge; a single result comes as it is, several as `{ args, kwargs }`. */
  call<T = unknown>(
    procedure: string,
    args?: readonly unknown[],
    kwargs?: Readonly<Record<string, unknown>>,
    options?: WaitOptions,
  ): Promise<T>
}

/**
 * Publishes and calls over Crossbar.io's HTTP bridge.
 *
 * @throws IsomqError `CONFIG` when an option is wrong; the text names it
 */
export function createCrossbarPublisher(options: CrossbarOptions): CrossbarPublisher {
  type Settings = BridgeSettings & { readonly callEndpoint: string | undefined }
  const settings = o.parseOptions<Settings>(
    provider,
    { ...bridgePieces(), callEndpoint: o.optionalUrl('http') },
    options,
  )
  const { endpoint, callEndpoint = endpoint, clock } = settings
  checkEndpoint(settings)
  checkEndpoint(settings, 'callEndpoint', callEndpoint)
  let seq = 0

  async function signed(url: string, body: string): Promise<BridgeCall> {
    const { key, secret } = settings
    if (key === undefined || secret === undefined) return { url, body, type: JSON_TYPE, signature: undefined }
    const fields = {
      key,
      timestamp: new Date(clock.now()).toISOString(),
      seq: ++seq,
      nonce: randomId(),
      body,
    }
    const signature = await signCrossbar(fields, secret)
    const { body: _, ...query } = fields
    const search = new URLSearchParams({
      ...query,
      seq: String(fields.seq),
      nonce: String(fields.nonce),
      signature,
    })
    return { url: `${url}?${search}`, body, type: JSON_TYPE, signature }
  }

  async function call(url: string, wish: object, limits: WaitOptions): Promise<Record<string, unknown>> {
    const body = toJson(wish, (cause) => wrong('arguments and options must be JSON values', cause))
    let found: Record<string, unknown> = {}
    await sendCall(
      settings,
      limits,
      () => signed(url, body),
      (answer, hidden) => {
        found = judge(answer, hidden)
      },
    )
    return found
  }

  return {
    async publish(topic, args = [], kwargs = {}, { signal, timeout, ...given } = {}) {
      const { exclude, eligible } = given
      checkPayload(args, kwargs)
      checkList('exclude', exclude)
      checkList('eligible', eligible)
      const wish = { topic: filled('topic', topic), args, kwargs, options: optionsOf(given) }
      const { id } = await call(endpoint, wish, { signal, timeout })
      if (typeof id === 'number') return id
      throw new IsomqError(provider, 'PROTOCOL', 'the answer holds no publication id; check the endpoint')
    },
    async call<T>(
      procedure: string,
      args: readonly unknown[] = [],
      kwargs: Readonly<Record<string, unknown>> = {},
      limits = {},
    ) {
      checkPayload(args, kwargs)
      const wish = { procedure: filled('procedure', procedure), args, kwargs }
      const answer = await call(callEndpoint, wish, limits)
      return resultOf(answer.args, answer.kwargs) as T
    },
  }
}

const JSON_TYPE = 'application/json'

const randomId = (): number => globalThis.crypto.getRandomValues(new Uint32Array(1))[0]!

/** By their names on the wire; undefined leaves one out. */
const optionsOf = (given: Omit<CrossbarPublishOptions, keyof WaitOptions>): object => ({
  exclude_me: given.excludeMe,
  exclude: given.exclude,
  exclude_authid: given.excludeAuthId,
  exclude_authrole: given.excludeAuthRole,
  eligible: given.eligible,
  eligible_authid: given.eligibleAuthId,
  eligible_authrole: given.eligibleAuthRole,
  retain: given.retain,
  forward_for: given.forwardFor,
  acknowledge: given.acknowledge,
})

/** What an answer holds; errors of the application come with status 200. */
function judge(answer: HttpAnswer, hidden: readonly string[]): Record<string, unknown> {
  if (!isSuccess(answer)) throw statusError(provider, answer, hidden)
  try {
    const fields = { ...(JSON.parse(answer.text) as Record<string, unknown>) }
    if (typeof fields.error !== 'string') return fields
    const clean = (_: string, value: unknown) => (typeof value === 'string' ? hide(value, hidden) : value)
    const { error, args, kwargs } = JSON.parse(answer.text, clean) as typeof fields
    throw refusalOf('the server refused the call', String(error), args, kwargs)
  } catch (error) {
    if (error instanceof IsomqError) throw error
    const details = { status: answer.status, body: excerpt(answer.text, hidden) }
    throw new IsomqError(provider, 'PROTOCOL', 'the answer is not JSON; check the endpoint', { details })
  }
}
