import { createEmitter } from '../core/emitter.ts'
import { type IsomqError, toError } from '../core/errors.ts'
import { createFeed, type Feed } from '../core/feed.ts'
import { type Line, PATIENCE, useLine } from '../core/line.ts'
import type { Session } from '../core/session.ts'
import { quiet, type WaitOptions, wait } from '../core/wait.ts'
import { createWish, type Wish } from '../core/wish.ts'
import { TamburText } from './message.ts'
import { createMode, type Mode } from './mode.ts'
import type { OwnStream, StreamOwner } from './owner.ts'
import type { TamburMode } from './sign.ts'
import type {
  TamburDirectMessage,
  TamburMessage,
  TamburMessagesOptions,
  TamburStream,
  TamburStreamEvents,
} from './types.ts'
import { filled, provider, wrong } from './wrong.ts'

/** What is published to a subscriber alone arrives here, without a subscription. */
export const PRIVATE = 'private'
const KINDS = ['message', 'auth', 'direct'] as const

export function createStream(owner: StreamOwner, name: string): OwnStream {
  const present = new Set<string>()
  /** Some session has granted it since it is wanted. */
  let held = false
  const emitter = createEmitter<Pick<TamburStreamEvents, keyof TamburStreamEvents>>((thrown) =>
    owner.report(toError(thrown)),
  )
  // Made when they are used first: most streams of many need none, and the less there is of each, the faster it is.
  const feeds: Partial<Record<(typeof KINDS)[number], Feed<TamburMessage>>> = {}
  const modes: Partial<Record<TamburMode, Mode>> = {}
  const modeOf = (kind: TamburMode): Mode => {
    modes[kind] ??= createMode(owner, name, kind, {
      restored: () => emitter.emit('status', { type: 'restored', mode: kind }),
      refused: (error) => refused(kind, error),
      unset: kind === 'presence' ? forgetGhosts : () => {},
    })
    return modes[kind]
  }

  const subscription = createWish({
    provider,
    clock: owner.clock,
    what: `subscription of ${name}`,
    grant: async (session) => name === PRIVATE || owner.set(session, 'subscribe', [name], unsubscribe),
    granted(session) {
      for (const { wish } of Object.values(modes)) wish.ask(session)
      if (held) emitter.emit('status', { type: 'restored', mode: undefined })
      held = true
    },
    refused(error) {
      dropAll(error, error)
      refused(undefined, error)
    },
    unwanted: (session) => void quiet(unsubscribe(session)),
  })

  async function unsubscribe(session: Session): Promise<void> {
    if (name !== PRIVATE) await owner.command(session, 'unsubscribe', [name], {}, forgetGhosts)
  }

  function refused(mode: TamburMode | undefined, error: IsomqError): void {
    emitter.emit('status', { type: 'refused', mode, error })
    owner.refused(name, mode, error)
  }

  /** The stream is closed: ends what builds on it. */
  function dropAll(error?: IsomqError, told?: IsomqError): void {
    held = false
    for (const kind of Object.keys(modes) as TamburMode[]) dropMode(kind, error)
    forget()
    endLoops(told)
  }

  /** The next one is another: an answer that is under way is none for that. */
  function dropMode(kind: TamburMode, error?: IsomqError): void {
    modes[kind]?.drop(error)
    delete modes[kind]
  }

  function endLoops(told?: IsomqError): void {
    for (const one of Object.values(feeds)) one.end(told)
  }

  /** Nobody is known to be there any more. */
  function forget(): void {
    if (present.size === 0 && !modes.presence?.wish.wanted) return
    present.clear()
    emitter.emit('presence', { kind: 'reset' })
  }

  /** The service has heard that presence is over: who came up before may have left since, and nobody would tell. */
  function forgetGhosts(): void {
    if (present.size > 0) forget()
  }

  /** Wants something, and sees to it that a session is asked for it. */
  async function want(wish: Wish, { signal, timeout = PATIENCE }: WaitOptions): Promise<void> {
    owner.check()
    const granted = wish.want({ signal, timeout })
    const session = owner.find()
    // With limits that are wrong, or that have ended, nothing is wanted.
    if (!session) wish.wanted && owner.start()
    else if (wish === subscription || subscription.granted) wish.ask(session)
    await granted
  }

  async function subscribe(limits: WaitOptions): Promise<void> {
    try {
      await want(subscription, limits)
    } catch (error) {
      if (!subscription.wanted) dropAll(error as IsomqError, error as IsomqError)
      throw error
    }
  }

  async function enable(kind: TamburMode, userId: string | undefined, limits: WaitOptions): Promise<void> {
    const mode = modeOf(kind)
    if (!subscription.wanted) throw wrong(`open the stream before its ${kind} mode`)
    if (mode.wish.wanted) throw wrong(`the ${kind} mode of the stream is on already, or about to be`)
    if (kind !== 'auth') mode.userId = filled('userId', userId)
    await want(mode.wish, limits)
  }

  /** Ends something and tells the session, if it has it; with one that is lost it has ended, too. */
  function end(limits: WaitOptions, act: () => false | ((session: Session) => Promise<void>)): Promise<void> {
    return wait<void>(limits, { provider, clock: owner.clock, what: 'answer' }, (resolve, reject) => {
      const run = async () => {
        const tell = act()
        const session = owner.find()
        if (tell && session) await tell(session).catch((error) => session.error ?? Promise.reject(error))
      }
      run().then(() => resolve(), reject)
      return undefined
    })
  }

  const disable = (kind: TamburMode, limits: WaitOptions) =>
    end(limits, () => {
      const mode = modes[kind]
      if (!mode?.wish.wanted) throw wrong(`the ${kind} mode of the stream is off already`)
      const isOn = mode.off()
      if (mode.making) dropMode(kind)
      if (kind === 'presence') forget()
      return isOn && mode.unset
    })

  const stream: TamburStream = {
    name,
    get state() {
      return subscription.granted ? 'open' : subscription.wanted ? 'opening' : 'closed'
    },
    get present() {
      return present
    },
    async open(limits = {}) {
      if (subscription.wanted) throw wrong('the stream is open already, or about to be')
      await owner.bounded(() => subscribe(limits))
    },
    close: (limits = {}) =>
      end(limits, () => {
        if (!subscription.wanted) throw wrong('the stream is closed already')
        const isOpen = subscription.unwant()
        dropAll()
        return isOpen && unsubscribe
      }),
    on(type, handler) {
      if (typeof handler !== 'function') throw wrong('the second argument of on() must be a function')
      return emitter.on(type, handler as never)
    },
    messages({ kind = 'message', ...limits }: TamburMessagesOptions = {}) {
      if (!KINDS.includes(kind)) throw wrong('"kind" must be message, auth or direct')
      feeds[kind] ??= createFeed<TamburMessage>(provider, owner.dropped)
      const loop = feeds[kind].iterate(limits, owner.ended)
      if (!owner.ended && !limits.signal?.aborted && !subscription.granted) quiet(subscribe({ timeout: 0 }))
      return loop as AsyncIterableIterator<TamburDirectMessage>
    },
    enableAuth: (limits = {}) => enable('auth', undefined, limits),
    disableAuth: (limits = {}) => disable('auth', limits),
    enablePresence: (userId, limits = {}) => enable('presence', userId, limits),
    disablePresence: (limits = {}) => disable('presence', limits),
    enableDirect: (userId, limits = {}) => enable('direct', userId, limits),
    disableDirect: (limits = {}) => disable('direct', limits),
    async direct(userId, text, limits = {}) {
      filled('userId', userId)
      if (typeof text !== 'string') throw wrong('a direct message must be a text')
      const { wish } = modeOf('direct')
      const line: Line<Session> = {
        ...owner,
        check() {
          owner.check()
          if (!wish.wanted) throw wrong('switch the direct mode on before sending direct messages')
        },
        // The service takes none before it has set the mode.
        find: () => (wish.granted ? owner.find() : undefined),
        ready: (left) => (wish.granted ? owner.ready(left) : wish.want(left)),
      }
      await owner.bounded(() =>
        useLine(line, limits, (session, timeout) =>
          owner.command(session, 'direct', [name, userId, text], { signal: limits.signal, timeout }),
        ),
      )
    },
  }

  // Apart from what has getters, by which each object is of a kind of its own, and slow to find where there are many.
  return {
    stream,
    restore: subscription.ask,
    lost(error) {
      subscription.lost()
      for (const mode of Object.values(modes)) mode.lost(error)
      forget()
    },
    received(kind, data, receivedAt) {
      // What was on its way when it was closed, or switched off, would come as a surprise.
      if (name !== PRIVATE && !subscription.wanted) return
      if (kind === 'presence') {
        if (!modes.presence?.wish.wanted) return
        const [userId, what] = data as [string, 'up' | 'down']
        if (what === 'up') present.add(userId)
        else present.delete(userId)
        return emitter.emit('presence', { kind: what, userId })
      }
      const known = kind === 'auth' || kind === 'direct' ? kind : 'message'
      const [from, text] = known === 'direct' ? (data as [string, string]) : [undefined, data as string]
      const message = new TamburText(name, text, receivedAt, from)
      emitter.emit(known, message as never)
      feeds[known]?.push(message)
    },
    end(error, told) {
      subscription.end(error)
      for (const { wish } of Object.values(modes)) wish.end(error)
      endLoops(told)
    },
  }
}
