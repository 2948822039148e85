import { IsomqError } from '../core/errors.ts'
import { abort } from '../core/wait.ts'
import { createCaller, createCalls, type Token } from './caller.ts'
import { askFor } from './calls.ts'
import { createNotify } from './notify.ts'
import type { PrismNotify } from './notifytypes.ts'
import { createOAuth } from './oauth.ts'
import { type PrismClientOptions, readOptions } from './options.ts'
import type { PrismClient } from './types.ts'
import { createUser } from './user.ts'
import { provider } from './wrong.ts'

/**
 * A client of a Prism gateway: signed calls, login of users, messages. It makes no connection until it is used.
 *
 * @throws IsomqError `CONFIG` when an option is wrong; the text names it
 */
export function createPrismClient(options: PrismClientOptions): PrismClient {
  const settings = readOptions(options)
  const end = new AbortController()
  const caller = createCaller(settings, end.signal)
  const notifies = new Set<PrismNotify>()
  const { accessToken } = settings
  const token: Token | undefined =
    accessToken === undefined
      ? undefined
      : async () => (typeof accessToken === 'string' ? accessToken : askFor('accessToken', accessToken))
  const oauth = createOAuth(caller)

  const client: PrismClient = {
    ...createCalls(caller, token),
    oauth,
    as: (session, refreshed) => createUser(caller, oauth, session, refreshed),
    notify(given = {}) {
      if (end.signal.aborted) throw end.signal.reason
      const notify = createNotify(caller, given, notifies)
      notifies.add(notify)
      return notify
    },
    async close() {
      const text = 'the client is closed; make another one'
      if (!end.signal.aborted) abort(end, new IsomqError(provider, 'CLOSED', text))
      await Promise.all(Array.from(notifies, (notify) => notify.close()))
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
  return client
}
