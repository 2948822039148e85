import { IsomqError } from '../core/errors.ts'
import { toJson } from '../core/json.ts'
import { type Line, useLine } from '../core/line.ts'
import type { Session } from '../core/session.ts'
import type { WaitOptions } from '../core/wait.ts'
import type { WampSettings } from './options.ts'
import { checkPayload } from './payload.ts'
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

export function createCalls({ settings, line, wire, resolve }: CallsSetup): Calls {
  const { clock, version, maxPending } = settings
  /** Calls that wait for a connection or an answer. */
  let underWay = 0
  let lastRoundTrip: number | undefined

  /** What has to wait is sent as it was given, and shows at once when it is no JSON. */
  const kept = <T>(given: T): T => (line.find() ? given : JSON.parse(toJson(given, notJson)))

  async function use<T>(
    { signal, timeout }: WaitOptions,
    act: (session: Session, limits: WaitOptions) => Promise<T>,
  ): Promise<T> {
    if (underWay >= maxPending) {
      const text = `${maxPending} calls are under way; await some first, or raise maxPending`
      throw new IsomqError(provider, 'QUEUE_FULL', text)
    }
    underWay++
    try {
      return await useLine(line, { signal, timeout }, (session, left) =>
        act(session, { signal, timeout: left }),
      )
    } finally {
      underWay--
    }
  }

  return {
    get lastRoundTrip() {
      return lastRoundTrip
    },
    async publish(given, event, { args = [], kwargs, acknowledge, exclude, eligible, ...how } = {}) {
      checkPayload({ args, kwargs, exclude, eligible })
      checkVersion(version, { acknowledge, args: args.length > 0, kwargs })
      const topic = resolve(filled('topic', given))
      const { excludeMe } = how
      const all = event === undefined ? args : [event, ...args]
      const publication = kept({ args: all, kwargs, acknowledge, exclude, eligible, excludeMe })
      return use(how, (session, limits) => wire().publish(session, topic, publication, limits))
    },
    async call<T>(given: string, args: readonly unknown[] = [], { kwargs, ...how }: WampCallOptions = {}) {
      checkPayload({ args, kwargs })
      checkVersion(version, { kwargs })
      const procedure = resolve(filled('procedure', given))
      const payload = kept({ args, kwargs })
      return use(how, async (session, limits) => {
        const sentAt = clock.now()
        const result = await wire().call(session, procedure, payload, limits)
        lastRoundTrip = clock.now() - sentAt
        return result as T
      })
    },
  }
}

/** @throws IsomqError `CONFIG` for what version 1 has no place for on its wire */
export function checkVersion(version: 1 | 2, given: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(given)) {
    if (version === 1 && value) throw wrong(`WAMP version 1 has no "${name}"`)
  }
}

export const notJson = (cause: unknown): IsomqError => wrong('arguments must be JSON values', cause)
