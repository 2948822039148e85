import { IsomqError } from '../core/errors.ts'
import type { Session } from '../core/session.ts'
import { abort, quiet } from '../core/wait.ts'
import { createWish, type Wish } from '../core/wish.ts'
import type { StreamOwner } from './owner.ts'
import type { TamburMode } from './sign.ts'
import { provider } from './wrong.ts'

/** A mode of a stream, which every session sets with a token of its own. */
export interface Mode {
  readonly wish: Wish
  /** Whom it is wanted for, where it is for somebody. */
  userId: string | undefined
  unset(session: Session): Promise<void>
  /** Its token is being made: the session was asked nothing yet. */
  readonly making: boolean
  /** Switched off; says whether a session is to be told so. */
  off(): boolean
  /** The session is over. */
  lost(error: IsomqError): void
  /** It is over for good, and so without a word: no token and no answer counts any more. */
  drop(error: IsomqError | undefined): void
}

export interface ModeEvents {
  /** Another session has set it again. */
  restored(): void
  /** A session has not. */
  refused(error: IsomqError): void
  /** The service has answered that it is unset; what came before was of before. */
  unset(): void
}

export function createMode(owner: StreamOwner, stream: string, mode: TamburMode, told: ModeEvents): Mode {
  /** Whom the session was asked to set it for. */
  let asked: string | undefined
  /** Some session has set it since it is wanted. */
  let held = false
  /** For the token that is being made. */
  let making: AbortController | undefined
  const who = (): string[] => (asked === undefined ? [] : [asked])
  const isStale = () => wish.wanted && self.userId !== asked
  const unwanted = () =>
    new IsomqError(provider, 'ABORTED', `the ${mode} mode of ${stream} is not wanted any more`)

  async function tokenFor(): Promise<string> {
    const own = new AbortController()
    making = own
    try {
      return await owner.token(mode, stream, asked, own.signal, held)
    } finally {
      if (making === own) making = undefined
    }
  }

  async function grant(session: Session): Promise<void> {
    if (session.error) throw session.error
    asked = self.userId
    try {
      const token = await tokenFor()
      if (!wish.wanted) throw unwanted()
      if (!isStale())
        await owner.set(session, 'set_mode', [mode, stream, ...who(), token], (on) => self.unset(on))
    } catch (error) {
      if (session.error || !isStale()) throw error
    }
    if (!isStale()) return
    // Given up, and wanted for somebody else before this was answered.
    quiet(self.unset(session))
    await grant(session)
  }

  const wish = createWish({
    provider,
    clock: owner.clock,
    what: `${mode} mode of ${stream}`,
    grant,
    granted() {
      if (held) told.restored()
      held = true
    },
    refused(error) {
      held = false
      told.refused(error)
    },
    unwanted: (session) => void quiet(self.unset(session)),
  })

  const self: Mode = {
    wish,
    userId: undefined,
    unset: (session) =>
      owner.command(
        session,
        'unset_mode',
        [mode, stream, ...(mode === 'direct' ? who() : [])],
        {},
        told.unset,
      ),
    get making() {
      return making !== undefined
    },
    off() {
      held = false
      return wish.unwant()
    },
    lost(error) {
      wish.lost()
      if (making) abort(making, error)
    },
    drop(error) {
      wish.unwant(error)
      self.lost(error ?? unwanted())
      // What undoes a command without an answer would undo the mode of the next subscription.
      self.unset = async () => {}
    },
  }
  return self
}
