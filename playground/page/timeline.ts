import { duration, element, partName, setText } from './dom.ts'
import { Life, type Standing, type Step, type StepType, type Who } from './life.ts'

const KEPT = 200

const NAMES: Record<Who, string> = {
  page: 'page',
  second: 'second',
  worker: 'Worker',
  other: 'another client',
}

/** What a provider calls a step, where that is not its type. */
export type Words = Partial<Record<StepType, string>>
const STANDING: Record<Standing, string> = {
  waiting: 'waiting with the server',
  working: 'in the handler',
  held: 'held, not acknowledged',
  confirmed: '',
}

/** The lives of the newest messages. Steps only mark what has to be drawn; drawing happens once per frame. */
export interface Timeline {
  /** Notes a step that the server tells; makes the message known unless it is one that was already let go. */
  step(id: string, step: Step, facts?: { topic?: string; holder?: number }): void
  /** A client's handler ended; `failed` only where the server is not told of it. */
  handled(id: string, at: number, who: Who, type?: 'handled' | 'failed'): void
  /** A connection broke: what it held goes back to the server. */
  drop(connection: number, at: number, who: Who, label?: string): void
  clear(): void
}

interface Row {
  readonly life: Life
  readonly order: bigint
  /** The steps as they are shown, in order. */
  drawn: readonly Step[]
  readonly item: HTMLElement
  readonly steps: HTMLElement
  readonly topic: HTMLElement
}

export function createTimeline(list: HTMLElement, empty: HTMLElement, words: Words = {}): Timeline {
  const testid = partName(list, 'message')
  const rows = new Map<string, Row>()
  /** By id, hence by age: a message that was there before this page comes into sight late. */
  const sorted: Row[] = []
  const dirty = new Set<Row>()
  let letGo = 0n
  let frame = 0

  function known(id: string, topic: string): Row | undefined {
    const row = rows.get(id)
    if (row !== undefined || BigInt(id) <= letGo) return row
    const made = makeRow(new Life(id, topic), testid)
    rows.set(id, made)
    const above = sorted.findLastIndex(({ order }) => order < made.order) + 1
    sorted.splice(above, 0, made)
    if (sorted.length > KEPT) forgetOne()
    return rows.get(id)
  }

  /** The oldest confirmed one goes, so that what still waits stays in sight, else the oldest. */
  function forgetOne(): void {
    const at = Math.max(
      0,
      sorted.findIndex(({ life }) => life.standing === 'confirmed'),
    )
    const row = sorted.splice(at, 1)[0]!
    if (row.order > letGo) letGo = row.order
    rows.delete(row.life.id)
    // Nothing is drawn while the tab is hidden: what waits for it must stay bounded, too.
    dirty.delete(row)
    row.item.remove()
  }

  function mark(row: Row): void {
    dirty.add(row)
    if (frame === 0) frame = requestAnimationFrame(draw)
  }

  function draw(): void {
    frame = 0
    for (const row of dirty) drawRow(row, words)
    dirty.clear()
    place()
    empty.hidden = rows.size > 0
  }

  /** Puts new rows where they belong, the newest on top. */
  function place(): void {
    let below: HTMLElement | undefined
    for (const { item, drawn } of sorted) {
      if (drawn.length === 0) continue
      if (!item.isConnected) {
        if (below === undefined) list.append(item)
        else below.before(item)
      }
      below = item
    }
  }

  return {
    step(id, step, { topic = '', holder } = {}) {
      const row = known(id, topic)
      if (row === undefined) return
      const { life } = row
      if (topic !== '') life.topic = topic
      life.holder = step.type === 'delivered' ? holder : undefined
      life.add(step)
      mark(row)
    },
    handled(id, at, who, type = 'handled') {
      const row = known(id, '')
      row?.life.handled({ type, at, who })
      if (row !== undefined && row.life.steps.length > 0) mark(row)
    },
    drop(connection, at, who, label) {
      for (const row of rows.values()) {
        if (row.life.holder !== connection) continue
        row.life.holder = undefined
        row.life.add({ type: 'lost', at, who, label })
        mark(row)
      }
    },
    clear() {
      rows.clear()
      sorted.length = 0
      dirty.clear()
      list.replaceChildren()
      empty.hidden = false
    },
  }
}

function makeRow(life: Life, testid: string): Row {
  const item = element('li', 'life')
  const name = element('p', 'name')
  const topic = element('span', 'topic')
  const steps = element('ol', 'steps')
  // Ids of a room differ in their last digits only; the whole one is a hover away.
  const id = element('code', '', life.id.length > 6 ? `…${life.id.slice(-6)}` : `#${life.id}`)
  id.title = life.id
  name.append(id, topic)
  item.append(name, steps)
  item.dataset.testid = testid
  item.dataset.id = life.id
  return { life, order: BigInt(life.id), drawn: [], item, steps, topic }
}

/** What is shown already stays as it is; mostly there is only something to add. */
function drawRow(row: Row, words: Words): void {
  const { life, drawn, item, steps, topic } = row
  const { standing } = life
  setText(topic, life.topic)
  item.dataset.standing = standing
  item.toggleAttribute('data-again', life.cameAgain)
  let same = 0
  while (same < drawn.length && drawn[same] === life.steps[same]) same++
  while (steps.childElementCount > same) steps.lastElementChild!.remove()
  for (let i = same; i < life.steps.length; i++) steps.append(chip(life, i, words))
  if (standing !== 'confirmed') steps.append(element('li', `now ${standing}`, STANDING[standing]))
  row.drawn = [...life.steps]
}

function chip(life: Life, at: number, words: Words): HTMLElement {
  const step = life.steps[at]!
  const before = life.steps[at - 1]
  const made = element('li', `step ${step.type} ${step.who ?? ''}`)
  made.dataset.step = step.type
  // The line before a step grows with the logarithm of the time it took: 3 ms and 3 s both stay readable.
  const gap = before === undefined ? 0 : Math.max(0, step.at - before.at)
  made.style.setProperty('--gap', Math.log2(gap + 1).toFixed(1))
  made.append(element('span', 'label', step.label ?? label(step, words)))
  if (before !== undefined) made.append(element('span', 'at', `+${duration(step.at - life.bornAt)}`))
  return made
}

function label({ type, who = 'other', again }: Step, words: Words): string {
  switch (type) {
    case 'delivered':
      return again ? `${NAMES[who]} again` : NAMES[who]
    case 'handled':
      return who === 'worker' ? 'queue took it' : 'handler done'
    default:
      return words[type] ?? (type === 'lost' ? 'line broke' : type)
  }
}
