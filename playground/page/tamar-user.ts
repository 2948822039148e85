import type { Controls } from './controls.ts'
import { part, plural, setText, textOf } from './dom.ts'
import type { Log } from './log.ts'
import type { TamarApi } from './tamar-api.ts'
import { createRowInbox, type Done, type Row } from './tamar-inbox.ts'
import { createUserSocket, type Pushed, type Said, type SocketState } from './tamar-socket.ts'
import { makeCard, NAMES, type UserName } from './twins.ts'

/** What a user has of the section. */
export interface UserPart {
  readonly section: HTMLElement
  readonly api: TamarApi
  readonly controls: Controls
  readonly log: Log
  /** Resolves when what happens can be seen. */
  readonly watching: Promise<unknown>
  /** The figures have changed. */
  refresh(): void
}

const SHOWN: Readonly<Record<SocketState, string>> = {
  idle: 'offline',
  connecting: 'connecting',
  open: 'online',
  reconnecting: 'reconnecting',
}

/** One of the two users: a socket of its own to the gateway, and the card that shows it. */
export function createTamarUser(who: UserName, { section, api, controls, log, watching, refresh }: UserPart) {
  const name = NAMES[who]
  makeCard(section, who)
  const own = (what: string) => `${who}-${what}`
  const box = (what: string) => part<HTMLInputElement>(section, own(what))
  const say = (text: string, isProblem = false) => controls.sayIn(own('said'), text, isProblem)
  const inbox = createRowInbox(part(section, own('inbox')), press)
  const sums = { realtime: 0, rows: 0, again: 0 }
  const seen = new Set<string>()

  const socket = createUserSocket({
    url: api.userUrl(who),
    changed(from, to) {
      log(who, `${SHOWN[from]} → ${SHOWN[to]}`)
      show()
      refresh()
    },
    pushed,
  })

  function pushed(frame: Pushed): void {
    switch (frame.type) {
      case 'realtime':
        sums.realtime++
        inbox.realtime(frame.payload)
        break
      case 'error':
        log(who, `the gateway could not read that: ${frame.reason}`, 'error')
        break
      default:
        take(frame)
    }
    show()
    refresh()
  }

  /** What comes again was perhaps not heard: what was done with it is done again. */
  function take(row: Row): void {
    if (seen.has(row.id)) sums.again++
    else sums.rows++
    seen.add(row.id)
    const done = inbox.take(row)
    if (done !== undefined || box('acks').checked) send(row, 'acked')
    if (row.type === 'command' && (done === 'answered' || box('answers').checked)) answer(row)
  }

  function press(row: Row, what: 'ack' | 'answer', done: Done | undefined): void {
    if (done === undefined) send(row, 'acked')
    if (what === 'answer') answer(row)
    // The button is gone, and with it the place of the keyboard.
    part(section, own('scroll')).focus()
    refresh()
  }

  function answer(row: Row): void {
    try {
      send(row, 'answered', JSON.parse(box('answer').value))
    } catch (cause) {
      say(`The answer is not JSON (${textOf(cause)}).`, true)
    }
  }

  function send({ id }: Row, done: Exclude<Done, 'timed out'>, response?: unknown): void {
    const frame: Said = done === 'acked' ? { type: 'ack', id } : { type: 'response', id, response }
    if (socket.send(frame)) {
      inbox.done(id, done)
      say('')
    } else say(`${name} is offline: nothing was sent. It comes again.`, true)
  }

  function show(): void {
    const { state } = socket
    const badge = part(section, own('state'))
    badge.dataset.state = state
    setText(badge, SHOWN[state])
    part<HTMLButtonElement>(section, own('break')).disabled = state === 'idle'
    setText(part(section, own('toggle')), state === 'idle' ? 'Go online' : 'Go offline')
    const { realtime, rows, again } = sums
    const text = `${realtime} realtime · ${plural(rows, 'row')} · ${again} came again`
    setText(part(section, own('sums')), text)
  }

  async function toggle(): Promise<void> {
    await watching
    if (socket.state === 'idle') socket.open()
    else socket.close()
  }

  /** Breaks the line without a goodbye. */
  async function breakLine(): Promise<void> {
    const { peers } = await api.stats()
    const mine = peers.filter(({ line, user }) => line === 'user' && user === who)
    for (const { connection } of mine) await api.control('drop', { line: 'user', connection, abrupt: true })
    say(mine.length > 0 ? 'The connection was broken.' : 'There is no connection to break.')
  }

  controls.click(own('toggle'), toggle)
  controls.click(own('break'), breakLine)
  show()

  return {
    show,
    /** A command's time is over. */
    timedOut: (id: string) => inbox.done(id, 'timed out'),
    async enter(): Promise<void> {
      if (socket.state === 'idle') await toggle()
    },
    /** Everything as at the start. */
    reset(): void {
      socket.close()
      Object.assign(sums, { realtime: 0, rows: 0, again: 0 })
      seen.clear()
      inbox.clear()
      box('acks').checked = true
      box('answers').checked = false
      say('')
      show()
    },
  }
}
export type TamarUser = ReturnType<typeof createTamarUser>
