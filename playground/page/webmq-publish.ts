import type { WampSession } from 'isomq/webmq'
import { type Controls, isOff } from './controls.ts'
import { part, plural, textOf } from './dom.ts'
import type { WebmqApi } from './webmq-api.ts'
import type { SessionPart } from './webmq-session.ts'

/** What a list of receivers can name that is not in the room; in version 2, ids are numbers. */
const NOBODY = '1'

/** The part of the section that has the Worker push, and publishes by itself. */
export function createPublishing(
  section: HTMLElement,
  api: WebmqApi,
  controls: Controls,
  holder: () => SessionPart,
  isWrong: () => boolean,
  refresh: () => void,
) {
  const field = (name: string) => part<HTMLInputElement>(section, name)
  const choice = (name: string) => part<HTMLSelectElement>(section, name).value
  let number = 0

  const say = (text: string, isProblem = false) => controls.sayIn('publish-said', text, isProblem)

  /** So many events, of which each has its number. */
  function events(count: number): unknown[] {
    const text = field('body').value
    return Array.from({ length: count }, () => {
      try {
        return JSON.parse(text.replaceAll('{n}', String(++number)))
      } catch (cause) {
        throw new Error(`the event is not JSON (${textOf(cause)})`)
      }
    })
  }

  /** The lists that a choice stands for. */
  function receivers({ sessionId }: WampSession): { exclude?: string[]; eligible?: string[] } {
    const chosen = choice('receivers')
    if (chosen === 'all') return {}
    if (chosen === 'other') return { eligible: [NOBODY] }
    if (sessionId === undefined) throw new Error('this page has no session now: connect it first')
    return { [chosen]: [String(sessionId)] }
  }

  async function push(count: number): Promise<void> {
    const [way, signed] = [choice('way') as 'push' | 'crossbar', field('signed').checked]
    const { pushed, problem } = await api.push({
      way,
      topic: field('publish-topic').value,
      events: events(count),
      signed,
      wrong: isWrong(),
      ...receivers(holder().session),
    })
    if (problem === undefined) {
      const how = signed ? 'signed' : 'not signed'
      say(
        `The Worker has pushed ${plural(pushed, 'event')}, ${how}; the broker took ${pushed === 1 ? 'it' : 'them'}.`,
      )
    } else say(`${pushed} of ${count} pushed. ${problem.code}: ${problem.message}`, true)
  }

  async function publish(): Promise<void> {
    const part = holder()
    const [event] = events(1)
    if (isOff(part.session)) await part.open()
    const { session } = part
    const acknowledge = field('acknowledge').checked
    const id = await session.publish(field('publish-topic').value, event, {
      excludeMe: field('exclude-me').checked,
      ...(session.version === 2 && { acknowledge }),
    })
    say(
      id === undefined
        ? 'Handed to the socket; nobody answers that.'
        : `The router has taken it: publication ${id}.`,
    )
  }

  controls.submit('publish', async (value) => {
    try {
      await (value === 'page' ? publish() : push(Number(value || 1)))
    } catch (thrown) {
      say(textOf(thrown), true)
    }
    refresh()
  })

  return {
    show(): void {
      field('acknowledge').disabled = holder().session.version === 1
    },
    clear(): void {
      number = 0
      say('')
    },
  }
}
