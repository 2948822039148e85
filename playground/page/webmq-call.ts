import { IsomqError } from 'isomq/webmq'
import { type Controls, isOff } from './controls.ts'
import { duration, element, part, setText, textOf } from './dom.ts'
import type { SessionPart } from './webmq-session.ts'

interface Example {
  readonly name: string
  readonly procedure: string
  readonly args: string
  readonly kwargs?: string
}

const DEMO = 'com.example.demo'

const EXAMPLES: readonly Example[] = [
  { name: 'add: the sum of two numbers', procedure: `${DEMO}.add`, args: '[17, 25]' },
  { name: 'echo: what it was given', procedure: `${DEMO}.echo`, args: '["Ünïcode", {"list": [1, 2]}]' },
  {
    name: 'echo with named arguments (version 2)',
    procedure: `${DEMO}.echo`,
    args: '["order"]',
    kwargs: '{"paid": true}',
  },
  { name: 'slow: answers after 20 s, unless aborted', procedure: `${DEMO}.slow`, args: '[20000]' },
  { name: 'fail: an error of the application', procedure: `${DEMO}.fail`, args: '["sold out", {"left": 0}]' },
  { name: 'whoami: as whom the router knows the page', procedure: `${DEMO}.whoami`, args: '[]' },
  { name: 'A procedure that does not exist', procedure: `${DEMO}.nothing`, args: '[]' },
]

/** The part of the section that calls procedures. */
export function createCalls(
  section: HTMLElement,
  controls: Controls,
  holder: () => SessionPart,
  refresh: () => void,
) {
  const field = (name: string) => part<HTMLInputElement>(section, name)
  let abort: AbortController | undefined

  function choose({ procedure, args, kwargs = '' }: Example): void {
    field('procedure').value = procedure
    field('args').value = args
    field('kwargs').value = kwargs
  }

  async function call(): Promise<void> {
    if (abort !== undefined) return
    abort = new AbortController()
    const { signal } = abort
    show('connecting', 'calling …', '', '')
    const startedAt = performance.now()
    const took = () => duration(performance.now() - startedAt)
    try {
      const args = read('args', 'arguments', '[]')
      const kwargs = field('kwargs').value.trim() === '' ? undefined : read('kwargs', 'named arguments', '{}')
      const part = holder()
      if (isOff(part.session)) await part.open()
      const result = await part.session.call(field('procedure').value.trim(), args as unknown[], {
        kwargs: kwargs as Record<string, unknown> | undefined,
        signal,
      })
      show('open', 'result', took(), JSON.stringify(result, null, 2) ?? 'nothing')
    } catch (thrown) {
      if (!(thrown instanceof IsomqError)) throw thrown
      show('closed', thrown.code, took(), `${thrown.code}: ${thrown.message}`, thrown)
    } finally {
      abort = undefined
    }
    refresh()
  }

  function read(name: string, what: string, otherwise: string): unknown {
    try {
      return JSON.parse(field(name).value.trim() || otherwise)
    } catch (cause) {
      throw new IsomqError('webmq', 'CONFIG', `the ${what} are not JSON (${textOf(cause)})`)
    }
  }

  function show(state: string, badge: string, facts: string, data: string, error?: IsomqError): void {
    const shown = part(section, 'call-state')
    shown.dataset.state = state
    setText(shown, badge)
    setText(part(section, 'call-facts'), facts)
    const told = part(section, 'call-data')
    if (error === undefined) told.removeAttribute('role')
    else told.setAttribute('role', 'alert')
    setText(told, data)
    const pieces = part(section, 'call-error')
    pieces.hidden = error === undefined
    pieces.replaceChildren(...(error === undefined ? [] : takenApart(error)))
  }

  const select = part<HTMLSelectElement>(section, 'example')
  select.append(...EXAMPLES.map(({ name }) => element('option', '', name)))
  select.addEventListener('change', () => choose(EXAMPLES[select.selectedIndex]!))
  choose(EXAMPLES[0]!)
  controls.submit('call-form', call)
  controls.click('abort', async () => {
    if (abort === undefined) controls.say('No call is under way.')
    else abort.abort()
  })

  return {
    reset(): void {
      abort?.abort()
      select.selectedIndex = 0
      choose(EXAMPLES[0]!)
      show('idle', 'no call yet', '', 'Press “Call”.')
    },
  }
}

/** What an error consists of, for a program that has to decide. */
function takenApart({ code, details, retryable }: IsomqError): HTMLElement[] {
  const pieces: [name: string, value: unknown][] = [
    ['code', code],
    ['retryable', retryable],
    ...Object.entries(details).map(([name, value]): [string, unknown] => [`details.${name}`, value]),
  ]
  return pieces.flatMap(([name, value]) => {
    const shown = element('dd')
    shown.append(element('code', '', typeof value === 'string' ? value : (JSON.stringify(value) ?? '')))
    return [element('dt', '', name), shown]
  })
}
