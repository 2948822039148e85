import { IsomqError } from '../core/errors.ts'
import { type Line, PATIENCE, useLine } from '../core/line.ts'
import type { Session } from '../core/session.ts'
import type { WaitOptions } from '../core/wait.ts'
import type { WampSettings } from './options.ts'
import { checkList, checkPayload, textsOf } from './payload.ts'
import type { WampCallOptions, WampSession } from './types.ts'
import type { Wire } from './wire.ts'
import { filled, provider, wrong } from './wrong.ts'

/** What goes out and, mostly, is answered. */
export interface Calls extends Pick<WampSession, 'publish' | 'call'> {
  readonly lastRoundTrip: number | undefined
}

export interface CallsSetup {
  readonly settings: WampSettings
  readonly line: Line<Session>
  /** The version as the present session speaks it. */
  wire(): Wire
  resolve(uri: string): string
}

type Act<T> = (session: Session, limits: WaitOptions) => Promise<T>

export function createCalls({ settings, line, wire, resolve }: CallsSetup): Calls {
  const { clock, version, maxPending } = settings
  /** Calls that wait for a connection or an answer. */
  let underWay = 0
  let lastRoundTrip: number | undefined

  /** Does what `prepare` gives; that is made at once, as what has to wait is sent as it was given. */
  async function use<T>({ signal, timeout = PATIENCE }: WaitOptions, prepare: () => Act<T>): Promise<T> {
    const act = prepare()
    if (underWay >= maxPending) {
      const text = `${maxPending} calls are under way; await some first, or raise maxPending`
      throw new IsomqError(provider, 'QUEUE_FULL', text)
    }
    underWay++
    try {
      const session = line.find()
      line.check()
      // Most need not wait for one, and to be ready for that takes longer than all the rest.
      if (session && timeout >= 0 && !signal?.aborted) return await act(session, { signal, timeout })
      return await useLine(line, { signal, timeout }, (found, left) => act(found, { signal, timeout: left }))
    } finally {
      underWay--
    }
  }

  return {
    get lastRoundTrip() {
      return lastRoundTrip
    },
    publish: (given, event, options = {}) =>
      use(options, () => {
        const { args = [], kwargs, acknowledge, excludeMe, exclude, eligible } = options
        checkPayload(args, kwargs)
        if (!/^(undef|bool)/.test(typeof excludeMe)) throw wrong('"excludeMe" must be true or false')
        checkVersion(version, { acknowledge, args: args.length > 0, kwargs })
        const topic = resolve(filled('topic', given))
        const publication = {
          ...textsOf(event === undefined ? args : [event, ...args], kwargs),
          exclude: idsOf('exclude', exclude, version),
          eligible: idsOf('eligible', eligible, version),
          acknowledge,
          excludeMe,
        }
        return (session, limits) => wire().publish(session, topic, publication, limits)
      }),
    call: <T>(given: string, args: readonly unknown[] = [], options: WampCallOptions = {}) =>
      use(options, () => {
        const { kwargs } = options
        checkPayload(args, kwargs)
        checkVersion(version, { kwargs })
        const procedure = resolve(filled('procedure', given))
        const payload = textsOf(args, kwargs)
        return (session, limits) => {
          const sentAt = clock.now()
          const answered = (result: unknown) => {
            lastRoundTrip = clock.now() - sentAt
            return result as T
          }
          return wire().call(session, procedure, payload, limits).then(answered)
        }
      }),
  }
}

/**
 * Session ids as they are now.
 *
 * @throws IsomqError `CONFIG` for those that no session can have: some servers end the connection for them
 */
function idsOf<Id>(name: string, ids: readonly Id[] | undefined, version: 1 | 2): Id[] | undefined {
  checkList(name, ids)
  const kind = version === 1 ? 'string' : 'number'
  if (ids?.every((id) => typeof id === kind) ?? true) return ids && [...ids]
  throw wrong(`in WAMP version ${version} each of "${name}" must be a ${kind}`)
}

/** @throws IsomqError `CONFIG` for what version 1 has no place for on its wire */
export function checkVersion(version: 1 | 2, given: Readonly<Record<string, unknown>>): void {
  if (version === 2) return
  for (const [name, value] of Object.entries(given)) {
    if (value) throw wrong(`WAMP version 1 has no "${name}"`)
  }
}
