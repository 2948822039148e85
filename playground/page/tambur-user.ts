import { IsomqError, type TamburConnection, type TamburMode, type TamburStream } from 'isomq/tambur'
import { type Controls, isOff } from './controls.ts'
import { duration, part, plural, setText } from './dom.ts'
import { createInbox } from './inbox.ts'
import type { Log } from './log.ts'
import type { Problems } from './problems.ts'
import { follow } from './running.ts'
import type { TamburApi, UserLine } from './tambur-api.ts'
import { createChat, type Kind } from './tambur-inbox.ts'
import { makeCard, NAMES, otherOf, type UserName } from './twins.ts'

const MODES = ['auth', 'presence', 'direct'] as const satisfies readonly TamburMode[]
/** What needs no subscription. */
const PRIVATE = 'private'

/** What a user has of the section. */
export interface UserPart {
  readonly section: HTMLElement
  readonly api: TamburApi
  readonly controls: Controls
  readonly problems: Problems
  readonly log: Log
  /** Resolves when what happens can be seen. */
  readonly watching: Promise<unknown>
  /** The figures have changed. */
  refresh(): void
  reconnected(): void
  gap(ms: number): void
}

/** One of the two users: a connection of its own, and the card that shows it. */
export function createTamburUser(
  who: UserName,
  { section, api, controls, problems, log, watching, refresh, reconnected, gap }: UserPart,
) {
  const name = NAMES[who]
  const other = otherOf(who)
  makeCard(section, who)
  const own = (what: string) => `${who}-${what}`
  const field = (what: string) => part<HTMLInputElement>(section, own(what))
  const inbox = createInbox<Kind>(part(section, own('inbox')))
  const chat = createChat(part(section, own('chat')))

  const line: { -readonly [K in keyof UserLine]: UserLine[K] } = { who, signedIn: true, offline: false }
  /** Modes that are on or were asked for; a connection does not tell them. */
  const modes = new Set<TamburMode>()
  const asking = new Set<TamburMode>()
  /** Subscriber ids that were this user's. */
  const ids = new Set<string>()
  /** Streams whose messages are shown. */
  const heard = new WeakSet<TamburStream>()
  let received = 0
  let sent = 0
  let connection = made()

  function made(): TamburConnection {
    const connection = api.connection(line)
    follow(who, connection, {
      log,
      changed: show,
      reconnected,
      ended: (why) => problems.problem(`${name}’s connection has ended. ${why} Connect again when you like.`),
    })
    connection.on('status', (status) => {
      if (status.type === 'gap') {
        const text = `missed ${duration(status.duration)}: gone`
        setText(part(section, own('gap')), text)
        inbox.add('gap', `${text}, whatever was published in that time`)
        gap(status.duration)
      } else if (status.type === 'refused') {
        const { mode, error } = status
        if (mode === undefined) modes.clear()
        else modes.delete(mode)
        const what = mode === undefined ? 'The stream' : `The ${mode} mode`
        complain(`${what} did not come back, and is off: ${error.message}. Ask for it again when you like.`)
      }
      show()
    })
    const mine = connection.stream(PRIVATE)
    heard.add(mine)
    mine.on('message', ({ text }) => take('private', text))
    return connection
  }

  /** The stream that is named in the card. */
  function stream(): TamburStream {
    const found = connection.stream(field('stream').value)
    if (heard.has(found)) return found
    heard.add(found)
    found.on('message', ({ text }) => take('message', text))
    found.on('auth', ({ text }) => take('auth', text))
    found.on('direct', ({ from, text }) => {
      chat.add(from, text, false)
      take('direct', `${from}: ${text}`)
    })
    found.on('status', ({ type, mode }) => {
      const what = mode === undefined ? found.name : `the ${mode} mode of ${found.name}`
      if (type === 'restored') log(who, `${what} is restored`)
    })
    found.on('presence', (event) => {
      if (event.kind === 'reset') inbox.add('reset', 'the roster is empty; who is there comes up again')
      else
        inbox.add(event.kind, event.kind === 'up' ? `${event.userId} is there` : `${event.userId} has gone`)
      show()
    })
    return found
  }

  function take(kind: Kind, text: string): void {
    received++
    inbox.add(kind, text)
    show()
    refresh()
  }

  const say = (text: string, isProblem = false) => controls.sayIn(own('said'), text, isProblem)
  const complain = (text: string) => say(text, true)

  /** Says what came of it, in the card. */
  async function attempt(act: () => Promise<unknown>, done: string, failed: string): Promise<boolean> {
    try {
      await act()
      say(done)
      return true
    } catch (thrown) {
      if (!(thrown instanceof IsomqError)) throw thrown
      complain(`${failed} ${thrown.code}: ${thrown.message}`)
      return false
    } finally {
      show()
      refresh()
    }
  }

  function show(): void {
    const { state, subscriberId } = connection
    if (subscriberId !== undefined) ids.add(subscriberId)
    badge('state', state, state)
    setText(part(section, own('toggle')), isOff(connection) ? 'Connect' : 'Close')
    setText(part(section, own('subscriber')), subscriberId ?? 'none')
    const streamState = field('stream').value === '' ? 'closed' : stream().state
    const shown = { closed: 'idle', opening: 'connecting', open: 'open' }[streamState]
    badge('stream-state', shown, streamState)
    setText(part(section, own('open')), streamState === 'closed' ? 'Open stream' : 'Close stream')
    field('stream').readOnly = streamState !== 'closed'
    if (streamState === 'closed') modes.clear()
    for (const mode of MODES) {
      field(mode).disabled = streamState === 'closed'
      field(mode).checked = modes.has(mode)
      setText(part(section, own(`${mode}-asking`)), asking.has(mode) ? ' asking …' : '')
    }
    const present = streamState === 'closed' ? [] : [...stream().present]
    setText(part(section, own('present')), present.join(', ') || 'nobody known')
    part(section, own('present')).toggleAttribute('data-empty', present.length === 0)
    setText(part(section, own('sums')), `${received} received · ${plural(sent, 'direct message')} sent`)
  }

  function badge(what: string, state: string, text: string): void {
    const shown = part(section, own(what))
    shown.dataset.state = state
    setText(shown, text)
  }

  async function toggle(): Promise<void> {
    await watching
    // What goes wrong on the way is told by the connection's events.
    if (isOff(connection)) await connection.connect({ timeout: 0 }).catch(() => {})
    else await connection.close()
    show()
    refresh()
  }

  const open = () =>
    attempt(
      () => stream().open({ timeout: 0 }),
      `The stream ${field('stream').value} is open.`,
      'The stream is not open.',
    )

  async function toggleStream(): Promise<void> {
    await watching
    if (stream().state === 'closed') {
      const opened = open()
      show()
      await opened
    } else {
      await attempt(() => stream().close(), 'The stream is closed, and its modes are off.', 'It may be open.')
    }
  }

  async function setMode(mode: TamburMode, on: boolean): Promise<void> {
    const found = stream()
    const enable = {
      auth: () => found.enableAuth({ timeout: 0 }),
      presence: () => found.enablePresence(who, { timeout: 0 }),
      direct: () => found.enableDirect(who, { timeout: 0 }),
    }
    const disable = {
      auth: () => found.disableAuth(),
      presence: () => found.disablePresence(),
      direct: () => found.disableDirect(),
    }
    if (on) {
      modes.add(mode)
      asking.add(mode)
      show()
      const isOn = await attempt(enable[mode], `The ${mode} mode is on.`, `The ${mode} mode is off.`)
      if (!isOn) modes.delete(mode)
    } else {
      modes.delete(mode)
      await attempt(disable[mode], `The ${mode} mode is off.`, `The ${mode} mode may be on.`)
    }
    asking.delete(mode)
    show()
  }

  /** Says whether there was a connection to break. */
  async function breakLine(): Promise<boolean> {
    const { peers, settings } = await api.stats()
    const found = peers.find(({ subscriber }) => subscriber === connection.subscriberId)
    if (found === undefined) return false
    // Only a wire breaks at once without a goodbye.
    const how = settings.wired ? { abrupt: true } : { code: 1001 }
    await api.control('drop', { connection: found.connection, ...how })
    return true
  }

  async function send(): Promise<void> {
    const text = field('text').value
    const isSent = await attempt(
      () => stream().direct(other, text),
      `The server has handed it to ${NAMES[other]}.`,
      'It was not sent.',
    )
    if (!isSent) return
    sent++
    chat.add(who, text, true)
    field('text').value = ''
    show()
  }

  controls.click(own('toggle'), toggle)
  controls.click(own('break'), async () => {
    const isBroken = await breakLine()
    say(isBroken ? 'The connection was broken.' : 'There is no connection to break.')
  })
  controls.checked(own('offline'), async (on) => {
    line.offline = on
    if (on) await breakLine()
    say(on ? 'No network: it goes on trying.' : 'The network is back.')
  })
  controls.checked(own('signed'), (on) => {
    line.signedIn = on
    say(on ? `The Worker knows ${name} again.` : 'The Worker is not told who asks: it grants no more tokens.')
  })
  controls.submit(own('stream-form'), toggleStream)
  for (const mode of MODES) controls.checked(own(mode), (on) => setMode(mode, on))
  controls.submit(own('direct-form'), send)
  show()

  return {
    get received() {
      return received
    },
    get subscriberId() {
      return connection.subscriberId
    },
    /** Whether a subscriber is this user, or was. */
    was: (id: string) => ids.has(id),
    show,
    /** Connects, opens the stream and switches on what is off; says whether that worked. */
    async enter(): Promise<boolean> {
      if (isOff(connection)) await toggle()
      if (stream().state === 'closed' && !(await open())) return false
      const missing = MODES.filter((mode) => !modes.has(mode))
      await Promise.all(missing.map((mode) => setMode(mode, true)))
      return missing.every((mode) => modes.has(mode))
    },
    /** Everything as at the start. */
    async reset(): Promise<void> {
      await connection.close()
      connection = made()
      Object.assign(line, { signedIn: true, offline: false })
      field('signed').checked = true
      field('offline').checked = false
      modes.clear()
      asking.clear()
      ids.clear()
      received = sent = 0
      inbox.clear()
      chat.clear()
      setText(part(section, own('gap')), 'none')
      say('')
      show()
    },
  }
}
export type TamburUser = ReturnType<typeof createTamburUser>
