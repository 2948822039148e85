import type { Problem } from '../tamar-demo.ts'
import type { Controls } from './controls.ts'
import { element, part, partName, plural, setText } from './dom.ts'
import type { Problems } from './problems.ts'
import type { TableRow, TamarApi } from './tamar-api.ts'
import { NAMES, type UserName } from './twins.ts'

/** So many of the newest are shown. */
export const SHOWN_ROWS = 100
const COMMAND = '2'

interface Shown {
  readonly item: HTMLElement
  readonly status: HTMLElement
  readonly facts: HTMLElement
  readonly dispatch: HTMLElement
}

/** What the table has of its section. */
export interface RowsPart {
  readonly section: HTMLElement
  readonly api: TamarApi
  readonly controls: Controls
  readonly problems: Problems
  readonly isReal: boolean
  refresh(): void
}

/** The table of messages as it stands in the database, newest first. */
export function createRows({ section, api, controls, problems, refresh, isReal }: RowsPart) {
  const list = part(section, 'rows')
  const shown = new Map<string, Shown>()

  function made({ id, target_user_id: user, push_type: type, seq, payload }: TableRow): Shown {
    const item = element('li')
    item.dataset.testid = partName(section, 'row')
    item.title = id
    const kind = type === COMMAND ? 'command' : 'reliable'
    const status = element('span', 'status')
    const facts = element('span', 'sums')
    const buttons = element('span', 'buttons')
    const dispatch = button(id, 'dispatch', 'dispatch()')
    buttons.append(dispatch)
    if (type === COMMAND) buttons.append(button(id, 'result', 'result()'))
    const to = element('span', `source ${user}`, NAMES[user as UserName] ?? user)
    item.append(element('span', 'seq', `#${seq}`), to, element('span', 'push', kind), status)
    item.append(element('code', 'text', textOf(payload, type)), facts, buttons)
    const row = { item, status, facts, dispatch }
    shown.set(id, row)
    return row
  }

  function button(id: string, what: 'dispatch' | 'result', text: string): HTMLElement {
    const made = element('button', '', text) as HTMLButtonElement
    made.type = 'button'
    made.dataset.testid = partName(section, `row-${what}`)
    made.addEventListener('click', () => controls.run(() => (what === 'dispatch' ? send(id) : ask(id))))
    return made
  }

  async function send(id: string): Promise<void> {
    const { problem } = await api.dispatch(id)
    if (problem !== undefined) return failed('dispatch()', problem, id)
    problems.settled(id)
    controls.say('RabbitMQ has taken the name of the row; there is no second row.')
    // The button goes, and with it the place of the keyboard.
    part(section, 'table').focus()
    refresh()
  }

  async function ask(id: string): Promise<void> {
    const { problem, status, response } = await api.result(id)
    if (problem !== undefined) return failed('result()', problem)
    const answer = response === undefined ? 'no answer' : `the answer ${JSON.stringify(response)}`
    controls.say(`result(): ${status}, ${answer}.`)
  }

  function failed(what: string, { code, message, why }: Problem, about?: string): void {
    controls.say(`${what} has failed; see below.`)
    problems.problem(`${what} failed. ${code}: ${message}`, { why, about })
  }

  function update(row: TableRow, { item, status, facts, dispatch }: Shown): void {
    const { tally, command_response: response } = row
    item.dataset.status = row.status
    setText(status, row.status)
    const times = tally?.delivered ?? 0
    // The gateway has not heard of it: its dispatch has failed, or was before the gateway began.
    const isUnheard = row.status === 'PENDING' && !tally?.dispatched
    const said = [
      times > 1 ? `pushed ${plural(times, 'time')}` : '',
      isUnheard ? (isReal ? 'not dispatched of late' : 'not dispatched') : '',
      response === null ? '' : `answer ${response}`,
    ]
    setText(facts, said.filter((text) => text !== '').join(' · '))
    dispatch.hidden = !isUnheard
  }

  return {
    show(rows: readonly TableRow[]): void {
      const gone = new Set(shown.keys())
      rows.forEach((row, at) => {
        gone.delete(row.id)
        const one = shown.get(row.id) ?? made(row)
        update(row, one)
        // What stays where it is keeps the focus.
        const there = list.children[at]
        if (there !== one.item) list.insertBefore(one.item, there ?? null)
      })
      for (const id of gone) {
        shown.get(id)!.item.remove()
        shown.delete(id)
      }
    },
  }
}
export type Rows = ReturnType<typeof createRows>

/** A command's row has its type beside its data. */
function textOf(payload: string, type: string): string {
  if (type !== COMMAND) return payload
  const { type: command, data } = JSON.parse(payload) as { type: string; data: unknown }
  return `${command} ${JSON.stringify(data)}`
}
