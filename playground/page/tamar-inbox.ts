import { element, partName, setText } from './dom.ts'
import { createInbox, KEPT } from './inbox.ts'
import type { Pushed } from './tamar-socket.ts'

/** What the gateway has a name for, so that it can be acknowledged. */
export type Row = Extract<Pushed, { id: string }>
/** What became of it; the last two are its end. */
export type Done = 'acked' | 'answered' | 'timed out'

interface Entry {
  readonly row: Row
  readonly item: HTMLElement
  readonly note: HTMLElement
  readonly buttons: HTMLElement
  /** Times that it came. */
  times: number
  done: Done | undefined
}

const TIME = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })

/** A button of a row was pressed; `done` is what became of the row before. */
type Press = (row: Row, what: 'ack' | 'answer', done: Done | undefined) => void

/**
 * What a user received; rows may come more than once, and are shown once. Commands that wait for an answer stand above
 * all else: what came after them must not hide their buttons.
 */
export function createRowInbox(list: HTMLElement, press: Press) {
  const inbox = createInbox<Pushed['type']>(list)
  const entries = new Map<string, Entry>()

  function made(row: Row): Entry {
    const item = inbox.add(row.type, textOf(row))
    const note = element('span', 'sums')
    const buttons = element('span', 'buttons')
    item.append(note, buttons)
    item.dataset.seq = String(row.seq)
    buttons.append(button(row, 'ack', 'Ack'))
    if (row.type === 'command') buttons.append(button(row, 'answer', 'Answer'))
    const entry: Entry = { row, item, note, buttons, times: 0, done: undefined }
    entries.set(row.id, entry)
    if (entries.size > KEPT) forget()
    return entry
  }

  /** Forgets one that is not shown any more: those that wait stay longest. */
  function forget(): void {
    const all = [...entries.values()]
    entries.delete((all.find((entry) => !isOpen(entry)) ?? all[0]!).row.id)
  }

  function button(row: Row, what: 'ack' | 'answer', text: string): HTMLElement {
    const made = element('button', '', text) as HTMLButtonElement
    made.type = 'button'
    made.dataset.testid = partName(list, what)
    made.append(element('span', 'quiet', ` number ${row.seq}`))
    made.addEventListener('click', () => press(row, what, entries.get(row.id)?.done))
    return made
  }

  function show(entry: Entry): void {
    const { row, item, note, buttons, times, done } = entry
    const isWaiting = isOpen(entry)
    const said = [
      times > 1 ? `came ${times} times` : '',
      done ?? 'not acked',
      isWaiting && row.type === 'command' && row.expiresAt !== null
        ? `until ${TIME.format(row.expiresAt)}`
        : '',
    ]
    setText(note, said.filter((text) => text !== '').join(' · '))
    item.dataset.done = done ?? ''
    const [ack, answer] = buttons.children as unknown as Iterable<HTMLElement>
    ack!.hidden = done !== undefined
    if (answer !== undefined) answer.hidden = !isWaiting
    buttons.hidden = ack!.hidden && !isWaiting
    inbox.pin(item, isWaiting)
  }

  return {
    realtime: (payload: unknown): void => void inbox.add('realtime', JSON.stringify(payload)),
    /** Says what became of it before. */
    take(row: Row): Done | undefined {
      const entry = entries.get(row.id) ?? made(row)
      entry.times++
      show(entry)
      return entry.done
    },
    done(id: string, what: Done): void {
      const entry = entries.get(id)
      if (entry === undefined || isEnd(entry.done)) return
      entry.done = what
      show(entry)
    },
    clear(): void {
      entries.clear()
      inbox.clear()
    },
  }
}

/** Whether it is a command that can still be answered. */
const isOpen = ({ row, done }: Entry): boolean => row.type === 'command' && !isEnd(done)
const isEnd = (done: Done | undefined): boolean => done === 'answered' || done === 'timed out'

function textOf(row: Row): string {
  const content = row.type === 'reliable' ? [row.payload] : [row.command, row.data]
  return `#${row.seq} ${content.map((value) => JSON.stringify(value)).join(' ')}`
}
