import { IsomqError, toError } from '../core/errors.ts'
import { type HttpSetup, send } from '../core/http.ts'
import { retry } from '../core/retry.ts'
import { aborted, quiet, type WaitOptions, wait } from '../core/wait.ts'
import { judge } from './answer.ts'
import { below, type Call, readCall, signCall } from './calls.ts'
import type { PrismSession } from './oauthtypes.ts'
import type { PrismSettings } from './options.ts'
import type { PrismAnswer, PrismCallOptions, PrismCalls } from './types.ts'
import { optionsOf, provider, wrong } from './wrong.ts'

/** What makes the calls of a client. */
export interface Caller {
  readonly settings: PrismSettings
  readonly http: HttpSetup
  /** Ends with the client, and every call with it. */
  readonly ended: AbortSignal
  /** Waits no longer than its caller wants and the client lives; the signal says when nobody waits any more. */
  within<T>(
    limits: WaitOptions,
    what: string,
    begin: (signal: AbortSignal) => Promise<T>,
    why?: () => unknown,
  ): Promise<T>
  /** Makes a call, with a fresh signature and token for each attempt. */
  call<T>(call: Call, options: PrismCallOptions, token?: Token): Promise<PrismAnswer<T>>
  /** What keeps a refreshed session in the place that a guard has found it in. */
  readonly keepers: WeakMap<PrismSession, (session: PrismSession) => unknown>
  /** A record for the `logger`. */
  trace(event: string, facts: Record<string, unknown>): void
}

/** Gives the access token of an attempt, where there is one. */
export type Token = () => Promise<string>

export function createCaller(settings: PrismSettings, ended: AbortSignal): Caller {
  const { clock, random, logger, fetch } = settings
  const http: HttpSetup = { provider, clock, fetch }
  /** What ends each wait that is under way. */
  const underWay = new Set<(error: Error) => void>()
  ended.addEventListener('abort', () => {
    for (const end of underWay) end(ended.reason)
  })

  function trace(event: string, facts: Record<string, unknown>): void {
    if (!logger) return
    // Nothing that a logger does may harm a call.
    quiet((async () => logger({ provider, at: clock.now(), event, ...facts }))())
  }

  function within<T>(
    { signal, timeout = settings.timeout }: WaitOptions,
    what: string,
    begin: (signal: AbortSignal) => Promise<T>,
    why?: () => unknown,
  ): Promise<T> {
    if (ended.aborted) return Promise.reject(ended.reason)
    return wait<T>({ signal, timeout }, { provider, clock, what, ...(why && { why }) }, (resolve, reject) => {
      const abort = new AbortController()
      underWay.add(reject)
      begin(abort.signal).then(resolve, reject)
      return () => {
        underWay.delete(reject)
        abort.abort()
      }
    })
  }

  async function attempt<T>(call: Call, { exact, signal }: PrismCallOptions, token: Token | undefined) {
    const { hidden, ...request } = await signCall(settings, call, await token?.())
    if (signal?.aborted) throw aborted(provider, 'answer', signal)
    const sentAt = clock.now()
    const { method, url } = call
    trace('called', { method, path: url.pathname })
    const answer = await send(http, { ...request, signal })
    const { status } = answer
    trace('answered', { method, path: url.pathname, status, took: clock.now() - sentAt })
    return judge<T>(answer, { clock, hidden, exact })
  }

  async function attempts<T>(
    call: Call,
    options: PrismCallOptions,
    token: Token | undefined,
    failed: (error: unknown) => void,
  ) {
    const { retries = call.method === 'GET' ? settings.retries : 0, signal } = options
    const may = (error: unknown) => (error as IsomqError).retryable
    const retrying = (tries: number, delay: number, error: unknown) => {
      failed(error)
      trace('retrying', { attempt: tries, delay, code: (error as IsomqError).code })
    }
    return retry({ provider, clock, random, retries, signal, may, retrying }, () =>
      attempt<T>(call, options, token).catch((thrown) => {
        throw thrown instanceof IsomqError ? thrown : failure(thrown)
      }),
    )
  }

  return {
    settings,
    http,
    ended,
    trace,
    within,
    keepers: new WeakMap(),
    call<T>(call: Call, options: PrismCallOptions, token?: Token) {
      if (!((options.retries ?? 0) >= 0)) {
        return Promise.reject(wrong('"retries" must be a number from 0 on'))
      }
      let last: unknown
      const failed = (error: unknown) => {
        last = error
      }
      return within(
        options,
        'answer',
        (signal) => attempts<T>(call, { ...options, signal }, token, failed),
        () => last,
      )
    },
  }
}

const failure = (thrown: unknown): IsomqError =>
  new IsomqError(provider, 'CONNECT_FAILED', 'the call could not be made; see the cause', {
    cause: toError(thrown),
    retryable: false,
  })

/** The calls of a client, or of one of its users; `renew` says whether a refused one is worth another try. */
export function createCalls(
  caller: Caller,
  token: Token | undefined,
  renew?: (error: unknown) => Promise<boolean>,
): PrismCalls {
  const { baseUrl } = caller.settings
  const by =
    (method: string): PrismCalls['get'] =>
    (path, params, options) =>
      calls.request(method, path, params, options)
  const calls: PrismCalls = {
    get: by('GET'),
    post: by('POST'),
    put: by('PUT'),
    delete: by('DELETE'),
    async request(method, path, params, options = {}) {
      const call = readCall(method, below(baseUrl, path), params, optionsOf(options))
      try {
        return await caller.call(call, options, token)
      } catch (error) {
        if (!(await renew?.(error))) throw error
        return await caller.call(call, options, token)
      }
    },
  }
  return calls
}
