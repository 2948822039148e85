import type { IsomqError } from '../core/errors.ts'
import type { Line } from '../core/line.ts'
import type { Session } from '../core/session.ts'
import type { WaitOptions } from '../core/wait.ts'
import type { TamburMode } from './sign.ts'
import type { TamburStream } from './types.ts'

/** What a stream uses of its connection. */
export interface StreamOwner extends Line<Session> {
  /** Sends a command and resolves when the service says ok; `answered` is called the moment it says anything. */
  command(
    session: Session,
    name: string,
    args: readonly string[],
    limits?: WaitOptions,
    answered?: () => void,
  ): Promise<void>
  /** The same; when there is no answer in time it may have happened, and what undoes it follows. */
  set(
    session: Session,
    name: string,
    args: readonly string[],
    undo: (session: Session) => Promise<void>,
  ): Promise<void>
  /** A new token; `patient` tries again what can be expected to pass. */
  token(
    mode: TamburMode,
    stream: string,
    userId: string | undefined,
    signal: AbortSignal,
    patient: boolean,
  ): Promise<string>
  /** Makes a call, unless too many wait. */
  bounded(call: () => Promise<void>): Promise<void>
  refused(stream: string, mode: TamburMode | undefined, error: IsomqError): void
  report(error: Error): void
  dropped(): void
  readonly ended: IsomqError | undefined
}

/** A stream, as its connection sees it. */
export interface OwnStream {
  /** As the user has it. */
  readonly stream: TamburStream
  /** A session is ready: ask it for what the user wants. */
  restore(session: Session): void
  lost(error: IsomqError): void
  received(kind: string, data: unknown, receivedAt: number): void
  /** The connection has ended; `told` is what the loops throw. */
  end(error: IsomqError, told?: IsomqError): void
}
