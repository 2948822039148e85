import {
  createWampSession,
  fetchSignature,
  type WampAuth,
  type WampMatch,
  type WampPermissions,
  type WampSession,
  type WampStatus,
} from 'isomq/webmq'
import { type Controls, isOff } from './controls.ts'
import { duration, part, setText } from './dom.ts'
import { follow, type Telling } from './running.ts'
import type { WebmqApi } from './webmq-api.ts'

const USER = 'isomq-user'

export interface SessionOptions extends Telling {
  /** Whether the Worker shall sign with a wrong secret. */
  isWrong(): boolean
  gap(ms: number): void
  /** The server did not restore a subscription. */
  refused(topic: string): void
  /** There is a new session, which has no subscriptions yet. */
  replaced(): void
  /** A session that was made anew is open for the first time. */
  opened(): Promise<void>
}

/** A topic that the page wants, with how it is matched. */
export interface Wanted {
  readonly topic: string
  readonly match: WampMatch
}

/** The part of the section that connects and signs in. */
export function createSessionPart(
  section: HTMLElement,
  api: WebmqApi,
  controls: Controls,
  options: SessionOptions,
) {
  const select = (name: string) => part<HTMLSelectElement>(section, name)
  const version = (): 1 | 2 => (select('version').value === '1' ? 1 : 2)
  const isUser = (): boolean => select('sign-in').value === 'user'
  let session = made()
  let isStopping = false
  /** Login and logout at the Worker, one after the other. */
  let entered: Promise<unknown> = api.enter(true)
  controls.run(() => entered)

  function made(): WampSession {
    // The secret is with the Worker alone, which signs for those whom it knows.
    const auth: WampAuth = isUser()
      ? {
          id: USER,
          sign: (challenge) =>
            fetchSignature(`${api.signUrl}${options.isWrong() ? '?wrong' : ''}`)(challenge),
        }
      : {}
    const session = createWampSession({
      url: api.url,
      version: version(),
      auth,
      // Nobody wants to look at a long pause.
      reconnect: { minDelay: 300, maxDelay: 2000 },
    })
    follow('page', session, { ...options, changed })
    session.on('status', heard)
    return session
  }

  function heard(status: WampStatus): void {
    if (status.type === 'gap') {
      options.log(
        'page',
        `gap of ${duration(status.duration)}: what was published meanwhile is gone`,
        'error',
      )
      options.gap(status.duration)
    } else if (status.type === 'refused') {
      options.log('page', status.error.message, 'error')
      options.refused(status.topic)
    }
  }

  function changed(): void {
    show()
    options.changed()
  }

  function show(): void {
    const { state, sessionId, permissions } = session
    const badge = part(section, 'state')
    badge.dataset.state = state
    setText(badge, state)
    setText(part(section, 'toggle'), isStopping ? 'Closing …' : isOff(session) ? 'Connect' : 'Close')
    part<HTMLFieldSetElement>(section, 'choices').disabled = !isOff(session)
    setText(part(section, 'session-id'), String(sessionId ?? 'none'))
    setText(part(section, 'who'), state === 'open' ? (isUser() ? USER : 'anonymous') : 'nobody')
    setText(part(section, 'permissions'), permissions === undefined ? '' : granted(permissions))
    for (const name of ['permissions-title', 'permissions-shown']) part(section, name).hidden = !permissions
    count()
  }

  function count(): void {
    const { subscriptions, lastRoundTrip } = session.stats()
    const trip = lastRoundTrip === undefined ? '' : ` · last call took ${duration(lastRoundTrip)}`
    setText(part(section, 'sums'), `${subscriptions} subscribed${trip}`)
  }

  /** What is chosen differs: a session is of one version and of one user. */
  function replace(): void {
    session = made()
    options.replaced()
    changed()
  }

  /** Connects when that is left to do. */
  async function open(): Promise<void> {
    await entered
    const opening = session
    try {
      await opening.connect()
    } catch (thrown) {
      // What ends a session is told by itself.
      if (opening.state !== 'closed') throw thrown
      return
    }
    await options.opened()
  }

  async function close(): Promise<void> {
    isStopping = true
    changed()
    await session.close()
    isStopping = false
    changed()
  }

  async function breakLine(): Promise<void> {
    const { peers } = await api.stats()
    const mine = peers.find(({ session: id }) => id === session.sessionId)
    if (mine !== undefined) await api.control('drop', { connection: mine.connection, abrupt: true })
    controls.say(mine ? 'The connection was broken.' : 'There is no connection to break.')
  }

  for (const name of ['version', 'sign-in']) select(name).addEventListener('change', replace)
  controls.click('toggle', () => (isOff(session) ? open() : close()))
  controls.click('break', breakLine)
  controls.checked('known', (on) => {
    entered = entered.catch(() => {}).then(() => api.enter(on))
    return entered
  })
  show()

  return {
    get session() {
      return session
    },
    count,
    open,
    async reset(): Promise<void> {
      await close()
      part<HTMLInputElement>(section, 'known').checked = true
      entered = api.enter(true)
      await entered
      replace()
    },
  }
}

/** Such as `*: publish, subscribe; *: call`; the asterisk stands for whatever follows. */
function granted({ pubsub, rpc }: WampPermissions): string {
  const topics = pubsub.map(({ uri, prefix, pub, sub }) => {
    const rights = [pub ? 'publish' : '', sub ? 'subscribe' : ''].filter((right) => right !== '')
    return `${uri}${prefix ? '*' : ''}: ${rights.join(', ') || 'nothing'}`
  })
  const procedures = rpc.map(({ uri, call }) => `${uri || '*'}: ${call ? 'call' : 'nothing'}`)
  return [...topics, ...procedures].join('; ')
}

export type SessionPart = ReturnType<typeof createSessionPart>
