import type { ServersAnswer } from '../tamar-sites.ts'
import { element, part, setText } from './dom.ts'

/** Faults of the embedded servers that real ones are not given. */
const DENIED: Readonly<Record<string, string>> = {
  'worker-break': 'Not from here on a real server: restart RabbitMQ, and watch the badge.',
  exchange: '(not from here on a real server)',
}

/** Tells which servers the room has, and where the others are; takes back what these cannot do. */
export function showServers(section: HTMLElement, servers: ServersAnswer): void {
  const { isReal, realRoom, problem, missing, ways } = servers
  const note = part(section, 'servers')
  note.toggleAttribute('data-real', isReal && problem === undefined)
  note.toggleAttribute('data-problem', isReal && problem !== undefined)
  note.hidden = !isReal && realRoom === undefined && missing.length === 0
  if (isReal) {
    setText(
      note,
      problem === undefined
        ? 'Real servers: what is sent here goes to the Redis, the MySQL and the RabbitMQ that the MSG_… variables name, and stays there. The table shows the rows of Alice and Bob, older ones among them.'
        : `This room is for real servers, and cannot work: ${problem}. Then start the playground again.`,
    )
  } else if (realRoom !== undefined) {
    const link = element('a', '', `room “${realRoom}”`)
    link.setAttribute('href', `?room=${realRoom}#${section.id}`)
    const what = problem === undefined ? 'works with them' : `cannot work: ${problem}`
    note.replaceChildren(
      'MSG_… variables name real servers: ',
      link,
      ` ${what}. This room has embedded ones.`,
    )
  } else {
    setText(
      note,
      `This room has embedded servers, as any other. For real ones, start the playground with ${missing.join(', ')}.`,
    )
  }
  if (!isReal || problem !== undefined) return
  for (const [name, why] of Object.entries(DENIED)) deny(section, name, why)
  for (const option of part<HTMLSelectElement>(section, 'via').options) {
    if (ways.some((way) => way === option.value)) continue
    option.disabled = true
    option.textContent += ' (MSG_RABBITMQ_URL is the other)'
  }
  const lost = part(section, 'count-lost').parentElement!
  lost.title = 'How many rows there should be, nobody knows of a table that others write to'
  const via = part<HTMLSelectElement>(section, 'via')
  if (via.selectedOptions[0]?.disabled) via.value = ways[0] ?? ''
}

/** Disables a control, and says why beside it. */
function deny(section: HTMLElement, name: string, why: string): void {
  const control = part<HTMLButtonElement | HTMLInputElement>(section, name)
  control.disabled = true
  const reason = element('small', 'why', why)
  reason.id = `${control.dataset.testid}-why`
  control.setAttribute('aria-describedby', reason.id)
  const place = control.closest('label') ?? control.parentElement!
  place.append(' ', reason)
}
