import type { SenderStats, SendWish } from '../tamar-demo.ts'
import type { Controls } from './controls.ts'
import { duration, part, plural, setText, textOf } from './dom.ts'
import type { Log } from './log.ts'
import type { Problems } from './problems.ts'
import { followEvent } from './running.ts'
import type { LiveEvent } from './server.ts'
import type { TamarApi } from './tamar-api.ts'
import { NAMES, type UserName } from './twins.ts'

/** What the page has of its section. */
export interface SendPart {
  readonly section: HTMLElement
  readonly api: TamarApi
  readonly controls: Controls
  readonly problems: Problems
  readonly log: Log
  /** Resolves when what happens can be seen. */
  readonly watching: Promise<unknown>
  refresh(): void
}

/** The part of the section that has the Worker send, and shows the Worker's client. */
export function createSending({ section, api, controls, problems, log, watching, refresh }: SendPart) {
  const field = (name: string) => part<HTMLInputElement>(section, name)
  const choice = (name: string) => part<HTMLSelectElement>(section, name).value
  let state = 'idle'
  let number = 0

  function taken(event: LiveEvent): void {
    const who = NAMES[event.user as UserName] ?? event.user
    const took = duration(Number(event.took))
    switch (event.type) {
      case 'hello':
        state = String(event.state)
        break
      case 'state':
        state = followEvent('worker', event, {
          log,
          changed: show,
          reconnected: () => {},
          ended: (why) => problems.problem(`The Worker’s socket to RabbitMQ has ended. ${why}`),
        })
        break
      case 'error':
        log('worker', String(event.message), 'error')
        break
      case 'answered':
        log('worker', `${who} answered after ${took}: ${JSON.stringify(event.response)}`)
        break
      case 'unanswered': {
        const { code, message } = event.problem as { code: string; message: string }
        log('worker', `no answer of ${who} after ${took}. ${code}: ${message}`, 'error')
      }
    }
    show()
    refresh()
  }

  function show(): void {
    const badge = part(section, 'worker-state')
    badge.dataset.state = state
    setText(badge, state)
    part(section, 'command').hidden = choice('kind') !== 'command'
  }

  function told({ state: now, client }: SenderStats): void {
    state = now
    const { realtime, rows, dispatched, answered, found, waiting } = client
    const sums = [
      `${realtime} realtime`,
      `${rows} written`,
      `${dispatched} dispatched`,
      `${waiting} waiting for answers`,
      `${answered} answered, ${found} of them found in the table`,
    ]
    setText(part(section, 'worker-sums'), sums.join(' · '))
    show()
  }

  /** So many payloads, of which each has its number. */
  function payloads(count: number): unknown[] {
    const text = field('payload').value
    return Array.from({ length: count }, () => {
      try {
        return JSON.parse(text.replaceAll('{n}', String(++number)))
      } catch (cause) {
        throw new Error(`The payload is not JSON (${textOf(cause)}).`)
      }
    })
  }

  async function send(count: number): Promise<void> {
    await watching
    const kind = choice('kind') as SendWish['kind']
    const user = choice('to') as UserName
    const wait = field('wait').checked
    const { sent, problem } = await api.send({
      kind,
      via: choice('via') as SendWish['via'],
      user,
      payloads: payloads(count),
      ...(kind === 'command' && {
        type: field('type').value,
        timeout: Number(field('timeout').value) * 1000,
        wait,
      }),
    })
    const what = `${plural(sent, `${kind} message`)} to ${NAMES[user]}`
    const isAsking = kind === 'command' && wait
    controls.say(isAsking ? `The Worker sends ${what}, and waits.` : `The Worker has sent ${what}.`)
    if (problem !== undefined) {
      const row = problem.row === true ? ' Its row can be dispatched again, below.' : ''
      problems.problem(
        `${sent} of ${count} were sent, then one failed. ${problem.code}: ${problem.message}.${row}`,
      )
    }
    refresh()
  }

  /** Breaks the socket without a goodbye. */
  async function breakLine(): Promise<void> {
    const { dropped } = await api.control<{ dropped: number }>('drop', { line: 'stomp', abrupt: true })
    controls.say(
      dropped > 0
        ? 'The Worker’s socket to RabbitMQ was broken.'
        : 'The Worker has no socket to RabbitMQ yet.',
    )
  }

  api.watchSender(
    taken,
    (isLive) => isLive || log('worker', 'its events cannot be seen; trying again', 'error'),
  )
  controls.submit('send', (count) => send(Number(count || 1)))
  controls.click('worker-break', breakLine)
  part(section, 'kind').addEventListener('input', show)
  show()

  return {
    told,
    clear(): void {
      number = 0
    },
  }
}
