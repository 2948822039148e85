import type { Session } from '../core/session.ts'
import { quiet } from '../core/wait.ts'
import { createWish, type Wish } from '../core/wish.ts'
import type { TamburMode } from './sign.ts'
import type { StreamOwner } from './stream.ts'
import { provider, wrong } from './wrong.ts'

/** A mode of a stream, which every session sets with a token of its own. */
export interface Mode {
  readonly wish: Wish
  /** Whom it is wanted for, where it is for somebody. */
  userId: string | undefined
  unset(session: Session): Promise<void>
}

export function createMode(owner: StreamOwner, stream: string, mode: TamburMode): Mode {
  /** Whom the session was asked to set it for. */
  let asked: string | undefined
  const isStale = () => wish.wanted && self.userId !== asked
  const who = (): string[] => (asked === undefined ? [] : [asked])

  async function grant(session: Session): Promise<void> {
    if (session.error) throw session.error
    asked = self.userId
    try {
      const token = await owner.token(mode, stream, asked)
      if (!wish.wanted) throw wrong(`the ${mode} mode is off`)
      if (!isStale()) await owner.set(session, 'set_mode', [mode, stream, ...who(), token], self.unset)
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
    refused: (error) => owner.refused(stream, mode, error),
    unwanted: (session) => void quiet(self.unset(session)),
  })

  const self: Mode = {
    wish,
    userId: undefined,
    unset: (session) =>
      owner.command(session, 'unset_mode', [mode, stream, ...(mode === 'direct' ? who() : [])]),
  }
  return self
}
