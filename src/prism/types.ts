import type { WaitOptions } from '../core/wait.ts'
import type { PrismNotify, PrismNotifyOptions } from './notifytypes.ts'
import type { PrismOAuth, PrismSession } from './oauthtypes.ts'
import type { PrismParams } from './params.ts'

/** Options of one call. */
export interface PrismCallOptions extends WaitOptions {
  /** Further headers; `Authorization` and those that start with `X-Api-` are signed. */
  headers?: Readonly<Record<string, string>> | undefined
  /** Further parameters of the query; those of `get` and `delete` go there anyway. */
  query?: PrismParams | undefined
  /**
   * How often to try again when the call did not get through or the server is in trouble. Default: the client's
   * `retries` for GET and 0 for everything else, which the server may have done although no answer came.
   */
  retries?: number | undefined
  /** Integers of 16 digits and more in the answer as text, instead of rounded. Default false. */
  exact?: boolean | undefined
}

/** What the server answered. */
export interface PrismAnswer<T> {
  /** The answer's JSON; undefined when it has no body. */
  readonly data: T
  /** Names the call in the gateway's own log. */
  readonly requestId: string | undefined
  readonly status: number
  readonly headers: Headers
}

/**
 * Calls of the gateway's APIs. `path` is relative to the base URL and may have a query of its own. Each attempt is
 * signed anew; `timeout` covers all attempts and is the client's by default.
 *
 * @throws IsomqError `AUTH_REJECTED` (it says when the clock here may be off), `PROVIDER` with the server's code,
 * `HTTP`, `PROTOCOL` when the answer is no JSON, `CONNECT_FAILED`, `CONNECTION_LOST`, `TIMEOUT`, `ABORTED`,
 * `LIMIT`, `CONFIG`, `CLOSED`
 */
export interface PrismCalls {
  get<T = unknown>(path: string, params?: PrismParams, options?: PrismCallOptions): Promise<PrismAnswer<T>>
  post<T = unknown>(path: string, params?: PrismParams, options?: PrismCallOptions): Promise<PrismAnswer<T>>
  put<T = unknown>(path: string, params?: PrismParams, options?: PrismCallOptions): Promise<PrismAnswer<T>>
  delete<T = unknown>(path: string, params?: PrismParams, options?: PrismCallOptions): Promise<PrismAnswer<T>>
  /** A call by any method. GET, HEAD and DELETE have their parameters in the query, all others in a form. */
  request<T = unknown>(
    method: string,
    path: string,
    params?: PrismParams,
    options?: PrismCallOptions,
  ): Promise<PrismAnswer<T>>
}

/** Calls in the name of a user. */
export interface PrismUser extends PrismCalls {
  /** The session as it is now: a refresh replaces it. */
  readonly session: PrismSession
  /** Refreshes now; whoever asks meanwhile shares the one refresh. */
  refresh(options?: WaitOptions): Promise<PrismSession>
}

export interface PrismClient extends PrismCalls, AsyncDisposable {
  /** Login of users; for the server half of an application, which has the secret. */
  readonly oauth: PrismOAuth
  /**
   * Calls in the name of a user. The session is refreshed ahead of its end, once for all who wait; `refreshed` is
   * told the new one, to be kept in its place, before anything uses it.
   */
  as(session: PrismSession, refreshed?: (session: PrismSession) => unknown): PrismUser
  /** A connection that publishes and consumes messages; makes none until it is used. */
  notify(options?: PrismNotifyOptions): PrismNotify
  /** Closes every notify and ends the calls that are under way with `CLOSED`. */
  close(): Promise<void>
}
