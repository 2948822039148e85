import type { Clock } from './clock.ts'
import { IsomqError, type Provider, toError } from './errors.ts'
import type { Session } from './session.ts'
import { type WaitOptions, wait } from './wait.ts'

/**
 * Something that a user asked for and that every session has to be asked for anew, such as a subscription: once per
 * session, and until the user no longer wants it or the server refuses it.
 */
export interface Wish {
  /** The user wants it. */
  readonly wanted: boolean
  /** The present session has granted it. */
  readonly granted: boolean
  /** Wants it, and resolves when it is granted, however many sessions that takes. */
  want(limits: WaitOptions): Promise<void>
  /** Wants it no more; says whether a session is to be told so. `error` is what the calls that wait reject with. */
  unwant(error?: IsomqError): boolean
  /** Asks a session for it, if it is wanted and that was not done before. */
  ask(session: Session): void
  /** The session is over. */
  lost(): void
  /** The client has ended: nobody waits any more. */
  end(error: IsomqError): void
}

export interface WishOptions {
  readonly provider: Provider
  readonly clock: Clock
  /** What it is, as it stands in "no … within 500 ms". */
  readonly what: string
  /** Asks for it; what it rejects with is a refusal, unless the session is over. */
  grant(session: Session): Promise<unknown>
  /** It was granted: ask for what builds on it. */
  granted?(session: Session): void
  /** A session refused what another had granted. */
  refused(error: IsomqError): void
  /** Granted when nobody wanted it any more. */
  unwanted(session: Session): void
}

export function createWish(options: WishOptions): Wish {
  const { provider, clock, what } = options
  /** What settles the calls that wait. */
  const waiters = new Set<(error?: IsomqError) => void>()
  let asked: Session | undefined
  /** A session has granted it since it is wanted: whoever gives up waiting for the next one leaves it to the others. */
  let held = false

  function settle(error?: IsomqError): void {
    for (const done of [...waiters]) done(error)
  }

  async function ask(session: Session): Promise<void> {
    if (!self.wanted || asked === session) return
    asked = session
    try {
      await options.grant(session)
    } catch (thrown) {
      // With a session that is over, or about to be, the question is open again.
      if (asked !== session || session.error || session.closing) return
      asked = undefined
      const error =
        thrown instanceof IsomqError
          ? thrown
          : new IsomqError(provider, 'CONFIG', `the ${what} failed; see the cause`, {
              cause: toError(thrown),
            })
      const wasHeld = held
      self.wanted = held = false
      settle(error)
      if (wasHeld) options.refused(error)
      return
    }
    if (asked !== session || session.error) return
    if (!self.wanted) {
      asked = undefined
      return options.unwanted(session)
    }
    self.granted = held = true
    options.granted?.(session)
    settle()
  }

  // Without getters: each object that has some of its own is of a kind of its own, and slow to read where there are
  // many.
  const self: { -readonly [K in keyof Wish]: Wish[K] } = {
    wanted: false,
    granted: false,
    want(limits) {
      return wait<void>(limits, { provider, clock, what }, (resolve, reject) => {
        self.wanted = true
        if (self.granted) resolve()
        const done = (error?: IsomqError) => (error ? reject(error) : resolve())
        waiters.add(done)
        return () => {
          waiters.delete(done)
          // Whoever gave up wants it no more, unless others do.
          if (!held && waiters.size === 0) self.wanted = false
        }
      })
    },
    unwant(error = new IsomqError(provider, 'ABORTED', `the ${what} is not wanted any more`)) {
      const wasGranted = self.granted
      self.wanted = self.granted = held = false
      if (wasGranted) asked = undefined
      settle(error)
      return wasGranted
    },
    ask(session) {
      ask(session)
    },
    lost() {
      asked = undefined
      self.granted = false
    },
    end(error) {
      asked = undefined
      self.granted = false
      settle(error)
    },
  }
  return self
}
