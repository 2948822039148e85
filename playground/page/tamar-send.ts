import type { Problem, SenderStats, SendWish } from '../tamar-demo.ts'
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
  const label = () => (choice('kind') === 'command' ? 'Data' : 'Payload')
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
      case 'answered': {
        const answer = JSON.stringify(event.response)
        log('worker', `${who} answered after ${took}: ${answer}`)
        controls.say(`${who} answered ${answer} after ${took}.`)
        break
      }
      case 'unanswered': {
        const problem = event.problem as Problem
        log('worker', `no answer of ${who} after ${took}. ${toldOf(problem)}`, 'error')
        if (problem.code === 'TIMEOUT') {
          const limit = duration(Number(event.timeout ?? event.took))
          controls.say(`TIMEOUT: ${who} did not answer in ${limit}.`)
        } else if (problem.code !== 'CLOSED') {
          // Whoever closed the client knows.
          controls.say(`The command to ${who} has failed; see below.`)
          failed(problem)
        }
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
    setText(part(section, 'payload-label'), label())
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

  /** Tells in the bar why something was not sent; it goes when its row is dispatched. */
  function failed(problem: Problem, sums = ''): void {
    const { code, message, why, messageId, row } = problem
    const remedy = row === true ? ' Its row can be dispatched again, below.' : ''
    problems.problem(`${sums}${code}: ${message}.${remedy}`, { why, about: messageId })
  }

  /** So many payloads, of which each has its number. */
  function payloads(count: number): unknown[] {
    const text = field('payload').value
    return Array.from({ length: count }, () => {
      try {
        return JSON.parse(text.replaceAll('{n}', String(++number)))
      } catch (cause) {
        throw new Error(`The ${label().toLowerCase()} is not JSON (${textOf(cause)}).`)
      }
    })
  }

  async function send(count: number): Promise<void> {
    await watching
    const kind = choice('kind') as SendWish['kind']
    const user = choice('to') as UserName
    const wait = field('wait').checked
    const what = (sent: number): string => `${plural(sent, `${kind} message`)} to ${NAMES[user]}`
    const isAsking = kind === 'command' && wait
    const all = payloads(count)
    // An answer may be there before it is known that all were sent.
    if (isAsking) controls.say(`The Worker sends ${what(count)}, and waits.`)
    const { sent, problem } = await api.send({
      kind,
      via: choice('via') as SendWish['via'],
      user,
      payloads: all,
      ...(kind === 'command' && {
        type: field('type').value,
        timeout: Number(field('timeout').value) * 1000,
        wait,
      }),
    })
    if (problem === undefined) {
      if (!isAsking) controls.say(`The Worker has sent ${what(sent)}.`)
    } else {
      controls.say(
        sent === 0
          ? 'Nothing was sent; see below.'
          : `The Worker has sent ${what(sent)}, then one failed; see below.`,
      )
      failed(problem, sent === 0 ? '' : `${sent} of ${count} were sent, then one failed. `)
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

const toldOf = ({ code, message, why }: Problem): string =>
  `${code}: ${message}${why === undefined ? '' : ` (${why})`}`
